"""Rules about the code itself. A list of exemptions may only shrink: a name that no longer offends fails here."""

from __future__ import annotations

import ast
import re
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LONGEST_FILE = 400
LONGEST_FUNCTION = 70
BANNED = {
    "utils",
    "util",
    "helpers",
    "helper",
    "common",
    "base",
    "manager",
    "service",
    "services",
    "misc",
    "tools",
}
# May only shrink. Today no file and no function needs an exemption.
LONGER_FILES: frozenset[str] = frozenset()
LONGER_FUNCTIONS: frozenset[str] = frozenset()
FUNCTION_IMPORT_REASON = re.compile(r"#\s*(lazy|optional)\b")


def tracked(*patterns: str) -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *patterns],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return [ROOT / line for line in listed.stdout.splitlines() if (ROOT / line).exists()]


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


PYTHON = tracked("src/*.py", "tests/*.py", "benchmarks/*.py", "scripts/*.py")
CODE = [p for p in PYTHON if "/migrations/" not in p.as_posix()]


def test_the_lists_see_the_house() -> None:
    assert len(CODE) > 40, "the file list is empty or nearly so: every rule below would pass on nothing"


def test_no_file_is_too_long() -> None:
    long = {name_of(p) for p in tracked("src/*", "tests/*.py", "benchmarks/*.py")
            if p.suffix in {".py", ".sql", ".html", ".css"} and len(p.read_text().splitlines()) > LONGEST_FILE}  # fmt: skip
    assert long == LONGER_FILES, f"over {LONGEST_FILE} lines, or no longer so: {sorted(long ^ LONGER_FILES)}"


@dataclass(frozen=True, slots=True)
class Function:
    name: str
    first: int
    last: int
    """Its lines."""
    imports: list[int]
    """The lines of the imports inside it."""


@dataclass(frozen=True, slots=True)
class Told:
    """What the rules below ask of a file. Its tree is let go: those of all files are a million objects, and every look for
    garbage in the tests that follow would walk through them."""

    functions: list[Function]
    stars: list[int]
    """The lines of its star imports."""
    bare: list[int]
    """The lines of its assertions of a text."""


@cache
def told_by(path: Path) -> Told:
    told = Told([], [], [])
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            inside = [n.lineno for n in ast.walk(node) if isinstance(n, ast.Import | ast.ImportFrom)]
            told.functions.append(Function(node.name, node.lineno, node.end_lineno or 0, inside))
        elif isinstance(node, ast.ImportFrom) and any(a.name == "*" for a in node.names):
            told.stars.append(node.lineno)
        elif isinstance(node, ast.Assert) and isinstance(node.test, ast.Constant | ast.Tuple):
            told.bare.append(node.lineno)
    return told


def test_no_function_is_too_long() -> None:
    long = {
        f"{name_of(p)}:{f.name}"
        for p in CODE
        for f in told_by(p).functions
        if f.last - f.first + 1 > LONGEST_FUNCTION
    }
    assert long == LONGER_FUNCTIONS, f"over {LONGEST_FUNCTION} lines: {sorted(long ^ LONGER_FUNCTIONS)}"


def test_no_name_says_nothing() -> None:
    vague = [name_of(p) for p in PYTHON if p.stem in BANNED or BANNED & set(p.relative_to(ROOT).parts[:-1])]
    assert not vague, f"a module is named after what it holds: {vague}"


def test_no_star_import() -> None:
    stars = [f"{name_of(p)}:{line}" for p in CODE for line in told_by(p).stars]
    assert not stars, stars


def test_an_import_inside_a_function_says_why() -> None:
    silent = []
    for path in (p for p in CODE if "/src/" in p.as_posix()):
        lines = path.read_text().splitlines()
        for function in told_by(path).functions:
            for line in function.imports:
                near = " ".join(lines[function.first - 1 : line + 1])
                if not FUNCTION_IMPORT_REASON.search(near):
                    silent.append(f"{name_of(path)}:{line}")
    assert not silent, f"add `# lazy: why` or import at the top: {silent}"


def test_no_assertion_of_a_bare_text() -> None:
    always = [f"{name_of(p)}:{line}" for p in CODE for line in told_by(p).bare]
    assert not always, f"always true: {always}"


def test_time_and_randomness_come_in_through_their_doors() -> None:
    """Only doors/ asks the system for the time or for randomness; `client` runs on the partner's own machine."""
    call = re.compile(
        r"\b(datetime\.now|datetime\.utcnow|date\.today|timezone\.now|time\.time|secrets\.\w+|random\.\w+|os\.urandom|uuid4)\("
    )
    doors = ("src/abate/platform/doors/", "src/abate/cli/", "src/abate/demo/", "src/abate/client/")
    outside = [f"{name_of(p)}: {m.group(0)}" for p in CODE if name_of(p).startswith("src/")
               and not name_of(p).startswith(doors) for m in call.finditer(p.read_text())]  # fmt: skip
    assert not outside, outside


def test_every_skip_has_a_reason_that_expires() -> None:
    bare = [f"{name_of(p)}:{i}" for p in tracked("tests/*.py") if p != Path(__file__)
            for i, line in enumerate(p.read_text().splitlines(), 1)
            if re.search(r"mark\.(skip|xfail)\b|pytest\.skip\(", line) and "until" not in line]  # fmt: skip
    assert not bare, f"a skip names the reason and `until` when: {bare}"


@pytest.mark.parametrize(
    "room",
    sorted(p.name for p in (ROOT / "src/abate/platform").iterdir() if p.is_dir() and p.name != "__pycache__"),
)
def test_every_room_has_its_readme(room: str) -> None:
    readme = ROOT / "src/abate/platform" / room / "README.md"
    assert readme.exists(), f"{room} does not say what enters, what leaves and what can never happen"
    words = readme.read_text()
    assert all(word in words for word in ("Enters", "Leaves", "never happen")), readme
