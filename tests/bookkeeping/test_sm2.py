"""SM2 and SM3 against the examples in the standards, and the signature line that a log's note carries by SM2."""

from __future__ import annotations

import builtins
from typing import Any

import gmssl_pyx
import pytest

from abate.bookkeeping import checkpoint, sm2, sm3
from abate.bookkeeping.checkpoint import Checkpoint, NoteError
from abate.bookkeeping.sm2 import Sm2Key
from abate.bookkeeping.verify import Verdict, see_sm2

ORIGIN = "abate.test/log"
# GB/T 32918.5-2017, A.2: signature on the recommended curve, id 1234567812345678.
PRIVATE = bytes.fromhex("3945208F7B2144B13F36E38AC6D39F95889393692860B51A42FB81EF4DF7C5B8")
PUBLIC = bytes.fromhex(
    "09F9DF311E5421A150DD7D161E4BC5C672179FAD1833FC076BB08FF356F35020"
    "CCEA490CE26775A52DC6EA718CC1AA600AED05FBF35E084A6632F6072DA9AD13"
)
R = bytes.fromhex("F5A03B0648D2C4630EEAC513E1BB81A15944DA3827D5B74143AC7EACEEE720B3")
S = bytes.fromhex("B1B6AA29DF212FD8763182BC0D421CA1BB9038FD1F7F42D4840B69C485BBC1AA")
DER = b"\x30\x46" + b"\x02\x21\x00" + R + b"\x02\x21\x00" + S
KEY = Sm2Key(ORIGIN, PUBLIC)


def note(size: int = 3, *, private: bytes = PRIVATE, public: bytes = PUBLIC, origin: str = ORIGIN) -> str:
    made = checkpoint.sign_checkpoint(Checkpoint(origin, size, bytes(32)), bytes(32))
    return made + sm2.line(checkpoint.read_note(made).text, origin, private, public)


@pytest.mark.parametrize(
    ("text", "digest"),
    [
        # GB/T 32905-2016, A.1 and A.2.
        (b"abc", "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"),
        (b"abcd" * 16, "debe9ff92275b8a138604889c18e5a4d6fdb70e5387e5765293dcba39c0c5732"),
    ],
)
def test_sm3_of_the_standard(text: bytes, digest: str) -> None:
    assert sm3.digest(text).hex() == digest


def test_sm2_of_the_standard() -> None:
    assert gmssl_pyx.sm2_verify(PUBLIC, b"message digest", DER, sm2.SIGNER_ID)
    assert not gmssl_pyx.sm2_verify(PUBLIC, b"message digest", DER, b"another id")
    assert not gmssl_pyx.sm2_verify(PUBLIC, b"message digests", DER, sm2.SIGNER_ID)


def test_z_is_that_of_the_standard() -> None:
    """ZA of the example: SM3(ENTL || ID || a || b || xG || yG || xA || yA); the digest signed is SM3(ZA || M)."""
    a = "FFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF00000000FFFFFFFFFFFFFFFC"
    b = "28E9FA9E9D9F5E344D5A9E4BCF6509A7F39789F515AB8F92DDBCBD414D940E93"
    g = (
        "32C4AE2C1F1981195F9904466A39C9948FE30BBFF2660BE1715A4589334C74C7"
        "BC3736A2F4F6779C59BDCEE36B692153D0A9877CC62A474002DF32E52139F0A0"
    )
    z = sm3.digest(b"\x00\x80" + sm2.SIGNER_ID + bytes.fromhex(a + b + g) + PUBLIC)
    assert z.hex().upper() == "B2E14C5C79C6DF5B85F4FE7ED8DB7A262B9DA7E07CCB0EA9F4747B8CCDA8A4F3"
    assert gmssl_pyx.sm2_verify_sm3_digest(PUBLIC, sm3.digest(z + b"message digest"), DER)


def test_a_line_is_checked_by_who_knows_the_key_and_left_alone_by_others() -> None:
    signed = note()
    assert "signed by SM2 too" in sm2.check(checkpoint.read_note(signed), KEY)
    log = checkpoint.key_of(ORIGIN, bytes(32))
    assert checkpoint.open_checkpoint(signed, log).size == 3
    private, public = sm2.new_key()
    assert sm2.read_key(str(Sm2Key(ORIGIN, public))) == Sm2Key(ORIGIN, public)
    both = signed + sm2.line(checkpoint.read_note(signed).text, ORIGIN, private, public)
    assert all(sm2.check(checkpoint.read_note(both), key) for key in (KEY, Sm2Key(ORIGIN, public)))


def _flip(text: str) -> str:
    """One bit of the last signature is another."""
    head, _, blob = text.rstrip("\n").rpartition(" ")
    data = bytearray(sm2.base64.b64decode(blob))
    data[-1] ^= 1
    return f"{head} {sm2.base64.b64encode(data).decode()}\n"


WRONG = {
    "sm2-not-signed": checkpoint.sign_checkpoint(Checkpoint(ORIGIN, 3, bytes(32)), bytes(32)),
    "sm2-bad-signature": note().replace(f"{ORIGIN}\n3\n", f"{ORIGIN}\n4\n"),
}


@pytest.mark.parametrize("code", WRONG)
def test_a_wrong_or_missing_signature_is_refused_by_name(code: str) -> None:
    with pytest.raises(NoteError) as seen:
        sm2.check(checkpoint.read_note(WRONG[code]), KEY)
    assert seen.value.code == code


@pytest.mark.parametrize("change", [_flip, lambda text: text[:-9] + "\n"], ids=["bit", "cut"])
def test_a_signature_changed_is_refused(change: Any) -> None:
    try:
        changed = checkpoint.read_note(change(note()))
    except NoteError as fault:
        assert fault.code == "note-form"
        return
    with pytest.raises(NoteError) as seen:
        sm2.check(changed, KEY)
    assert seen.value.code == "sm2-bad-signature"


def test_a_head_of_another_log_does_not_pass_as_this_one() -> None:
    verdict = Verdict()
    verdict.look("sm2", lambda: see_sm2(note(origin="other.test/log"), KEY))
    assert verdict.first_failure is not None and "other.test/log" in verdict.first_failure.detail


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (str(checkpoint.key_of(ORIGIN, bytes(32))), "key-type"),
        (str(KEY).replace(KEY.key_id.hex(), "00000000"), "key-hash"),
        ("no key", "key-form"),
    ],
)
def test_what_is_no_sm2_key(text: str, code: str) -> None:
    with pytest.raises(NoteError) as seen:
        sm2.read_key(text)
    assert seen.value.code == code


def test_halves_that_do_not_belong_together_do_not_sign() -> None:
    with pytest.raises(NoteError) as seen:
        note(public=sm2.new_key()[1])
    assert seen.value.code == "sm2-key"


def test_without_gmssl_it_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    found = builtins.__import__

    def absent(name: str, *rest: Any) -> Any:
        if name == "gmssl_pyx":
            raise ImportError(name)
        return found(name, *rest)

    signed = checkpoint.read_note(note())
    monkeypatch.setattr(builtins, "__import__", absent)
    with pytest.raises(NoteError, match=r"abate\[sm\]") as seen:
        sm2.check(signed, KEY)
    assert seen.value.code == "sm2-missing"
    verdict = Verdict()
    verdict.look("sm2", lambda: sm2.check(signed, KEY))
    assert not verdict.ok, "what was asked for and cannot be checked does not pass"
