"""Twelve ways to tamper with a log, made at random over a real one: every one is found, and what is wrong is named.

Who verifies holds the log's key, a head kept from an earlier day and, where the log's own key is stolen, a
witness's key. What the tamperer holds is said at each class.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from random import Random

import pytest
from tests.bookkeeping import real_log
from tests.bookkeeping.real_log import Booked, RealLog

from abate.bookkeeping import checkpoint, cosignature, leaf, merkle, monitor
from abate.bookkeeping.leaf import AwardPart
from abate.bookkeeping.monitor import Seen
from abate.bookkeeping.receipt import Opening
from abate.bookkeeping.recompute_all import RecomputingAll
from abate.bookkeeping.verify import Quorum, Verdict
from abate.bookkeeping.verify_log import verify_log
from abate.quantify import catalogue

SIZE, KEPT = 600, 400
WITNESS = cosignature.witness_of("witness.test/w1", bytes(32))
YEAR = re.compile(r"20\d\d")
Found = tuple[str, str]
"""The check or finding that failed, and its words."""


@pytest.fixture(scope="module")
def honest() -> RealLog:
    return real_log.make(SIZE)


@pytest.fixture(scope="module")
def recompute() -> RecomputingAll:
    return RecomputingAll()


def files_with(log: RealLog, changed: RealLog, *, tiles: str = "none") -> dict[str, bytes]:
    """The honest log's files with the changed entries; of the tree the tamperer rebuilt no tile, the lowest, or all."""
    files = log.files()
    for path in files:
        if path.startswith("tile/entries"):
            number = int(path.split("/")[2][:3])
            leaves = [one.leaf for one in changed.booked[number * 256 : (number + 1) * 256]]
            width = int(path.rpartition("/")[2]) if ".p/" in path else 256
            files[path] = b"".join(len(one).to_bytes(2) + one for one in leaves[:width])
    levels = {"none": r"(?!)", "lowest": r"tile/0/", "all": r"tile/[0-9]"}[tiles]
    return files | {path: data for path, data in changed.files().items() if re.match(levels, path)}


def verified(
    log: RealLog,
    files: dict[str, bytes],
    lines: list[str] | None = None,
    *,
    since: str | None = None,
    quorum: Quorum | None = None,
) -> Verdict:
    every = recomputing() if lines is not None else None
    return verify_log(files.get, log.key, since=since, openings=lines, recompute=every, quorum=quorum)


@cache
def _recomputing() -> RecomputingAll:
    return RecomputingAll()


def recomputing() -> RecomputingAll:
    """Compiled once for all these logs."""
    _recomputing().begin()
    return _recomputing()


def failure(verdict: Verdict) -> Found:
    failed = verdict.first_failure
    assert failed is not None, "nothing was found"
    return failed.name, failed.detail


def named(found: Found, place: int) -> None:
    """The words name the entry, or the stretch of entries that holds it."""
    spans = [(int(a), int(b)) for a, b in re.findall(r"entries (\d+) to (\d+)", found[1])]
    entries = [int(one) for one in re.findall(r"entry (\d+)", found[1])]
    assert place in entries or any(a <= place <= b for a, b in spans), (found, place)


# -- the classes ---------------------------------------------------------------------------------------------


def change_a_row(log: RealLog, random: Random) -> None:
    """Holds the files: one entry's amount is another, its tile and the tree are left or rebuilt."""
    place, changed = random.randrange(SIZE), log.copy()
    data = bytearray(log.booked[place].leaf)
    data[3 + random.randrange(16)] ^= 1 << random.randrange(8)
    changed.booked[place] = replace(log.booked[place], leaf=bytes(data))
    tiles = random.choice(("none", "lowest", "all"))
    found = failure(verified(log, files_with(log, changed, tiles=tiles)))
    # Under a full tile one above speaks for it. On the right edge none does, and of a tree that was rebuilt whole none of
    # the files says what it was: there the signed root alone tells, and it names nobody.
    if tiles == "all" or (tiles == "lowest" and place >= SIZE // merkle.WIDTH * merkle.WIDTH):
        assert found[0] == "root", found
    else:
        assert found[0] == {"none": "entries", "lowest": "tiles"}[tiles], found
        named(found, place)


def delete_a_row(log: RealLog, random: Random) -> None:
    place, changed = random.randrange(SIZE), log.copy()
    del changed.booked[place]
    found = failure(verified(log, files_with(log, changed)))
    # From there on everything stands one place too early; or the last bundle is one leaf short.
    assert found[0] == "entries" and (f"entry {place}:" in found[1] or "cut short" in found[1]), found


def insert_in_the_past(log: RealLog, random: Random) -> None:
    place, changed = random.randrange(SIZE - 1), log.copy()
    changed.booked.insert(place, real_log.redemption(5000 + place, f"new-{place}", 1))
    found = failure(verified(log, files_with(log, changed)))
    assert found == ("entries", f"entry {place}: its leaf is not the one in the tree")


def reorder(log: RealLog, random: Random) -> None:
    first, second = sorted(random.sample(range(SIZE), 2))
    changed = log.copy()
    changed.booked[first], changed.booked[second] = log.booked[second], log.booked[first]
    found = failure(verified(log, files_with(log, changed)))
    assert found == ("entries", f"entry {first}: its leaf is not the one in the tree")


def swap_persons(log: RealLog, random: Random) -> None:
    """The openings of two persons' entries are exchanged: what each did is said of the other."""
    opened = [n for n, one in enumerate(log.booked) if one.opened]
    first = random.choice(opened)
    second = random.choice([n for n in opened if n % 4 != first % 4])
    changed = log.copy()
    changed.booked[first] = replace(log.booked[first], opened=log.booked[second].opened)
    changed.booked[second] = replace(log.booked[second], opened=log.booked[first].opened)
    found = failure(verified(log, log.files(), changed.lines()))
    wanted = f"entry {min(first, second)}: what is opened is not what the leaf commits to"
    assert found == ("openings", wanted)


def truncate(log: RealLog, random: Random) -> None:
    """Holds the database: the tail is gone, the head that was signed of the shorter log is shown."""
    size = random.randrange(1, KEPT)
    short = RealLog(log.booked[:size])
    found = failure(verified(log, short.files(), since=log.note(KEPT)))
    assert (
        found[0] == "consistency"
        and f"has {size} entries, the older head had {KEPT}: it was rolled back" in found[1]
    )


def roll_back(log: RealLog, random: Random) -> None:
    """Yesterday's database lives on: other entries take the numbers of those that were lost."""
    back = random.randrange(1, KEPT)
    lived = RealLog([*log.booked[:back], *log.booked[back + 1 :]])
    found = failure(verified(log, lived.files(), since=log.note(KEPT)))
    assert found == ("consistency", f"the tree of {SIZE - 1} is not the tree of {KEPT} with leaves added")


def rewrite_with_the_stolen_key(log: RealLog, random: Random) -> None:
    """Holds the log's signing key: everything is in harmony, only no witness went along."""
    place, changed = random.randrange(KEPT), log.copy()
    changed.booked[place] = real_log.redemption(place, f"forged-{place}", 9)
    honest = cosignature.cosign(checkpoint.read_note(log.note()).text, WITNESS.name, bytes(32), 1_700_000_000)
    quorum = Quorum((WITNESS,), 1)
    sealed = {**log.files(), "checkpoint": (log.note() + honest).encode()}
    assert verified(log, sealed, quorum=quorum).ok
    assert verified(log, changed.files()).ok, "the key alone does not tell"
    assert failure(verified(log, changed.files(), quorum=quorum))[0] == "witnesses"
    # The witness's line from the honest head does not fit the forged one.
    forged = {**changed.files(), "checkpoint": (changed.note() + honest).encode()}
    name, words = failure(verified(log, forged, quorum=quorum))
    assert (name, "does not fit" in words) == ("witnesses", True)


def fork(log: RealLog, random: Random) -> None:
    """Holds the key: two heads of one size, each shown to other people; the monitor sees both."""
    place, changed = random.randrange(SIZE), log.copy()
    changed.booked[place] = real_log.redemption(place, f"forged-{place}", 9)
    seen = watched(log.files(), log)
    _, (found,) = monitor.look(seen, changed.files().get, log.key)
    assert found.code == "fork" and f"two heads of {SIZE} entries" in found.text
    roots = {checkpoint.open_checkpoint(note, log.key).root for note in found.notes}
    assert len(roots) == 2, "both signed heads are kept: anybody can check them"


def replay_an_old_head(log: RealLog, random: Random) -> None:
    old = random.randrange(1, SIZE)
    seen = watched(log.files(), log)
    _, (found,) = monitor.look(seen, {**log.files(), "checkpoint": log.note(old).encode()}.get, log.key)
    assert (found.code, f"shows {old} entries again after it had shown {SIZE}" in found.text) == (
        "rollback",
        True,
    )


@cache
def _factors() -> dict[str, list[str]]:
    """Every shipped figure's versions, by its name without the years."""
    found: dict[str, list[str]] = {}
    for one in catalogue.load().registry.factors:
        found.setdefault(YEAR.sub("", one), []).append(one)
    return found


def other_version(one: str, random: Random) -> str:
    """Another version of the figure that was really published, or one that never was."""
    real = [other for other in _factors().get(YEAR.sub("", one), []) if other != one]
    return random.choice(real) if real and random.random() < 0.5 else f"{one}-2099"


def change_a_factor_version(log: RealLog, random: Random) -> None:
    """Holds the key and every salt: the opened award names other factors, or another methodology, all in harmony."""
    place = random.choice([n for n, one in enumerate(log.booked) if one.opened and one.opened[1]])
    opening, method, terms = log.booked[place].opened or (None, None, None)
    assert opening is not None and method is not None
    part = leaf.read_personal(opening.personal)
    assert isinstance(part, AwardPart)
    ids = part.factors.split(";")
    which = random.randrange(len(ids))
    ids[which] = other_version(ids[which], random)
    part = replace(part, factors=";".join(ids))
    opening = Opening(opening.salt, leaf._award_text(part))
    public = replace(
        leaf.decode(log.booked[place].leaf),
        factors_hash=leaf.text_hash(part.factors),
        commitment=leaf.commitment(opening.salt, opening.personal),
    )
    changed = log.copy()
    changed.booked[place] = Booked(leaf.encode(public), (opening, method, terms))
    name, words = failure(verified(log, changed.files(), changed.lines()))
    assert (name, words.startswith(f"entry {place}: {part.behaviour} version")) == ("recomputed", True)


def cut_a_bundle(log: RealLog, random: Random) -> None:
    files = log.files()
    path = random.choice([path for path in files if path.startswith("tile/entries")])
    keep = random.randrange(len(files[path]))
    files[path] = files[path][:keep]
    name, words = failure(verified(log, files))
    assert (name, words) == ("entries", f"{path} is cut short after {keep // 157} leaves")


CLASSES: list[Callable[[RealLog, Random], None]] = [
    change_a_row,
    delete_a_row,
    insert_in_the_past,
    reorder,
    swap_persons,
    truncate,
    roll_back,
    rewrite_with_the_stolen_key,
    fork,
    replay_an_old_head,
    change_a_factor_version,
    cut_a_bundle,
]


def watched(files: dict[str, bytes], log: RealLog) -> Seen:
    """A monitor that has seen this state of the log."""
    head, findings = monitor.look(Seen(), files.get, log.key)
    assert head is not None and not findings
    return Seen([head])


def test_there_are_twelve_and_the_honest_log_passes(honest: RealLog) -> None:
    assert len(CLASSES) == 12
    verdict = verified(honest, honest.files(), honest.lines(), since=honest.note(KEPT))
    assert {check.status.value for check in verdict.checks} == {"passed"}
    assert json.loads(honest.lines()[0])["index"] == 0
    assert merkle.root_of(honest.hashes()) == checkpoint.open_checkpoint(honest.note(), honest.key).root


def test_what_is_planted_is_of_every_kind() -> None:
    """Real versions and made-up ones, for the figures that are in the log."""
    planted = {other_version("cn-grid-2023-national", Random(seed)) for seed in range(20)}
    assert {"cn-grid-2021-national", "cn-grid-2022-national", "cn-grid-2023-national-2099"} == planted
    assert any(
        not one.endswith("-2099") for one in {other_version("uk-2023-coach", Random(n)) for n in range(20)}
    )


@pytest.mark.clause("P-8.5-e", "D-7.3")
@pytest.mark.parametrize("tamper", CLASSES, ids=lambda one: one.__name__)
def test_twenty_of_each_are_found(honest: RealLog, tamper: Callable[[RealLog, Random], None]) -> None:
    for seed in range(20):
        tamper(honest, Random(f"{tamper.__name__}-{seed}"))


@pytest.mark.slow
@pytest.mark.parametrize("tamper", CLASSES, ids=lambda one: one.__name__)
def test_a_thousand_of_each_are_found(honest: RealLog, tamper: Callable[[RealLog, Random], None]) -> None:
    for seed in range(1000):
        tamper(honest, Random(f"{tamper.__name__}-large-{seed}"))
