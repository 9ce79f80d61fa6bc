"""What a request leaves behind goes soon, in each process that stays, though its start looked for garbage seldom."""

from __future__ import annotations

import gc
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from abate.cli import witness
from abate.cli.main import main

CLI = Path(witness.__file__).parent
STAYS = {"serve.py": "uvicorn.run(", "consume.py": "streaming.consume(", "witness.py": ".serve_forever("}


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    before = gc.get_threshold()
    yield
    gc.set_threshold(*before)
    gc.unfreeze()


def test_a_process_that_stays_looks_for_garbage_as_python_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Any] = []
    monkeypatch.setattr(witness._Server, "serve_forever", lambda _: seen.append(gc.get_threshold()))
    monkeypatch.setattr(witness.signal, "signal", lambda *_: None)
    folder = str(tmp_path / "witness")
    for words in (
        ["init", folder, "--name", "witness.example/one"],
        ["serve", folder, "--bind", "127.0.0.1:0"],
    ):
        made = CliRunner().invoke(main, ["witness", *words])
        assert made.exit_code == 0, made.output
    assert seen == [(700, 10, 10)]


@pytest.mark.parametrize(("file", "begins"), STAYS.items())
def test_each_process_that_stays_says_so_before_it_serves(file: str, begins: str) -> None:
    text = (CLI / file).read_text()
    assert 0 < text.index("garbage.as_usual()") < text.rindex(begins)


def test_such_a_process_ends_without_a_word() -> None:
    asked = "import duckdb; duckdb.connect().execute('select 1'); from abate.cli import garbage; garbage.as_usual()"
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", "")
