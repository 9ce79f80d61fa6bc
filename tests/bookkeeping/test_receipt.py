"""Receipts: read strictly, verified offline, and every tampering refused with the name of what is wrong."""

from __future__ import annotations

import base64
import copy
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from tests.bookkeeping import planted_sources

from abate.bookkeeping import checkpoint, leaf, receipt
from abate.bookkeeping.receipt import ReceiptError
from abate.bookkeeping.verify import Status, Unlike, Verdict, verify_receipt
from abate.cli.verify import command


def agreed(given: receipt.Receipt, public: leaf.Leaf, part: leaf.AwardPart) -> str:
    """Stands in for the engine: a made-up method that gives 1500 mg and one more for every trip."""
    er_mg = 1500 + int(json.loads(part.record)["trip_id"][1:])
    if er_mg != part.er_mg:
        raise Unlike(f"recomputed {er_mg}")
    return "recomputed"


def statuses(verdict: Verdict) -> dict[str, str]:
    return {check.name: check.status.value for check in verdict.checks}


@pytest.mark.clause("P-8.5-e")
@pytest.mark.parametrize("index", [0, 7, 15, 16, 22])
def test_a_stranger_with_receipt_and_key_can_check_a_gram(small_log: Any, index: int) -> None:
    verdict = verify_receipt(json.dumps(small_log.receipt(index)), small_log.key, agreed)
    assert verdict.ok, verdict.first_failure
    assert verdict.proved == [
        *("form", "leaf", "signature", "inclusion", "opening", "facts", "recomputed", "credits")
    ]
    # What one receipt cannot show is never among what it proves.
    assert verdict.not_proved == ["rate", "total"]
    assert len(verdict.checks) == 10


def test_a_redemption_rests_on_no_calculation(small_log: Any) -> None:
    verdict = verify_receipt(small_log.receipt(9), small_log.key, agreed)
    assert verdict.ok
    assert [name for name, status in statuses(verdict).items() if status == "not checked"] == [
        "recomputed",
        "credits",
    ]
    assert "order-9: 5 credits spent" in next(c.detail for c in verdict.checks if c.name == "facts")


def test_an_older_checkpoint_stays_good_for_its_receipts(small_log: Any) -> None:
    old = small_log.receipt(3)
    small_log.add(300)
    assert verify_receipt(old, small_log.key, agreed).ok
    assert verify_receipt(small_log.receipt(3), small_log.key, agreed).ok


def test_without_a_key_nothing_vouches(small_log: Any) -> None:
    verdict = verify_receipt(small_log.receipt(3), None, agreed)
    assert not verdict.ok
    assert verdict.first_failure is not None
    assert verdict.first_failure.name == "signature"
    assert "--key" in verdict.first_failure.detail


def test_an_erased_person_cannot_be_opened_and_the_proof_still_holds(small_log: Any) -> None:
    """The commit key is gone: no salt, so the same personal text opens nothing."""
    kept = small_log.receipt(3)
    closed = {**kept, "opening": None}
    verdict = verify_receipt(closed, small_log.key, agreed)
    assert verdict.ok
    left_open = [name for name, status in statuses(verdict).items() if status == "not checked"]
    assert left_open == ["opening", "facts", "recomputed", "rate", "total"]
    guessed = copy.deepcopy(kept)
    guessed["opening"]["salt"] = base64.b64encode(leaf.salt(bytes(32), 3)).decode()
    refused = verify_receipt(guessed, small_log.key, agreed)
    assert refused.first_failure is not None
    assert refused.first_failure.name == "opening"


@pytest.mark.parametrize("rate", [None, 5_000, 1_000_000])
def test_a_forged_rate_is_never_told_as_verified(small_log: Any, tmp_path: Path, rate: int | None) -> None:
    """The leaf binds no rate: whatever stands there, the last line says that it is not proved, and so does the JSON."""
    document = small_log.receipt(3)
    if rate is not None:
        document |= {"format": "abate-receipt/3", "rate": rate}
    file, key = tmp_path / "receipt.json", tmp_path / "log.key"
    file.write_text(json.dumps(document), encoding="utf-8")
    key.write_text(str(small_log.key))
    done = CliRunner().invoke(command, [str(file), "--key", str(key)])
    last = done.stdout.splitlines()[-1]
    said, left = last.split("Not proved 未证明 (-): ")
    assert "rate, total." in left and "rate" not in said and "Verified." not in last
    told = json.loads(CliRunner().invoke(command, [str(file), "--key", str(key), "--json"]).stdout)
    assert {"rate", "total"} <= set(told["not_proved"]) and not {"rate", "total"} & set(told["proved"])
    # Nothing is proved where something is wrong.
    bad = verify_receipt(document | {"index": 4}, small_log.key).document()
    assert (bad["ok"], bad["proved"]) == (False, [])


def mutated(data: str) -> list[str]:
    raw = base64.b64decode(data)
    return [
        base64.b64encode(bytes([*raw[:at], raw[at] ^ 1 << at % 8, *raw[at + 1 :]])).decode()
        for at in range(len(raw))
    ]


def failure(document: dict[str, Any], small_log: Any) -> str:
    verdict = verify_receipt(document, small_log.key, agreed)
    assert not verdict.ok
    assert verdict.first_failure is not None
    assert verdict.first_failure.detail
    return verdict.first_failure.name


def test_every_changed_byte_of_the_leaf_is_refused(small_log: Any) -> None:
    good = small_log.receipt(3)
    named = {failure({**good, "leaf": bad}, small_log) for bad in mutated(good["leaf"])}
    assert named == {"leaf", "inclusion"}


def test_every_changed_byte_of_the_proof_is_refused(small_log: Any) -> None:
    good = small_log.receipt(3)
    for place, one in enumerate(good["proof"]):
        for bad in mutated(one):
            proof = [*good["proof"][:place], bad, *good["proof"][place + 1 :]]
            assert failure({**good, "proof": proof}, small_log) == "inclusion"
    for proof in (good["proof"][:-1], [*good["proof"], good["proof"][0]], good["proof"][::-1], []):
        assert failure({**good, "proof": proof}, small_log) == "inclusion"


def test_every_changed_byte_of_the_checkpoint_is_refused(small_log: Any) -> None:
    good = small_log.receipt(3)
    raw = good["checkpoint"].encode()
    for at in range(len(raw)):
        bad = bytes([*raw[:at], raw[at] ^ 1 << at % 8, *raw[at + 1 :]]).decode(errors="replace")
        assert failure({**good, "checkpoint": bad}, small_log) == "signature"


def test_every_changed_byte_of_the_opening_is_refused(small_log: Any) -> None:
    good = small_log.receipt(3)
    opening = good["opening"]
    for bad in mutated(opening["salt"]):
        assert failure({**good, "opening": {**opening, "salt": bad}}, small_log) == "opening"
    for at, char in enumerate(opening["personal"]):
        bad = opening["personal"][:at] + chr(ord(char) ^ 1) + opening["personal"][at + 1 :]
        assert failure({**good, "opening": {**opening, "personal": bad}}, small_log) == "opening"


@pytest.mark.parametrize("place", [0, 2, 22, 23, 10**18])
def test_a_proof_for_another_place_is_refused(small_log: Any, place: int) -> None:
    assert failure({**small_log.receipt(3), "index": place}, small_log) == "inclusion"


def test_another_key_and_another_log(small_log: Any, make_log: Any) -> None:
    good = small_log.receipt(3)
    stranger = checkpoint.key_of(small_log.origin, bytes(32))
    verdict = verify_receipt(good, stranger, agreed)
    assert verdict.first_failure is not None
    assert (verdict.first_failure.name, stranger.key_id.hex() in verdict.first_failure.detail) == (
        "signature",
        True,
    )
    other = make_log(origin="other.test/log", seed=bytes(32)).add(23)
    assert failure({**good, "checkpoint": other.note()}, small_log) == "signature"
    assert failure({**good, "log": "other.test/log"}, small_log) == "signature"
    # Rewritten history under a stolen key: its own receipts verify, those of the true log do not.
    forged = make_log().add(2)
    forged.leaves.append(small_log.leaves[4])
    forged.openings.append(small_log.openings[4])
    forged.add(20)
    assert failure({**good, "checkpoint": forged.note()}, small_log) == "inclusion"


def test_two_entries_swapped(small_log: Any) -> None:
    three, four = small_log.receipt(3), small_log.receipt(4)
    assert failure({**three, "leaf": four["leaf"]}, small_log) == "inclusion"
    assert failure({**three, "opening": four["opening"]}, small_log) == "opening"


def signed_anew(log: Any, index: int, made: leaf.Leaf) -> dict[str, object]:
    """The receipt of a dishonest operator: every hash and signature right, the content not."""
    log.leaves[index] = leaf.encode(made)
    return log.receipt(index)


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"carbon_mg": 99_000}, "facts"),
        ({"factors_hash": leaf.text_hash("f-2")}, "facts"),
        ({"credits": 3}, "credits"),
        ({"credits": -1}, "leaf"),
        ({"kind": 3}, "leaf"),
        ({"kind": 7}, "leaf"),
        ({"kind": 99}, "leaf"),
    ],
)
def test_a_dishonest_operator_is_found_by_content(small_log: Any, change: dict[str, Any], name: str) -> None:
    was = leaf.decode(small_log.leaves[3])
    fields = {slot: getattr(was, slot) for slot in was.__slots__}
    assert failure(signed_anew(small_log, 3, leaf.Leaf(**{**fields, **change})), small_log) == name


@pytest.mark.parametrize("rate", [1000, 900_000])
def test_a_line_of_its_own_says_that_nothing_binds_the_rate(small_log: Any, rate: int) -> None:
    """A forged rate lets more credits pass than the issuer ever gave a kilogram, and the rest of the receipt is right."""
    forged = {"format": "abate-receipt/3", "rate": rate} if rate != receipt.SHIPPED else {}
    told = verify_receipt({**small_log.receipt(3), **forged}, small_log.key, agreed)
    assert told.ok
    (line,) = [one.detail for one in told.checks if (one.name, one.status) == ("rate", Status.NOT_CHECKED)]
    assert f"{rate} credits a kilogram is the issuer's word, the leaf does not bind it" in line
    assert f"每千克 {rate} 分只是签发方的说法，这条记录并未锁定" in line


def test_an_amount_that_does_not_recompute_is_refused(small_log: Any) -> None:
    was = leaf.decode(small_log.leaves[3])
    opening = small_log.openings[3]
    inflated = opening.personal.replace('"er_mg":1503', '"er_mg":1999')
    small_log.openings[3] = receipt.Opening(opening.salt, inflated)
    made = leaf.Leaf(
        *(was.kind, 1999, was.credits, was.at, was.method_hash, was.factors_hash, was.cause),
        leaf.commitment(opening.salt, inflated),
    )
    assert failure(signed_anew(small_log, 3, made), small_log) == "recomputed"


def test_an_opening_that_is_no_personal_part_is_refused(small_log: Any) -> None:
    was = leaf.decode(small_log.leaves[3])
    opening = receipt.Opening(bytes(32), "{}")
    small_log.openings[3] = opening
    made = leaf.Leaf(
        *(was.kind, was.carbon_mg, was.credits, was.at, was.method_hash, was.factors_hash, was.cause),
        leaf.commitment(opening.salt, opening.personal),
    )
    assert failure(signed_anew(small_log, 3, made), small_log) == "opening"


def test_an_erased_leaf_opens_nothing(small_log: Any) -> None:
    at = leaf.decode(small_log.leaves[3]).at
    document = signed_anew(small_log, 3, leaf.Leaf(15, 0, 0, at, cause=leaf.leaf_hash(small_log.leaves[2])))
    verdict = verify_receipt(document, small_log.key, agreed)
    assert verdict.ok
    assert statuses(verdict)["opening"] == Status.NOT_CHECKED.value


def test_there_and_back(small_log: Any) -> None:
    document = small_log.receipt(3)
    assert receipt.read(json.dumps(document)).document() == receipt.read(document).document() == document
    bare = {**document, "opening": None, "method": None, "setting": None}
    assert receipt.read(json.dumps(bare).encode()).document() == bare


@pytest.mark.parametrize(
    ("change", "member"),
    [
        ({"format": "abate-receipt/4"}, "format"),
        ({"format": "abate-receipt/3"}, "rate"),
        ({"rate": 1000}, "rate"),
        ({"format": "abate-receipt/2"}, "source"),
        ({"source": {"mark": "of no format"}}, "source"),
        ({"index": -1}, "index"),
        ({"index": 3.0}, "index"),
        ({"index": True}, "index"),
        ({"log": None}, "log"),
        ({"leaf": "AA"}, "leaf"),
        ({"leaf": "AB=="}, "leaf"),
        ({"leaf": 5}, "leaf"),
        ({"proof": "x"}, "proof"),
        ({"proof": [1]}, "proof[0]"),
        ({"proof": ["AAAA"] * 65}, "proof"),
        ({"checkpoint": 1}, "checkpoint"),
        ({"opening": {}}, "opening"),
        ({"opening": {"salt": "AAAA", "personal": 1}}, "opening.personal"),
        ({"opening": []}, "opening"),
        ({"method": {"id": "walking"}}, "method"),
        ({"method": {"id": "walking", "version": "1"}}, "method.version"),
        ({"setting": {"region": 1, "floor": "standard", "pack": None, "zone": "UTC"}}, "setting.region"),
        ({"setting": {"region": None, "floor": None, "pack": None, "zone": "UTC"}}, "setting.floor"),
        ({"more": 1}, "receipt"),
    ],
)
def test_what_is_no_receipt(small_log: Any, change: dict[str, Any], member: str) -> None:
    document = {**small_log.receipt(3), **change}
    with pytest.raises(ReceiptError) as seen:
        receipt.read(json.dumps(document))
    assert seen.value.member == member
    assert failure(document, small_log) == "form"


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", "null", b"\xff", '{"format":1,"format":1}', "[" * 100_000, "x" * 1_000_001]
)
def test_what_is_no_json_of_a_receipt(text: str | bytes) -> None:
    with pytest.raises(ReceiptError) as seen:
        receipt.read(text)
    assert seen.value.member == "receipt"


def marked(document: dict[str, Any], source: object) -> dict[str, Any]:
    return {**document, "format": receipt.MARKED, "source": source}


@pytest.mark.parametrize("source", planted_sources.RIGHT)
def test_the_terms_of_a_source_are_shown_and_never_pass(small_log: Any, source: dict[str, object]) -> None:
    verdict = verify_receipt(json.dumps(marked(small_log.receipt(3), source)), small_log.key, agreed)
    word = verdict.checks[1]
    assert verdict.ok and (word.name, word.status) == ("source", Status.NOT_CHECKED)
    assert "not bound by the leaf" in word.detail and str(source["mark"]) in word.detail
    assert "lent" not in verdict.checks[0].detail


@pytest.mark.parametrize("source", planted_sources.WRONG)
def test_terms_that_are_not_as_described_are_no_receipt(small_log: Any, source: object) -> None:
    verdict = verify_receipt(json.dumps(marked(small_log.receipt(3), source)), small_log.key, agreed)
    assert [(check.name, check.status) for check in verdict.checks] == [("form", Status.FAILED)]


def test_no_text_of_a_receipt_writes_a_line_of_its_own(small_log: Any, tmp_path: Path) -> None:
    (tmp_path / "key").write_text(str(small_log.key))
    forged = {**small_log.receipt(3), "log": "x\npass  signature   forged\x1b[2K"}
    (tmp_path / "receipt").write_text(json.dumps(forged))
    done = CliRunner().invoke(command, [str(tmp_path / "receipt"), "--key", str(tmp_path / "key")])
    lines = done.output.splitlines()
    assert done.exit_code == 1 and not any(line.startswith("pass  signature") for line in lines)
    assert "\x1b" not in done.output and any("\\npass" in line for line in lines)


@pytest.mark.parametrize("member", ["log", "checkpoint", "personal", "floor"])
def test_half_a_sign_is_refused_and_ends_in_no_trace(small_log: Any, tmp_path: Path, member: str) -> None:
    document = small_log.receipt(3)
    document["setting"] = {"region": None, "floor": "standard", "pack": None, "zone": "Asia/Shanghai"}
    holder = next(one for one in (document, document["opening"], document["setting"]) if member in one)
    holder[member] += "\ud800"
    (tmp_path / "log.key").write_text(str(small_log.key), encoding="utf-8")
    for text in (
        json.dumps(document).encode(),
        json.dumps(document, ensure_ascii=False).encode("utf-8", "surrogatepass"),
    ):
        (tmp_path / "receipt.json").write_bytes(text)
        for more in ([], ["--json"]):
            asked = [str(tmp_path / "receipt.json"), "--key", str(tmp_path / "log.key"), *more]
            answer = CliRunner().invoke(command, asked)
            assert (answer.exit_code, isinstance(answer.exception, SystemExit)) == (1, True), answer.output
            assert "not the JSON it should be" in answer.output


def test_a_sign_beyond_the_basic_plane_is_read_however_it_is_written(small_log: Any) -> None:
    document = small_log.receipt(3) | {"log": "\U0001f6b2"}
    for text in (json.dumps(document), json.dumps(document, ensure_ascii=False)):
        assert receipt.read(text).log == receipt.read(text.encode()).log == "\U0001f6b2"
