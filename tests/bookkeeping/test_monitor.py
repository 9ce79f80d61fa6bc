"""A monitor keeps every head and names what no honest log does; proofs between two heads are checked offline."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from abate.bookkeeping import checkpoint, consistency, merkle, monitor
from abate.bookkeeping.monitor import Finding, Seen
from abate.bookkeeping.verify_log import verify_log


@dataclass
class Watch:
    """A monitor with its memory, and the log it looks at."""

    log: Any
    seen: Seen = field(default_factory=Seen)
    asked: list[str] = field(default_factory=list)

    def look(self, files: dict[str, bytes] | None = None, turn: int = 0, audited: int = 256) -> list[Finding]:
        shown = self.log.files() if files is None else files

        def fetch(path: str) -> bytes | None:
            self.asked.append(path)
            return shown.get(path)

        head, findings = monitor.look(self.seen, fetch, self.log.key, turn, audited)
        self.seen.remember(findings, self.log.key)
        if head is not None:
            self.seen.heads.append(head)
        return findings


@pytest.fixture
def watch(make_log: Any) -> Watch:
    return Watch(make_log().add(300))


def codes(findings: list[Finding]) -> list[str]:
    return [one.code for one in findings]


@pytest.mark.clause("P-8.5-e")
def test_a_log_that_only_grows_is_clean(watch: Watch) -> None:
    for more in (0, 1, 211, 1, 300):
        watch.log.add(more)
        assert watch.look() == []
        assert watch.look() == [], "the same head again is no news"
    assert [head.size for head in watch.seen.heads] == [300, 301, 512, 513, 813]


def test_an_empty_log_may_begin(make_log: Any) -> None:
    watch = Watch(make_log())
    assert watch.look() == []
    watch.log.add(3)
    assert watch.look() == []
    assert [head.size for head in watch.seen.heads] == [0, 3]


@pytest.mark.clause("P-8.5-e")
def test_two_heads_of_one_size_are_a_fork(watch: Watch, make_log: Any) -> None:
    watch.look()
    other = make_log().add(300)
    other.leaves[5] = other.leaves[6]
    (found,) = watch.look(other.files())
    assert found.code == "fork"
    notes = [checkpoint.open_checkpoint(note, watch.log.key) for note in found.notes]
    assert notes[0].size == notes[1].size == 300 and notes[0].root != notes[1].root
    assert len(watch.seen.heads) == 1, "what is found is evidence and no part of the history"


@pytest.mark.clause("P-8.5-e")
def test_a_rewritten_history_is_a_fork_and_the_stretch_is_named(watch: Watch, make_log: Any) -> None:
    for _ in range(4):
        watch.look()
        watch.log.add(100)
    other = make_log().add(900)
    other.leaves[450] = other.leaves[451]
    (found,) = watch.look(other.files())
    assert found.code == "fork"
    assert "does not go on from the head of 500" in found.text
    assert "entries between 400 and 499 were rewritten" in found.text


@pytest.mark.clause("P-8.5-e")
def test_an_old_head_shown_again_is_a_rollback(watch: Watch) -> None:
    watch.look()
    old = watch.log.files()
    watch.log.add(100)
    watch.look()
    (found,) = watch.look(old)
    assert (found.code, "an old head, seen before" in found.text) == ("rollback", True)
    unseen = {**watch.log.files(), "checkpoint": watch.log.note(350).encode()}
    (found,) = watch.look(unseen)
    assert (found.code, "350 entries again after it had shown 400" in found.text) == ("rollback", True)


def test_a_database_rolled_back_with_its_tiles(watch: Watch, make_log: Any) -> None:
    watch.log.add(300)
    watch.look()
    (found,) = watch.look(make_log().add(300).files())
    assert (found.code, "the tiles of the larger one are gone" in found.text) == ("rollback", True)


def test_rolled_back_and_lived_again(watch: Watch, make_log: Any) -> None:
    watch.look()
    other = make_log().add(290)
    other.leaves = [*other.leaves[:280], *other.leaves[285:290]]
    (found,) = watch.look({**watch.log.files(), "checkpoint": other.note().encode()})
    assert (found.code, "not the first of those 300" in found.text) == ("fork", True)


@pytest.mark.parametrize("path", ["tile/0/000", "tile/0/001", "tile/1/000.p/2", "tile/0/002.p/188"])
def test_a_changed_tile_is_named(watch: Watch, path: str) -> None:
    watch.log.add(400)
    files = watch.log.files()
    files[path] = bytes([*files[path][:40], files[path][40] ^ 1, *files[path][41:]])
    (found,) = watch.look(files)
    assert found.code == "tile"
    if path.startswith("tile/0/00") and ".p" not in path:
        number = int(path[-3:])
        assert f"{path} is not the one" in found.text
        assert f"entries {number * 256} to {number * 256 + 255}" in found.text
    assert watch.seen.heads == []


@pytest.mark.parametrize("grown", [0, 50], ids=["of one size", "of a later size"])
def test_a_head_shown_with_other_tiles_is_not_taken_back(make_log: Any, grown: int) -> None:
    """A log signs a second history, is asked for its tiles before they are there, and goes on as if it had not."""
    watch, other = Watch(make_log().add(300)), make_log().add(300)
    other.leaves[7] = other.leaves[8]
    shown = other.files()["checkpoint"]
    (found,) = watch.look(watch.log.files() | {"checkpoint": shown})
    assert found.code == "tile" and found.notes == (shown.decode(),), "the evidence is the head"
    watch.log.add(grown)
    (fork,) = watch.look()
    assert fork.code == "fork" and fork.notes == (shown.decode(), watch.log.note())
    assert watch.seen.newest is None
    # The watch goes on, and the fork stands until somebody settles it.
    assert watch.look() == [] and watch.seen.newest is not None
    assert watch.seen.forks == [fork]
    watch.seen.settle()
    assert watch.look() == [] and watch.seen.forks == []


def test_a_log_that_goes_back_behind_a_head_whose_tiles_it_never_showed(watch: Watch, make_log: Any) -> None:
    """It signed 400 entries: to show 300 again, or 350, is no growth, though the 400 were never accepted."""
    watch.look()
    before = watch.log.files()
    watch.log.add(100)
    ahead = watch.log.files()["checkpoint"]
    assert codes(watch.look(before | {"checkpoint": ahead})) == ["tile"]
    for files in (before, make_log().add(350).files(), before):
        (found,) = watch.look(files)
        assert (found.code, "300 entries" in found.text or "350 entries" in found.text) == ("rollback", True)
        assert found.notes == (ahead.decode(), files["checkpoint"].decode())
    assert watch.look() == [], "the tiles came late, and go on from what was seen"
    assert [head.size for head in watch.seen.heads] == [300, 400]


def test_a_head_that_the_log_never_reaches_can_be_settled(watch: Watch) -> None:
    watch.look()
    far = checkpoint.sign_checkpoint(
        checkpoint.Checkpoint(watch.log.origin, 10**15, bytes(32)), watch.log.seed
    )
    assert codes(watch.look(watch.log.files() | {"checkpoint": far.encode()})) == ["tile"]
    assert codes(watch.look()) == ["rollback"]
    watch.seen.settle()
    watch.log.add(50)
    assert watch.look() == [] and watch.seen.newest is not None and watch.seen.newest.size == 350


def test_a_head_whose_tiles_came_late_is_taken_when_they_are_there(watch: Watch) -> None:
    files = watch.log.files()
    late = {path: data for path, data in files.items() if path != "tile/0/001.p/44"}
    assert codes(watch.look(late)) == ["tile"]
    assert watch.look(files) == [] and watch.seen.newest is not None


def test_an_old_tile_changed_later_is_found_though_no_new_entry_touches_it(watch: Watch) -> None:
    watch.log.add(2000)
    watch.look()
    files = watch.log.files()
    files["tile/0/003"] = bytes([files["tile/0/003"][0] ^ 1]) + files["tile/0/003"][1:]
    assert codes(watch.look(files)) == ["tile"]
    # With fewer tiles a look than there are, some turn finds it.
    watch.seen.tiles.clear()
    found = [codes(watch.look(files, turn, audited=2)) for turn in range(5)]
    assert found == [[], ["tile"], ["tile"], ["tile"], ["tile"]], "and it is read again until it is right"
    assert watch.look(turn=4, audited=2) == []


def test_a_missing_tile_or_checkpoint_or_a_foreign_one(watch: Watch, make_log: Any) -> None:
    watch.look()
    watch.log.add(400)
    files = watch.log.files()
    for path in ("tile/0/001", "tile/1/000.p/2", "checkpoint"):
        (found,) = watch.look({name: data for name, data in files.items() if name != path})
        assert (found.code, path in found.text) == ("tile", True)
    stranger = make_log(seed=bytes(32)).add(700)
    assert codes(watch.look(stranger.files())) == ["signature"]
    assert codes(watch.look({**files, "checkpoint": b"\xff"})) == ["signature"]


def test_a_look_at_a_grown_log_reads_few_files(watch: Watch) -> None:
    watch.log.add(20_000)
    watch.look()
    watch.asked.clear()
    watch.log.add(1)
    assert watch.look(audited=0) == []
    assert len(set(watch.asked)) <= 6


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "abate", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def write(log: Any, folder: Path) -> None:
    for path, data in log.files().items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)


def test_the_command_remembers_between_runs(make_log: Any, tmp_path: Path) -> None:
    log, key, state = make_log().add(300), tmp_path / "key", tmp_path / "state.jsonl"
    key.write_text(str(log.key))
    write(log, tmp_path / "log")
    watching = ("monitor", tmp_path / "log", "--key", key, "--state", state, "--json")
    assert run(*watching).returncode == 0
    # A crash while a line was written: the line is not there yet.
    state.write_bytes(state.read_bytes() + b'{"head": "abate')
    log.add(100)
    write(log, tmp_path / "log")
    second = run(*watching)
    assert second.returncode == 0, second.stdout + second.stderr
    assert json.loads(second.stdout)["heads"] == 2
    other = make_log().add(500)
    other.leaves[3] = other.leaves[4]
    write(other, tmp_path / "forked")
    third = run("monitor", tmp_path / "forked", "--key", key, "--state", state, "--json")
    assert third.returncode == 1
    assert [one["code"] for one in json.loads(third.stdout)["findings"]] == ["fork"]
    kept = [json.loads(line) for line in state.read_text().splitlines()]
    assert [sorted(set(line) - {"at"}) for line in kept] == [["head"], ["head"], ["finding", "notes", "text"]]
    # The log goes on as if nothing was: the monitor still compares with the honest head.
    assert run("monitor", tmp_path / "forked", "--key", key, "--state", state).returncode == 1
    # And when the honest log is back: it stays told until somebody settles it.
    log.add(100)
    write(log, tmp_path / "log")
    for heads in (3, 3):
        back = run(*watching)
        told = json.loads(back.stdout)
        assert (back.returncode, [one["code"] for one in told["findings"]], told["heads"]) == (
            1,
            ["fork"],
            heads,
        )
    assert "--settle" in run(*watching[:-1]).stdout
    size = state.stat().st_size
    assert run(*watching, "--settle", " ").returncode == 2 and state.stat().st_size == size
    assert run(*watching, "--settle", "the operator's key was stolen, and is replaced").returncode == 0
    assert run(*watching).returncode == 0
    assert "stolen" in state.read_text() and run(*watching, "--settle", "again").returncode == 2
    state.write_text('{"head": "forged"}\n')
    assert run(*watching).returncode == 2
    # What a look found wrong is remembered by the next one too.
    shown, again = tmp_path / "shown", tmp_path / "again"
    write(log, shown)
    (shown / "checkpoint").write_bytes(other.files()["checkpoint"])
    assert run("monitor", shown, "--key", key, "--state", again).returncode == 1
    write(log.add(100), shown)
    told = run("monitor", shown, "--key", key, "--state", again, "--json")
    assert [one["code"] for one in json.loads(told.stdout)["findings"]] == ["fork"]
    assert run("monitor", "ftp://example.invalid", "--key", key, "--state", tmp_path / "x").returncode == 2
    assert run("monitor", "http://127.0.0.1:9/log", "--key", key, "--state", tmp_path / "x").returncode == 1


def test_what_stands_is_written_down_once(make_log: Any, tmp_path: Path) -> None:
    """A second fork, and a rollback, added a line at every look for as long as they were shown."""
    log, key, state = make_log().add(300), tmp_path / "key", tmp_path / "state.jsonl"
    key.write_text(str(log.key))
    write(log, tmp_path / "former")
    write(log.add(100), tmp_path / "log")
    for number, name in ((3, "first"), (5, "second")):
        other = make_log().add(400)
        other.leaves[number] = other.leaves[number + 1]
        write(other, tmp_path / name)

    def look(name: str, *more: object) -> list[str]:
        told = run("monitor", tmp_path / name, "--key", key, "--state", state, "--json", *more)
        return [one["code"] for one in json.loads(told.stdout)["findings"]]

    assert look("former") == look("log") == []
    for _ in range(3):
        assert look("former") == ["rollback"]
    assert [look(name) for name in ("first", "second", "second", "first")] == [
        ["fork"],
        *(["fork", "fork"],) * 3,
    ]
    kept = [json.loads(line).get("finding", "head") for line in state.read_text().splitlines()]
    assert kept == ["head", "head", "rollback", "fork", "fork"]
    # Both are told until they are settled; what is shown again after that is news again.
    assert look("log") == ["fork", "fork"] and look("log", "--settle", "a test") == []
    assert look("second") == ["fork"] and len(state.read_text().splitlines()) == len(kept) + 2


@pytest.fixture
def proof(make_log: Any) -> dict[str, Any]:
    log = make_log().add(700)
    return consistency.document(log.note(300), log.note(700), log.nodes())


@pytest.mark.clause("P-8.5-e")
def test_a_proof_between_two_heads(proof: dict[str, Any], make_log: Any, tmp_path: Path) -> None:
    key = make_log().key
    verdict = consistency.verify_consistency(json.dumps(proof), key)
    assert verdict.ok and [check.name for check in verdict.checks] == ["form", "signature", "consistency"]
    (tmp_path / "key").write_text(str(key))
    (tmp_path / "proof.json").write_text(json.dumps(proof))
    done = run("verify", tmp_path / "proof.json", "--key", tmp_path / "key")
    assert (done.returncode, "begins with the 300 of the older head" in done.stdout) == (0, True)


@pytest.mark.parametrize(
    ("change", "name"),
    [
        (lambda p: p.update(proof=p["proof"][:-1]), "consistency"),
        (lambda p: p.update(proof=[*p["proof"], p["proof"][0]]), "consistency"),
        (lambda p: p.update(proof=[p["proof"][1], p["proof"][0], *p["proof"][2:]]), "consistency"),
        (lambda p: p.update(old=p["new"], new=p["old"]), "consistency"),
        (lambda p: p.update(old=p["old"].replace("300", "301")), "signature"),
        (lambda p: p.update(format="abate-consistency/2"), "form"),
        (lambda p: p.update(more=1), "form"),
        (lambda p: p.update(proof=["x"]), "form"),
        (lambda p: p.update(old=5), "form"),
    ],
)
def test_a_wrong_proof_is_refused_by_name(
    proof: dict[str, Any], make_log: Any, change: Any, name: str
) -> None:
    change(proof)
    found = consistency.verify_consistency(proof, make_log().key).first_failure
    assert found is not None and found.name == name
    without = consistency.verify_consistency(proof, None).first_failure
    assert without is not None and without.name in {"form", "signature"}


def test_a_folder_is_held_against_an_older_head(make_log: Any) -> None:
    log = make_log().add(300)
    old = log.note()
    log.add(200)
    assert verify_log(log.files().get, log.key, since=old).ok
    other = make_log().add(500)
    other.leaves[9] = other.leaves[8]
    found = verify_log(other.files().get, log.key, since=old).first_failure
    assert found is not None and (found.name, "not the tree of 300" in found.detail) == ("consistency", True)
    small = make_log().add(200)
    found = verify_log(small.files().get, log.key, since=old).first_failure
    assert found is not None and "rolled back" in found.detail
    assert merkle.root_of([]) == merkle.EMPTY_ROOT
