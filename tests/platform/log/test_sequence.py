"""Numbering: no gap, no loss, one at a time, the tree that was signed, whatever happens in between."""

from __future__ import annotations

import itertools
import logging
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import DatabaseError, OperationalError, connection, transaction

from abate.bookkeeping import checkpoint, merkle
from abate.platform.config import first_run, grants
from abate.platform.config.errors import Placed
from abate.platform.doors import keyring as keys
from abate.platform.doors import logins
from abate.platform.log import actions, queries, reconciling
from abate.platform.log.errors import LogDamaged
from abate.platform.log.models import Checkpoint, Leaf, Pending, Tile
from abate.platform.log.sequencer import AFTER_DAMAGE, Sequencer

pytestmark = [pytest.mark.platform, pytest.mark.django_db]


def head() -> checkpoint.Checkpoint:
    note = queries.checkpoint()
    assert note is not None
    return checkpoint.open_checkpoint(note, checkpoint.read_key(queries.public_key()))


def assert_whole() -> None:
    """Numbers without a gap, and a signed root that is the tree over the leaves themselves."""
    rows = list(Leaf.objects.order_by("idx").values_list("idx", "leaf", "hash"))
    assert [row[0] for row in rows] == list(range(len(rows)))
    hashes = [merkle.leaf_hash(bytes(row[1])) for row in rows]
    assert [bytes(row[2]) for row in rows] == hashes
    assert (head().size, head().root) == (len(rows), merkle.root_of(hashes))
    assert {(t.level, t.n): len(t.hashes) // 32 for t in Tile.objects.all()} == {
        (level, number): width for level, number, width in merkle.tiles_of(len(rows))
    }


def test_a_log_begins_with_the_empty_tree() -> None:
    assert queries.checkpoint() is None
    assert actions.sequence() == 0
    assert (head().origin, head().size, head().root) == ("abate.test/log", 0, merkle.EMPTY_ROOT)
    assert actions.sequence() == 0
    assert Checkpoint.objects.count() == 1


@pytest.fixture
def trial(settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The secret file of an installation that was served before anybody named its log."""
    secret = tmp_path / "secrets.json"
    keys.create(secret)
    settings.ABATE_SECRET_FILE = str(secret)
    monkeypatch.setenv("ABATE_SECRET_FILE", str(secret))
    monkeypatch.delenv(logins.OWNER, raising=False)
    for step in ("environment", "migrate"):
        monkeypatch.setattr(first_run.setup, step, lambda *_, **__: None)
    actions.sequence()
    assert head().origin == "abate.invalid/log"
    return secret


NAME = "carbon.example.cn/log"


@pytest.mark.parametrize("cut_off", [False, True])
def test_a_log_that_was_served_on_trial_can_be_named(trial: Path, cut_off: bool) -> None:
    """The head of its empty tree bears another name: every round after the naming would halt at it for good."""
    if cut_off:
        keys.name_log(trial, NAME)
        with pytest.raises(LogDamaged):
            actions.sequence()
    first_run.make(trial.parent, {"log_name": NAME})
    assert actions.sequence() == 0 and head().origin == NAME
    assert not any(reconciling.differences().values())
    first_run.make(trial.parent, {"log_name": NAME})
    assert Checkpoint.objects.count() == 1


@pytest.mark.parametrize("numbered", [False, True])
def test_a_log_with_anything_in_it_keeps_its_name(
    trial: Path, fill: Callable[..., None], numbered: bool
) -> None:
    fill(1, 3)
    if numbered:
        actions.sequence()
    with pytest.raises(Placed):
        first_run.make(trial.parent, {"log_name": NAME})
    actions.sequence()
    assert keys.read(trial).log_origin == head().origin == "abate.invalid/log" and head().size == 3


@pytest.mark.parametrize("steps", [[1], [255, 1, 1], [256, 256], [300, 1, 700], [1, 1, 1, 600]])
def test_leaves_are_numbered_in_any_steps(fill: Callable[..., None], steps: list[int]) -> None:
    done = 0
    for step in steps:
        fill(done + 1, done + step)
        assert actions.sequence() == step
        done += step
        assert_whole()
    assert queries.waiting() == 0
    assert queries.size() == done


def test_a_limit_leaves_the_rest_for_the_next_round(fill: Callable[..., None]) -> None:
    fill(1, 25)
    assert [actions.sequence(10) for _ in range(4)] == [10, 10, 5, 0]
    assert_whole()


def test_a_late_commit_with_a_low_id_is_numbered_late(fill: Callable[..., None]) -> None:
    """Ids are given when an entry is made, rows are seen when it commits: order of ids proves nothing."""
    fill(100, 110)
    actions.sequence()
    fill(5, 5)
    actions.sequence()
    assert Leaf.objects.get(entry_id=5).idx == 11
    assert_whole()


@pytest.mark.clause("P-8.5-e")
def test_each_tree_only_adds_to_the_one_before(fill: Callable[..., None]) -> None:
    heads = []
    for first in (1, 8, 300):
        fill(first, first + 6)
        actions.sequence()
        heads.append(head())
    nodes = merkle.from_tiles(lambda level, number: bytes(Tile.objects.get(level=level, n=number).hashes))
    for old, new in itertools.pairwise(heads):
        proof = merkle.consistency(nodes, old.size, new.size)
        merkle.check_consistency(old.size, new.size, old.root, new.root, proof)


FAULTS = ["lock", "head", "waiting", "edge", "take", "write_tiles", "sign"]


@pytest.mark.clause("P-8.5-e")
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("fault", FAULTS)
def test_a_crash_at_any_point_loses_nothing_and_makes_no_gap(
    fill: Callable[..., None], monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    fill(1, 300)
    actions.sequence()
    fill(301, 700)

    def crash(*_: object) -> None:
        raise OperationalError("the connection is gone")

    with monkeypatch.context() as patched:
        if fault == "sign":
            patched.setattr(actions, "_sign", crash)
        else:
            # The statement itself succeeds, what follows it does not happen.
            patched.setattr(actions, "_SQL", {**actions._SQL, fault: actions._SQL[fault] + "; select 1/0"})
        with pytest.raises((OperationalError, DatabaseError)):
            actions.sequence()
    assert queries.waiting() == 400
    assert queries.size() == 300
    assert actions.sequence() == 400
    assert_whole()


@pytest.mark.django_db(transaction=True)
def test_of_many_sequencers_one_works_at_a_time(fill: Callable[..., None]) -> None:
    fill(1, 2000)
    done: list[int] = []
    clashes: list[DatabaseError] = []
    gate = threading.Barrier(8)

    def work() -> None:
        gate.wait(20)
        try:
            for _ in range(60):
                done.append(actions.sequence(50))
        except DatabaseError as fault:
            clashes.append(fault)
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    while number := actions.sequence(50):
        done.append(number)
    assert not clashes, "two sequencers gave the same numbers: the lock let both in"
    assert sum(done) == 2000
    assert_whole()


def change(statement: str, *values: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)


@pytest.mark.parametrize(
    ("statement", "code"),
    [
        (
            "update log_tile set hashes = set_byte(hashes, 5, 255 - get_byte(hashes, 5)) where n = 1",
            "root-differs",
        ),
        ("delete from log_tile where level = 1", "tile-short"),
        ("update log_checkpoint set root = sha256('x') where size = 300", "checkpoint-row"),
        (
            "update log_checkpoint set note = replace(note, '300', '301') where size = 300",
            "foreign-checkpoint",
        ),
        ("update log_pending set hash = sha256('x') where entry_id = 305", "leaf-changed"),
        ("update log_pending set leaf = set_byte(leaf, 10, 7) where entry_id = 305", "leaf-changed"),
        (
            "update log_pending set leaf = leaf || 'x'::bytea, hash = abate_leaf_hash(leaf || 'x'::bytea)",
            "leaf-changed",
        ),
    ],
)
def test_nothing_is_signed_on_top_of_damage(fill: Callable[..., None], statement: str, code: str) -> None:
    fill(1, 300)
    actions.sequence()
    fill(301, 310)
    change(statement)
    with pytest.raises(LogDamaged) as seen, transaction.atomic():
        actions.sequence()
    assert seen.value.code == code
    assert queries.waiting() == 10
    assert Checkpoint.objects.order_by("-size").values_list("size", flat=True)[0] == 300


@pytest.mark.clause("P-8.5-e")
def test_the_applications_own_role_sequences_and_changes_nothing_numbered(fill: Callable[..., None]) -> None:
    grants.apply_grants(connection)
    fill(1, 300)
    change(f"set local role {grants.ROLE}")
    assert actions.sequence() == 300
    fill(301, 310)
    assert actions.sequence() == 10
    for statement in (
        "update log_leaf set leaf = 'x'",
        "delete from log_leaf",
        "truncate log_leaf",
        "update log_checkpoint set note = ''",
        "delete from log_checkpoint",
    ):
        with pytest.raises(DatabaseError, match="permission denied"), transaction.atomic():
            change(statement)
    change("reset role")
    assert_whole()


def test_another_signing_key_does_not_go_on_with_this_log(
    fill: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(1, 3)
    actions.sequence()
    fill(4, 5)
    ring = keys.keyring()
    other = keys.Keyring(
        **{name: getattr(ring, name) for name in ring.__slots__} | {"log_signing": bytes(32)}
    )
    monkeypatch.setattr(actions, "keyring", lambda: other)
    with pytest.raises(LogDamaged, match="not signed by this key"):
        actions.sequence()


def test_an_entry_has_one_place_in_the_log(fill: Callable[..., None]) -> None:
    fill(1, 3)
    actions.sequence()
    fill(2, 2)
    with pytest.raises(DatabaseError, match="log_leaf_entry"), transaction.atomic():
        actions.sequence()
    assert Pending.objects.count() == 1


def test_the_thread_goes_round_until_it_is_told_to_stop() -> None:
    answers = iter([3, OperationalError("gone"), actions.BATCH, LogDamaged("code", "what"), 0])
    pauses: list[float] = []

    def sequence() -> int:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def wait(seconds: float) -> bool:
        pauses.append(seconds)
        return len(pauses) > 5

    Sequencer(interval=1.0, wait=wait, sequence=sequence).run()
    assert pauses == [0.0, 1.0, 1.0, 0.0, AFTER_DAMAGE, 1.0]


def test_a_failing_round_is_told_once_and_remembered(caplog: pytest.LogCaptureFixture) -> None:
    def sequence() -> int:
        raise LogDamaged("root-differs", "The stored tiles give another root.")

    sequencer = Sequencer(sequence=sequence)
    with caplog.at_level(logging.INFO, logger="abate"):
        sequencer.round()
        sequencer.round()
    assert sequencer.failure is not None
    assert [record.levelname for record in caplog.records] == ["CRITICAL"]
    sequencer = Sequencer(sequence=lambda: 0)
    sequencer.round()
    assert sequencer.failure is None


@pytest.mark.django_db(transaction=True)
def test_started_and_stopped(fill: Callable[..., None], tmp_path: Any, settings: Any) -> None:
    settings.ABATE_DATA_DIR = str(tmp_path)
    fill(1, 40)
    seen = threading.Event()

    def sequence() -> int:
        done = actions.sequence()
        if queries.size() == 40:
            seen.set()
        return done

    sequencer = Sequencer(interval=0.01, sequence=sequence)
    sequencer.start()
    assert seen.wait(20)
    sequencer.stop()
    assert sequencer._thread is not None
    assert not sequencer._thread.is_alive()
    assert (tmp_path / "log.key").read_text() == queries.public_key() + "\n"
    assert_whole()


def test_leaves_are_held_against_a_tile_at_a_time() -> None:
    """Not leaf by leaf, each with a slice of a tile that is stored out of line, nor all of them sorted."""
    with connection.cursor() as cursor:
        cursor.execute(
            "insert into log_leaf (idx, person_id, entry_id, leaf, hash)"
            " select n, 1, n, leaf, abate_leaf_hash(leaf)"
            " from (select n, decode(lpad(to_hex(n), 310, '0'), 'hex') as leaf from generate_series(0, 5119) n) made"
        )
        cursor.execute(
            "insert into log_tile (level, n, hashes)"
            " select 0, idx / 256, string_agg(hash, ''::bytea order by idx) from log_leaf group by idx / 256"
        )
        cursor.execute("analyze log_leaf, log_tile")
        cursor.execute(reconciling.SQL["differ_numbered"])
        assert cursor.fetchone() == (0,)
        cursor.execute("explain (analyze, format json) " + reconciling.SQL["differ_numbered"])
        nodes = list(_nodes(cursor.fetchone()[0][0]["Plan"]))
    assert all(one["Actual Rows"] < 5120 for one in nodes if one["Node Type"] in ("Sort", "WindowAgg"))
    joined = [one["Actual Rows"] * one["Actual Loops"] for one in nodes if one.get("Join Type")]
    assert joined and max(joined) == 20


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for one in plan.get("Plans", ()):
        yield from _nodes(one)
