"""An export with its openings: every issued figure is computed again, and the first wrong row is named."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from tests.bookkeeping import real_log
from tests.bookkeeping.real_log import Booked, RealLog

from abate.bookkeeping import leaf, openings
from abate.bookkeeping.openings import FILE
from abate.bookkeeping.receipt import Opening, Terms
from abate.bookkeeping.recompute_all import RecomputingAll
from abate.bookkeeping.verify import Verdict
from abate.bookkeeping.verify_entries import _careful, _quick
from abate.bookkeeping.verify_log import verify_log

SIZE = 300


@pytest.fixture
def log() -> RealLog:
    return real_log.make(SIZE)


def status(verdict: Verdict) -> dict[str, str]:
    return {check.name: check.status.value for check in verdict.checks}


def detail(verdict: Verdict, name: str) -> str:
    return next(check.detail for check in verdict.checks if check.name == name)


@pytest.mark.clause("P-8.5-e", "D-7.3")
def test_every_figure_of_an_export_comes_out_again(log: RealLog) -> None:
    verdict = log.verdict()
    assert status(verdict) == dict.fromkeys(
        ("signature", "tiles", "root", "entries", "openings", "recomputed", "rates"), "passed"
    ), verdict.first_failure
    awards = [leaf.decode(one.leaf).kind == 1 for one in log.booked]
    opened = sum(award and one.opened is not None for award, one in zip(awards, log.booked, strict=True))
    assert detail(verdict, "recomputed") == (
        f"{opened} of {sum(awards)} awards give the booked milligrams again, to the last one; "
        f"{sum(awards) - opened} were erased with their person"
    )
    assert opened > 200


def test_a_withheld_award_is_not_passed_over(log: RealLog) -> None:
    log.booked[10] = replace(log.booked[10], opened=None)
    log.booked[30] = replace(log.booked[30], opened=None)
    verdict = log.verdict()
    assert (verdict.ok, status(verdict)["openings"], status(verdict)["recomputed"]) == (
        True,
        "passed",
        "not checked",
    )
    assert "2 were not opened, the first is entry 10" in detail(verdict, "recomputed")


def change_award(log: RealLog, number: int, **changes: object) -> None:
    """A dishonest platform: the award's leaf and opening say something else, both in harmony."""
    opening, method, terms = log.booked[number].opened or (None, None, None)
    assert opening is not None and method is not None
    part, public = leaf.read_personal(opening.personal), leaf.decode(log.booked[number].leaf)
    assert isinstance(part, leaf.AwardPart)
    part = replace(part, **changes)
    personal = leaf._award_text(part)
    public = replace(
        public,
        carbon_mg=part.er_mg,
        factors_hash=leaf.text_hash(part.factors),
        commitment=leaf.commitment(opening.salt, personal),
    )
    log.booked[number] = Booked(leaf.encode(public), (Opening(opening.salt, personal), method, terms))


def an_award(log: RealLog, behind: int, behaviour: str = "cycling") -> int:
    """The first opened award of the behaviour from `behind` on."""
    for number in range(behind, len(log.booked)):
        opened = log.booked[number].opened
        if opened is not None and opened[1] is not None and opened[1].id == behaviour:
            return number
    raise AssertionError("there is none")


@pytest.mark.clause("P-8.5-e")
def test_a_booked_milligram_too_many_is_found_and_the_first_named(log: RealLog) -> None:
    late, early = an_award(log, 200, "online-meeting"), an_award(log, 100)
    for number in (late, early):
        opening = (log.booked[number].opened or (None,))[0]
        assert opening is not None
        part = leaf.read_personal(opening.personal)
        assert isinstance(part, leaf.AwardPart)
        change_award(log, number, er_mg=part.er_mg + 1)
    verdict = log.verdict()
    assert verdict.first_failure is not None
    assert verdict.first_failure.name == "recomputed"
    assert verdict.first_failure.detail.startswith(f"entry {early}: cycling version 1 gives ")


def test_a_record_changed_by_a_metre_is_found(log: RealLog) -> None:
    number = an_award(log, 50)
    opening = (log.booked[number].opened or (None,))[0]
    part = leaf.read_personal(opening.personal if opening else "")
    assert isinstance(part, leaf.AwardPart)
    record = json.loads(part.record)
    record["distance_km"] = str(float(record["distance_km"]) + 0.001)
    change_award(log, number, record=json.dumps(record, separators=(",", ":")))
    found = log.verdict().first_failure
    assert found is not None and (found.name, f"entry {number}:" in found.detail) == ("recomputed", True)


@pytest.mark.parametrize("record", ['{"trip_id":"t"}', '{"no":"field"}', '{},"er_mg":5,"x":{}', "{nothing}"])
def test_a_record_that_is_none_is_found(log: RealLog, record: str) -> None:
    number = an_award(log, 50)
    change_award(log, number, record=record)
    found = log.verdict().first_failure
    assert found is not None
    assert f"entry {number}:" in found.detail and found.name in {"openings", "recomputed"}


# Readers of JSON differ on which of two members counts, and UTF-8 holds no half of a sign: the two evaluators differed, and
# the verifier ended in a trace.
@pytest.mark.parametrize("more", ['"trip_id":"u"', r'"trip\u005fid":"u"', r'"x":"\ud800"', r'"x":["\udfff"]'])
def test_a_record_that_could_be_read_in_two_ways_is_named(log: RealLog, more: str) -> None:
    number = an_award(log, 50)
    part = award_part(log, number)
    change_award(log, number, record=f"{part.record[:-1]},{more}}}")
    found = log.verdict().first_failure
    assert found is not None and (found.name, f"entry {number}:" in found.detail) == ("recomputed", True)
    assert "not the JSON it should be" in found.detail


def award_part(log: RealLog, number: int) -> leaf.AwardPart:
    part = leaf.read_personal((log.booked[number].opened or (Opening(b"", ""),))[0].personal)
    assert isinstance(part, leaf.AwardPart)
    return part


def test_an_act_shown_as_another_is_named(log: RealLog) -> None:
    number = an_award(log, 50)
    change_award(log, number, behaviour="walking")
    found = log.verdict().first_failure
    assert found is not None and found.name == "recomputed"
    assert (
        found.detail == f"entry {number}: the act is opened as 'walking', the leaf's methodology is 'cycling'"
    )


def break_line(change: Callable[[dict], object]) -> Callable[[list[str]], None]:
    def act(lines: list[str]) -> None:
        told = json.loads(lines[6])
        change(told)
        lines[6] = json.dumps(told, ensure_ascii=False, separators=(",", ":")) + "\n"

    return act


LINES: dict[str, tuple[Callable[[list[str]], object], str]] = {
    "another salt": (
        break_line(lambda t: t["opening"].update(salt="A" * 43 + "=")),
        "not what the leaf commits to",
    ),
    "another text": (
        break_line(
            lambda t: t["opening"].update(personal=t["opening"]["personal"].replace("person", "parson"))
        ),
        "not what the leaf commits to",
    ),
    "another number": (break_line(lambda t: t.update(index=t["index"] + 1)), "entry"),
    "twice": (lambda lines: lines.insert(8, lines[7]), "comes late or twice"),
    "out of order": (lambda lines: lines.insert(20, lines.pop(7)), "comes late or twice"),
    "beyond the log": (
        lambda lines: lines.append(lines[-1].replace('"index":', '"index":9')),
        "the log has 300",
    ),
    "no line": (lambda lines: lines.insert(3, "nothing\n"), "line 4"),
    "cut short": (lambda lines: lines.__setitem__(-1, lines[-1][:-20]), "line"),
    "empty line": (lambda lines: lines.insert(3, "\n"), "line 4"),
    "another method": (
        break_line(lambda t: t.update(method={"id": "walking", "version": 1})),
        "opened is walking",
    ),
    "another version": (
        break_line(lambda t: t.update(method={"id": t["method"]["id"], "version": 2})),
        "methodology version",
    ),
    "no such grade": (break_line(lambda t: t["setting"].update(floor="none")), "no grade"),
    "no such zone": (break_line(lambda t: t["setting"].update(zone="Nowhere/Land")), "no time zone"),
    "a number for a zone": (break_line(lambda t: t["setting"].update(zone=8)), "setting.zone"),
    "a list for a floor": (break_line(lambda t: t["setting"].update(floor=[])), "setting.floor"),
}


@pytest.mark.parametrize("name", LINES)
def test_a_wrong_line_is_named(log: RealLog, name: str) -> None:
    act, words = LINES[name]
    lines = log.lines()
    act(lines)
    verdict = verify_log(log.files().get, log.key, openings=lines, recompute=RecomputingAll())
    found = verdict.first_failure
    assert found is not None and found.name in {"openings", "recomputed"}, name
    assert words in found.detail, found.detail
    assert status(verdict)["recomputed"] != "passed"


def test_the_quick_reader_says_what_the_careful_one_says(log: RealLog) -> None:
    quick = 0
    for line in log.lines():
        careful, found = _careful(line), _quick(line)
        if found is not None:
            quick += 1
            assert found == careful
    assert quick > 200
    # Not the common shape: left to the careful reader, which decides.
    for line in (
        '{"index":1}',
        '{"index": 1,"opening":null,"method":null,"setting":null}',
        log.lines()[0].upper(),
    ):
        assert _quick(line) is None


def test_an_unknown_methodology_is_named_and_not_passed(log: RealLog) -> None:
    number = an_award(log, 0)
    booked = log.booked[number]
    public = replace(leaf.decode(booked.leaf), method_hash=bytes(range(32)))
    log.booked[number] = replace(booked, leaf=leaf.encode(public))
    verdict = log.verdict()
    assert verdict.ok
    assert status(verdict)["recomputed"] == "not checked"
    assert f"entry {number}: methodology 0001020304050607 is not shipped here" in detail(
        verdict, "recomputed"
    )


def test_an_operators_figures_that_are_not_at_hand(log: RealLog) -> None:
    number = an_award(log, 0)
    opening, method, _ = log.booked[number].opened or (None, None, None)
    assert opening is not None
    log.booked[number] = replace(log.booked[number], opened=(opening, method, Terms(pack="/etc/passwd")))
    verdict = log.verdict()
    assert status(verdict)["recomputed"] == "not checked"
    assert "give --operator-pack FILE" in detail(verdict, "recomputed")


def test_the_command_verifies_an_export_with_the_pure_packages(log: RealLog, tmp_path: Path) -> None:
    for path, data in log.files().items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(data)
    (tmp_path / FILE).write_text("".join(log.lines()), encoding="utf-8")
    (tmp_path / "log.pub").write_text(str(log.key))
    bar = "import sys; sys.modules.update(dict.fromkeys(('django', 'psycopg', 'msgspec')))"
    bar += "; from abate.cli.main import main; main()"
    command = [
        sys.executable,
        "-c",
        bar,
        "verify",
        str(tmp_path),
        "--key",
        str(tmp_path / "log.pub"),
        "--json",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert {check["status"] for check in json.loads(done.stdout)["checks"]} == {"passed"}
    first = openings.read(log.lines()[0])
    wrong = first.line().replace('"opening":', '"opened":')
    (tmp_path / FILE).write_text(wrong + "\n" + "".join(log.lines()[1:]), encoding="utf-8")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, json.loads(done.stdout)["first_failure"]) == (1, "openings")
