"""The witness protocol's table, cosignatures to the byte, and a quorum of them on receipts and logs."""

from __future__ import annotations

from typing import Any

import pytest

from abate.bookkeeping import checkpoint, cosignature, merkle, witness
from abate.bookkeeping.checkpoint import NoteError
from abate.bookkeeping.verify import Quorum, verify_receipt
from abate.bookkeeping.verify_log import verify_log
from abate.bookkeeping.witness import Cosigned, Refused

SEEDS = {f"witness.test/w{n}": bytes([n]) * 32 for n in (1, 2, 3)}
WITNESSES = tuple(cosignature.witness_of(name, seed) for name, seed in SEEDS.items())
# The example of C2SP tlog-cosignature, as that page prints it.
EXAMPLE = (
    "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n"
    "— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n"
    "— witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWX"
    "EhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==\n"
)


@pytest.fixture
def log(make_log: Any) -> Any:
    return make_log().add(300)


def head_of(log: Any, size: int) -> Cosigned:
    return Cosigned(size, merkle.root(log.nodes(), size))


def body(log: Any, old: int, new: int, proof: list[bytes] | None = None) -> bytes:
    made = merkle.consistency(log.nodes(), old, new) if 0 < old < new else []
    return witness.write_request(old, made if proof is None else proof, log.note(new))


def answer(log: Any, sent: bytes, last: Cosigned | None, logs: dict | None = None) -> tuple[int, str]:
    """What the protocol answers."""
    try:
        request = witness.read_request(sent)
        witness.key_for(request, {log.origin: log.key} if logs is None else logs)
        now = witness.judge(request, last)
    except Refused as refused:
        return refused.status, refused.body
    return 200, str(now.size)


def test_a_head_that_goes_on_is_cosigned(log: Any) -> None:
    assert answer(log, body(log, 0, 5), None) == (200, "5")
    assert answer(log, body(log, 5, 300), head_of(log, 5)) == (200, "300")
    assert answer(log, body(log, 300, 300), head_of(log, 300)) == (200, "300")
    empty = type(log)()
    assert answer(empty, body(empty, 0, 0), None) == (200, "0")


def test_another_size_than_the_last_is_a_conflict_that_tells_the_last(log: Any) -> None:
    for old in (0, 4, 6, 100):
        assert answer(log, body(log, old, 300), head_of(log, 5)) == (409, "5\n")
    assert answer(log, body(log, 7, 300), None) == (409, "0\n")


def test_two_roots_of_one_size_are_a_conflict(log: Any, make_log: Any) -> None:
    other = make_log().add(300)
    other.leaves[3] = other.leaves[4]
    assert answer(other, body(other, 300, 300), head_of(log, 300)) == (409, "300\n")


def test_a_proof_that_proves_nothing_is_unprocessable(log: Any, make_log: Any) -> None:
    right = merkle.consistency(log.nodes(), 5, 300)
    for wrong in (right[:-1], [*right, right[0]], [right[1], right[0], *right[2:]], []):
        assert answer(log, body(log, 5, 300, wrong), head_of(log, 5))[0] == 422
    assert answer(log, body(log, 0, 300, right), None)[0] == 422
    assert answer(log, body(log, 300, 300, right), head_of(log, 300))[0] == 422
    other = make_log().add(300)
    other.leaves[3] = other.leaves[4]
    assert answer(other, body(other, 5, 300), head_of(log, 5))[0] == 422


def test_who_is_not_known_and_what_is_not_signed(log: Any, make_log: Any) -> None:
    assert answer(log, body(log, 0, 5), None, {})[0] == 404
    thief = make_log(seed=bytes(32)).add(300)
    assert answer(thief, body(thief, 0, 5), None, {log.origin: log.key})[0] == 403


GOOD = "old 0\n\n"


@pytest.mark.parametrize(
    "change",
    [
        lambda b: b.replace(b"old 5", b"old 400"),
        lambda b: b.replace(b"old 5", b"old 05"),
        lambda b: b.replace(b"old 5", b"old -5"),
        lambda b: b.replace(b"old 5", b"OLD 5"),
        lambda b: b.replace(b"old 5\n", b"old 5 \n"),
        lambda b: b.replace(b"old 5\n", b""),
        lambda b: b.replace(b"old 5\n", b"old 5\nAAAA\n"),
        lambda b: b.replace(b"old 5\n", b"old 5\nnot base64 at all\n"),
        lambda b: b.replace(b"old 5\n", b"old 5\n" + (b"A" * 43 + b"=\n") * 64),
        lambda b: b[: len(b) // 2],
        lambda b: b.rstrip(b"\n"),
        lambda b: b.replace(b"\n\n", b"\n"),
        lambda b: b"",
        lambda b: b"\xff" + b,
        lambda b: b + b"x" * witness.MAX_BODY,
    ],
)
def test_what_cannot_be_read_is_a_bad_request(log: Any, change: Any) -> None:
    assert answer(log, change(body(log, 5, 300)), head_of(log, 5))[0] == 400


def test_a_cosignature_is_what_the_specification_says(log: Any) -> None:
    text = checkpoint.read_note(log.note()).text
    line = cosignature.cosign(text, WITNESSES[0].name, SEEDS[WITNESSES[0].name], 1679315147)
    note = checkpoint.read_note(log.note() + line)
    (seal,) = cosignature.seals(note, WITNESSES)
    assert (seal.witness, seal.at, seal.line) == (WITNESSES[0], 1679315147, line)
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    message = f"cosignature/v1\ntime 1679315147\n{text}".encode()
    Ed25519PublicKey.from_public_bytes(WITNESSES[0].public).verify(note.signatures[1].signature[8:], message)
    assert cosignature.read_witness(str(WITNESSES[0])) == WITNESSES[0]
    assert checkpoint.open_checkpoint(log.note() + line, log.key).size == 300, (
        "readers of the log pass it over"
    )


def test_the_published_example_is_read() -> None:
    note = checkpoint.read_note(EXAMPLE)
    assert [len(line.signature) for line in note.signatures] == [64, 72]
    assert int.from_bytes(note.signatures[1].signature[:8]) == 1679315147
    assert cosignature.seals(note, WITNESSES) == []


@pytest.mark.parametrize("place", [0, 4, 8, 12, 60])
def test_a_flipped_bit_of_a_cosignature_is_found(log: Any, place: int) -> None:
    import base64

    text = checkpoint.read_note(log.note()).text
    line = cosignature.cosign(text, WITNESSES[0].name, SEEDS[WITNESSES[0].name], 1679315147)
    blob = bytearray(base64.b64decode(line.split()[2]))
    blob[place] ^= 1
    note = checkpoint.read_note(
        log.note() + f"— {WITNESSES[0].name} {base64.b64encode(bytes(blob)).decode()}\n"
    )
    if place < 4:
        assert cosignature.seals(note, WITNESSES) == [], "a line of a key that nobody knows"
    else:
        with pytest.raises(NoteError, match="does not fit"):
            cosignature.seals(note, WITNESSES)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a+b",
        str(checkpoint.key_of("witness.test/w1", bytes(32))),
        str(WITNESSES[0])[:-4],
        "x" + str(WITNESSES[0]),
    ],
)
def test_a_key_that_is_no_witnesss(text: str) -> None:
    with pytest.raises(NoteError):
        cosignature.read_witness(text)


@pytest.mark.clause("P-8.5-e")
def test_a_quorum_of_witnesses_on_receipts_and_logs(log: Any) -> None:
    text = checkpoint.read_note(log.note()).text
    two = [
        cosignature.cosign(text, w.name, SEEDS[w.name], 1_700_000_000 + n)
        for n, w in enumerate(WITNESSES[:2])
    ]
    sealed = cosignature.add(log.note(), [*two, *two])
    assert sealed.count("witness.test/w1") == 1
    receipt = {**log.receipt(5), "checkpoint": sealed}
    files = {**log.files(), "checkpoint": sealed.encode()}
    for needed, ok in ((1, True), (2, True), (3, False)):
        quorum = Quorum(WITNESSES, needed)
        for verdict in (
            verify_receipt(receipt, log.key, None, quorum),
            verify_log(files.get, log.key, quorum=quorum),
        ):
            assert verdict.ok is ok
            seen = next(check for check in verdict.checks if check.name == "witnesses")
            assert "cosigned by witness.test/w1, witness.test/w2" in seen.detail
    # A thief of the log's key signs another history; no witness goes along with it.
    bare = verify_receipt(log.receipt(5), log.key, None, Quorum(WITNESSES, 1)).first_failure
    assert bare is not None and "no witness" in bare.detail
