"""`abate serve` refuses to start unsafely, in words that say what to do."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import psutil
import pytest
from click.testing import CliRunner
from tests.faults.stack import until

from abate.cli import serve
from abate.platform.doors import keyring
from abate.platform.doors.errors import SetupError


@pytest.mark.parametrize("text", ["8000", "127.0.0.1", "127.0.0.1:port", "127.0.0.1:70000", ":8000"])
def test_an_address_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(SetupError, match="ABATE_BIND"):
        serve.bind_address(text)


def test_an_address_is_read() -> None:
    assert serve.bind_address("127.0.0.1:8000") == ("127.0.0.1", 8000)
    assert serve.bind_address("[::1]:8000") == ("::1", 8000)


def test_a_place_where_something_listens_is_refused_in_words_before_anything_is_begun(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        place = f"127.0.0.1:{other.getsockname()[1]}"
        asked = ["serve", "--bind", place, "--data-dir", str(tmp_path / "city")]
        told = subprocess.run(
            [sys.executable, "-m", "abate", *asked], capture_output=True, text=True, check=False
        )
    assert told.returncode == 1 and "Abate serves" not in told.stderr
    assert f"listen at {place}" in told.stderr and f"不能在 {place} 监听" in told.stderr
    assert not (tmp_path / "city").exists()
    with pytest.raises(SetupError, match="ABATE_BIND"):
        serve.refuse_taken("192.0.2.1", 8000)
    serve.refuse_taken("127.0.0.1", 0)


@pytest.mark.parametrize(
    ("words", "where"), [(["--bind", "127.0.0.1:8741"], "127.0.0.1:8741"), ([], "127.0.0.1:8001")]
)
def test_the_sandbox_listens_where_the_command_says_and_never_where_live_does(
    words: list[str], where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []

    def started(*_: object, **__: object) -> None:
        seen.append(os.environ.get("ABATE_SANDBOX_BIND", serve.beside.BIND))
        raise SetupError("bind-malformed", text="enough seen")

    monkeypatch.setattr(serve.setup, "environment", started)
    # Another sandbox may be at its default place on this machine, and this one does not come to listen.
    monkeypatch.setattr(serve, "refuse_taken", lambda *_: None)
    monkeypatch.setenv("ABATE_BIND", "127.0.0.1:8740")
    monkeypatch.setenv("ABATE_SANDBOX_BIND", "")
    monkeypatch.delenv("ABATE_SANDBOX_BIND")
    monkeypatch.setenv("ABATE_ORIGIN", "http://127.0.0.1:8740")
    CliRunner().invoke(serve.command, ["--sandbox", "--data-dir", str(tmp_path), *words])
    monkeypatch.delenv("ABATE_SANDBOX_BIND", raising=False)
    assert seen == [where]


@pytest.fixture
def secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "secrets.json"
    monkeypatch.setenv("ABATE_SECRET_FILE", str(path))
    monkeypatch.delenv("ABATE_ORIGIN", raising=False)
    monkeypatch.delenv("ABATE_BEHIND_PROXY", raising=False)
    return path


def test_the_demos_secrets_are_refused(secrets: Path) -> None:
    keyring.create(secrets, demo=True)
    with pytest.raises(SetupError, match="secrets of a demo"):
        serve.refuse_unsafe("127.0.0.1", demo=False)
    serve.refuse_unsafe("127.0.0.1", demo=True)


@pytest.mark.clause("P-8.3")
def test_plain_http_beyond_this_machine_is_refused(secrets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keyring.create(secrets)
    with pytest.raises(SetupError, match="without TLS"):
        serve.refuse_unsafe("0.0.0.0", demo=False)  # noqa: S104
    monkeypatch.setenv("ABATE_ORIGIN", "https://carbon.example.invalid")
    monkeypatch.setenv("ABATE_BEHIND_PROXY", "1")
    serve.refuse_unsafe("0.0.0.0", demo=False)  # noqa: S104


def test_the_demo_never_leaves_this_machine(secrets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keyring.create(secrets, demo=True)
    monkeypatch.setenv("ABATE_ORIGIN", "https://carbon.example.invalid")
    monkeypatch.setenv("ABATE_BEHIND_PROXY", "1")
    with pytest.raises(SetupError, match="without TLS"):
        serve.refuse_unsafe("0.0.0.0", demo=True)  # noqa: S104


def test_a_secret_file_that_others_can_read_is_refused(secrets: Path) -> None:
    keyring.create(secrets)
    secrets.chmod(0o644)
    with pytest.raises(SetupError, match="chmod 600"):
        keyring.read(secrets)


def test_a_secret_file_is_never_written_over(secrets: Path) -> None:
    keyring.create(secrets)
    with pytest.raises(FileExistsError):
        keyring.create(secrets)


@pytest.mark.parametrize("damage", ["", "{}", '{"django": 3}', "not json"])
def test_a_damaged_secret_file_is_named(secrets: Path, damage: str) -> None:
    secrets.write_text(damage)
    secrets.chmod(0o600)
    with pytest.raises(SetupError, match="backup"):
        keyring.read(secrets)


def test_a_database_of_another_kind_is_refused(tmp_path: Path) -> None:
    environment = {**os.environ, "DATABASE_URL": "sqlite:///x.db", "ABATE_DATA_DIR": str(tmp_path)}
    environment.pop("ABATE_SECRET_FILE", None)
    result = subprocess.run([sys.executable, "-m", "abate", "serve", "--data-dir", str(tmp_path)], env=environment,
                            capture_output=True, text=True, check=False)  # fmt: skip
    assert result.returncode == 1
    assert "DATABASE_URL" in result.stderr and "postgresql://" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.platform
def test_a_script_learns_where_it_serves_and_sigterm_leaves_nothing_running() -> None:
    """Nor does a call for another protocol, or one that is no HTTP, bring a fault or a line of the caller's into the log."""
    with tempfile.TemporaryDirectory(prefix="aba-") as name:  # a short path: PostgreSQL's socket lies in it
        environment = {
            k: v
            for k, v in os.environ.items()
            if k not in {"DATABASE_URL", "ABATE_SECRET_FILE", "ABATE_ORIGIN"}
        }
        log = (Path(name) / "log").open("w+")
        server = subprocess.Popen(
            [sys.executable, "-m", "abate", "serve", "--json", "--data-dir", name, "--bind", "127.0.0.1:0"],
            env=environment, stdout=subprocess.PIPE, stderr=log, text=True,
        )  # fmt: skip
        assert server.stdout is not None
        told = json.loads(server.stdout.readline())
        assert told["bind"] == "127.0.0.1:0" and told["pid"] == server.pid
        database = Path(name) / "postgres" / "postmaster.pid"
        assert database.exists()
        until("it listens", lambda: bool(_listening(server.pid)))
        log.truncate(0)
        for protocol in ("websocket", "h2c"):
            assert _asked(_listening(server.pid)[0], UPGRADE.format(protocol)).startswith(b"HTTP/1.1 200 ")
        assert _asked(_listening(server.pid)[0], "no HTTP\r\n\r\n").startswith(b"HTTP/1.1 400 ")
        log.seek(0)
        assert log.read() == ""
        server.terminate()
        server.wait(60)
        assert not database.exists()


@pytest.mark.platform
@pytest.mark.clause("P-8.4-b")
def test_a_calendar_that_nobody_can_read_is_named_before_somebody_asks_about_their_data() -> None:
    """It was read with the first request that a person made, and failed it."""
    with tempfile.TemporaryDirectory(prefix="aba-") as name:
        environment = {k: v for k, v in os.environ.items() if k not in {"DATABASE_URL", "ABATE_SECRET_FILE"}}
        refused = subprocess.run(
            [sys.executable, "-m", "abate", "serve", "--data-dir", name, "--bind", "127.0.0.1:0"],
            env=environment | {"ABATE_HOLIDAYS": f"{name}/away.csv"},
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
    assert refused.returncode == 1 and "away.csv" in refused.stderr and "ABATE_HOLIDAYS" in refused.stderr
    assert "Traceback" not in refused.stderr


UPGRADE = (
    "GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: {}\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


def _listening(pid: int) -> list[int]:
    """The ports on which a process listens."""
    held = psutil.Process(pid).net_connections("tcp4")
    return [one.laddr.port for one in held if one.status == psutil.CONN_LISTEN]


def _asked(port: int, request: str) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=30) as line:
        line.sendall(request.encode())
        return line.recv(4096)
