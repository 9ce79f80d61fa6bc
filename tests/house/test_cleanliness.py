"""Nothing in the tree that must not leave it: machine paths, registry addresses, secrets, third-party scripts."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TEXT = {".py", ".md", ".yaml", ".toml", ".txt", ".html", ".css", ".sql", ".sh", ".json", ".csv", "", ".po"}


def files() -> list[Path]:
    out = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [ROOT / n for n in out.splitlines() if Path(n).suffix in TEXT and (ROOT / n).exists()]


def find(pattern: str, *, but: tuple[str, ...] = ()) -> list[str]:
    rule = re.compile(pattern)
    return [f"{p.relative_to(ROOT)}:{i}" for p in files() if p != Path(__file__) and not p.as_posix().endswith(but)
            for i, line in enumerate(p.read_text(errors="ignore").splitlines(), 1) if rule.search(line)]  # fmt: skip


def test_no_path_of_a_machine() -> None:
    assert not find(r"(?<![\w.])/(home|root|work|Users)/[\w.]")


def test_no_address_of_a_package_registry() -> None:
    assert not find(
        r"(?i)pypi\.org|files\.pythonhosted|registry\.npmjs|deb\.debian\.org|--index-url|--extra-index"
    )


def test_lock_files_carry_hashes_and_no_addresses() -> None:
    for lock in (ROOT / "requirements").glob("*.txt"):
        text = lock.read_text()
        assert "https://" not in text and "http://" not in text, lock
        pins = re.findall(r"^[a-z0-9][\w.\-\[\]]*==", text, flags=re.M)
        assert pins and text.count("--hash=sha256:") >= len(pins), lock


def test_no_private_key_and_no_token() -> None:
    assert not find(r"BEGIN (RSA |EC |OPENSSH )?PRIVATE KEY|AKIA[0-9A-Z]{16}|ghp_[A-Za-z0-9]{30}")


def test_nothing_is_left_open() -> None:
    assert not find(r"\b(TODO|FIXME|XXX|NotImplementedError)\b", but=(".csv",))


def broken_rows(text: str) -> list[int]:
    """The lines of Markdown that have other cells than the head of their table."""
    found, cells, code = [], None, False
    for number, line in enumerate(text.splitlines(), 1):
        code ^= line.startswith("```")
        if code or not line.startswith("|"):
            cells = None
            continue
        bars = len(re.findall(r"(?<!\\)\|", re.sub(r"`[^`]*`", "", line)))
        cells = cells or bars
        if bars != cells:
            found.append(number)
    return found


def test_a_row_of_a_table_has_the_cells_of_its_head() -> None:
    assert broken_rows("| a | b |\n|---|---|\n| `|` | 1 |\n| 1 | 2 | 3 |\n") == [4]
    broken = {
        p.name: rows for p in files() if p.suffix == ".md" and (rows := broken_rows(p.read_text("utf-8")))
    }
    assert not broken
