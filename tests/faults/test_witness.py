"""A log and its witnesses as processes of their own: the table over HTTP, races, kills, and a witness that is down."""

from __future__ import annotations

import json
import socket
import stat
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from tests.bookkeeping.conftest import SmallLog
from tests.faults import witnesses
from tests.faults.witnesses import Running
from tests.platform.log.conftest import queue

from abate.bookkeeping import checkpoint, cosignature, merkle, witness
from abate.bookkeeping.verify import Quorum, verify_receipt
from abate.cli import witness as witness_command
from abate.platform.log import actions, cosigning, queries
from abate.platform.log.cosigning import Asked, Cosigner


@pytest.fixture
def log() -> SmallLog:
    return SmallLog().add(300)


@pytest.fixture
def started(tmp_path: Path) -> Iterator[Callable[..., Running]]:
    running: list[Running] = []

    def start(name: str, *keys: str) -> Running:
        folder = tmp_path / name
        if not folder.exists():
            witnesses.make(folder, f"witness.test/{name}", *keys)
        running.append(witnesses.start(folder))
        return running[-1]

    yield start
    for one in running:
        one.stop()


def body(log: SmallLog, old: int, new: int) -> bytes:
    proof = merkle.consistency(log.nodes(), old, new) if 0 < old < new else []
    return witness.write_request(old, proof, log.note(new))


def seal_of(one: Running, log: SmallLog, size: int, answer: str) -> int:
    (seal,) = cosignature.seals(checkpoint.read_note(log.note(size) + answer), [one.witness])
    return seal.at


@pytest.mark.clause("P-8.5-e")
def test_the_table_over_http(started: Callable[..., Running], log: SmallLog) -> None:
    one = started("w1", str(log.key))
    assert stat.S_IMODE((one.folder / "witness.key").stat().st_mode) == 0o600
    status, kind, text = one.post(body(log, 0, 100))
    assert (status, kind.startswith("text/plain")) == (200, True)
    assert seal_of(one, log, 100, text) > 1_700_000_000
    assert one.post(body(log, 0, 200)) == (409, "text/x.tlog.size", "100\n")
    assert one.post(body(log, 99, 200))[0] == 409
    assert one.post(body(log, 300, 200))[0] == 400
    assert one.post(b"nothing")[0] == 400
    assert one.post(b"x" * (witness.MAX_BODY + 1))[0] == 400
    stranger = SmallLog(origin="other.test/log").add(5)
    assert one.post(body(stranger, 0, 5))[0] == 404
    thief = SmallLog(seed=bytes(32)).add(200)
    assert one.post(body(thief, 100, 200))[0] == 403
    assert one.post(body(log, 0, 5), "/elsewhere")[0] == 404
    fork = SmallLog().add(200)
    fork.leaves[7] = fork.leaves[8]
    assert one.post(body(fork, 100, 200))[0] == 422
    assert one.post(body(fork, 100, 100))[0] == 409
    evidence = [json.loads(line) for line in (one.folder / "evidence.jsonl").read_text().splitlines()]
    assert len(evidence) == 2
    assert all(checkpoint.open_checkpoint(line["note"], log.key).size in (100, 200) for line in evidence)
    assert one.post(body(log, 100, 200))[0] == 200, "after all that the witness stands where it stood"


def test_a_hundred_at_once_on_two_processes_never_take_a_witness_back(
    started: Callable[..., Running], log: SmallLog
) -> None:
    first = started("w1", str(log.key))
    second = started("w1")
    assert first.post(body(log, 0, 100))[0] == 200
    sizes = [101 + n for n in range(100)]
    bodies = [body(log, 100, size) for size in sizes]
    gate = threading.Barrier(16)

    def send(place: int) -> tuple[int, int, str]:
        if place < 16:
            gate.wait(20)
        status, _, text = (first, second)[place % 2].post(bodies[place])
        return status, sizes[place], text

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(send, range(100)))
    won = [(size, text) for status, size, text in answers if status == 200]
    assert len(won) == 1, "one request goes on from 100; the others are told where the witness stands"
    size = won[0][0]
    assert {(status, text) for status, _, text in answers if status != 200} <= {
        (409, f"{n}\n") for n in (100, size)
    }
    state = json.loads(next((first.folder / "state").glob("*.json")).read_text())
    assert state["size"] == size
    # Climbing on, each from where it stands, both processes: the size never falls.
    for step in range(1, 20):
        assert (first, second)[step % 2].post(body(log, size, size + 1))[0] == 200
        size += 1


def test_a_killed_witness_stands_where_it_signed_last(started: Callable[..., Running], log: SmallLog) -> None:
    one = started("w1", str(log.key))
    size = 0
    for _ in range(3):
        assert one.post(body(log, size, size + 50))[0] == 200
        size += 50
        one.kill()
        one = started("w1")
        assert one.post(body(log, 0, 300)) == (409, "text/x.tlog.size", f"{size}\n")


def test_a_body_that_does_not_come_is_no_fault_of_the_state(
    tmp_path: Path, log: SmallLog, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its operator was told that the state cannot be used, and the caller 500: any stranger could raise that alarm."""
    witnesses.make(tmp_path / "w", "witness.test/slow", str(log.key))
    monkeypatch.setattr(witness_command, "PATIENCE", 0.2)
    handler = witness_command._handler(witness_command.Store(tmp_path / "w"))
    with witness_command._Server(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        with socket.create_connection(("127.0.0.1", server.server_port), timeout=20) as caller:
            caller.sendall(
                b"POST /witness/add-checkpoint HTTP/1.1\r\nHost: w\r\nContent-Length: 50\r\n\r\nold"
            )
            answer = caller.makefile("rb").read().decode()
        server.shutdown()
    assert answer.startswith("HTTP/1.1 400 ") and "did not come" in answer
    assert "the state" not in capsys.readouterr().err


def test_damaged_state_is_not_taken_for_a_new_log(started: Callable[..., Running], log: SmallLog) -> None:
    one = started("w1", str(log.key))
    assert one.post(body(log, 0, 100))[0] == 200
    state = next((one.folder / "state").glob("*.json"))
    state.write_text("{")
    assert one.post(body(log, 0, 100))[0] == 500
    assert state.read_text() == "{"


def test_a_key_is_not_written_over_and_a_log_does_not_change_its_key(tmp_path: Path, log: SmallLog) -> None:
    witnesses.make(tmp_path / "w", "witness.test/w", str(log.key))
    assert "not written over" in witnesses.run("init", tmp_path / "w", "--name", "x").stderr
    (tmp_path / "other.pub").write_text(str(SmallLog(seed=bytes(32)).key))
    assert "with another key" in witnesses.run("trust", tmp_path / "w", tmp_path / "other.pub").stderr
    assert witnesses.run("init", tmp_path / "v", "--name", "a name").returncode == 2
    (tmp_path / "empty").mkdir()
    assert "Make one: abate witness init" in witnesses.run("serve", tmp_path / "empty").stderr


def asked(one: Running) -> Asked:
    return Asked(one.witness, one.address)


@pytest.mark.platform
@pytest.mark.clause("P-8.5-e")
def test_the_platforms_heads_are_cosigned(
    transactional_db: None, started: Callable[..., Running], tmp_path: Path, settings: Any
) -> None:
    key = queries.public_key()
    two = [started("w1", key), started("w2", key)]
    file = tmp_path / "witnesses"
    file.write_text("# ours\n" + "".join(f"{one.witness} {one.address}/\n" for one in two))
    settings.ABATE_WITNESSES = str(file)
    configured = cosigning.configured()
    assert configured == [asked(one) for one in two]
    quorum = Quorum(tuple(one.witness for one in two), 2)
    for step in range(3):
        queue(step * 300 + 1, step * 300 + 300)
        actions.sequence()
        assert cosigning.ask(configured) == {}
        assert cosigning.ask(configured) == {}, "who has cosigned is not asked again"
        document = queries.receipt(7, step * 300 + 5)
        assert verify_receipt(document or {}, checkpoint.read_key(key), None, quorum).ok
    # A new head without cosignatures: receipts of what is cosigned keep the cosigned head, the newest has its own.
    queue(2001, 2002)
    actions.sequence()
    assert verify_receipt(queries.receipt(7, 5) or {}, checkpoint.read_key(key), None, quorum).ok
    assert verify_receipt(queries.receipt(7, 2001) or {}, checkpoint.read_key(key)).ok


@pytest.mark.platform
def test_a_witness_that_is_down_stops_nothing_and_catches_up(
    transactional_db: None, started: Callable[..., Running]
) -> None:
    key = queries.public_key()
    up, down = started("up", key), started("down", key)
    both = [asked(up), asked(down)]
    queue(1, 300)
    actions.sequence()
    down.stop()
    cosigner = Cosigner(both)
    cosigner.round()
    assert list(cosigner.failures) == ["witness.test/down"]
    queue(301, 400)
    assert actions.sequence() == 100
    cosigner.round()
    head = checkpoint.read_note(queries.checkpoint() or "")
    assert [seal.witness.name for seal in cosignature.seals(head, [up.witness, down.witness])] == [
        "witness.test/up"
    ]
    back = started("down")
    caught = [asked(up), Asked(back.witness, back.address)]
    assert cosigning.ask(caught) == {}
    head = checkpoint.read_note(queries.checkpoint() or "")
    assert len(cosignature.seals(head, [up.witness, down.witness])) == 2


@pytest.mark.platform
def test_a_database_rolled_back_is_not_cosigned(
    transactional_db: None, started: Callable[..., Running]
) -> None:
    """The thief of the log's key, or yesterday's backup, gets no cosignature for another history."""
    one = started("w1", queries.public_key())
    queue(1, 300)
    actions.sequence()
    assert cosigning.ask([asked(one)]) == {}
    with connection.cursor() as cursor:
        for table in ("leaf", "tile", "checkpoint", "cosignature"):
            cursor.execute(f"delete from log_{table}")
    queue(5, 250)
    actions.sequence()
    assert "stands at 300" in cosigning.ask([asked(one)])["witness.test/w1"]
    queue(1000, 1100)
    actions.sequence()
    assert "422" in cosigning.ask([asked(one)])["witness.test/w1"]


@pytest.mark.platform
@pytest.mark.parametrize(
    ("status", "answer", "words"),
    [
        (200, b"", "no cosignature"),
        (200, "— witness.test/w1 AAAAAAAA\n".encode(), "no cosignature"),
        (200, b"\xff\xfe", "does not verify"),
        (500, b"broken", "answered 500"),
        (409, b"no number\n", "answered 409"),
        (409, b"9999\n", "stands at 9999"),
    ],
)
def test_a_witness_that_answers_wrongly_is_named(
    transactional_db: None, status: int, answer: bytes, words: str
) -> None:
    queue(1, 5)
    actions.sequence()
    known = Asked(cosignature.witness_of("witness.test/w1", bytes(32)), "http://witness.invalid")
    failures = cosigning.ask([known], lambda *_, **__: (status, answer))
    assert words in failures["witness.test/w1"]
    assert queries.cosigned_by(5) == set()


@pytest.mark.platform
@pytest.mark.parametrize("text", ["nothing", "a+b+c http://x", "{key}", "{key} ftp://x"])
def test_witnesses_that_cannot_be_read_stop_the_start(tmp_path: Path, text: str) -> None:
    from abate.platform.doors.errors import SetupError

    file = tmp_path / "witnesses"
    file.write_text(text.format(key=cosignature.witness_of("w", bytes(32))))
    with pytest.raises(SetupError, match="ABATE_WITNESSES"):
        cosigning.configured(str(file))
    with pytest.raises(SetupError, match="ABATE_WITNESSES"):
        cosigning.configured(str(tmp_path / "missing"))
