"""No file that nothing uses: a module is imported or run, a template is rendered, an SQL file is loaded, a page is linked."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# Reached by name at run time: Django's own conventions, commands of the lazy group, benchmarks found by folder.
BY_CONVENTION = re.compile(
    r"(__init__|__main__|apps|models|conftest|urls|asgi|settings)\.py$|/migrations/|/cli/\w+\.py$|^benchmarks/\w+\.py$|^tests/.*test_\w+\.py$"
    r"|/templatetags/|^src/abate/methods/|/locale/|/static/|py\.typed$|^tests/broken/|^tests/vectors/"
)
TOP = {"README.md", "README.zh-CN.md", "ARCHITECTURE.md", "GLOSSARY.md", "CONTRIBUTING.md", "CHANGELOG.md", "LICENSE",
       "Makefile", "pyproject.toml", ".gitignore", ".ci/run"}  # fmt: skip


def listed() -> list[str]:
    found = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=ROOT,
                           capture_output=True, text=True, check=True).stdout.splitlines()  # fmt: skip
    return [name for name in found if (ROOT / name).exists()]


def unused(names: list[str], read: dict[str, str]) -> list[str]:
    """The names of `names` that no other file mentions."""
    words = {name: set(re.findall(r"[\w.\-]+", text)) for name, text in read.items()}
    dead = []
    for name in names:
        if name in TOP or BY_CONVENTION.search(name):
            continue
        path = Path(name)
        wanted = {path.stem, path.name} if path.suffix == ".py" else {path.name, path.stem}
        dotted = {name.removeprefix("src/").removesuffix(".py").replace("/", ".")}
        if not any(other != name and (wanted | dotted) & found for other, found in words.items()):
            dead.append(name)
    return dead


def texts(names: list[str]) -> dict[str, str]:
    suffixes = {".py", ".sql", ".html", ".css", ".md", ".toml", ".yaml", ".sh", "", ".js"}
    return {n: (ROOT / n).read_text(errors="ignore") for n in names if Path(n).suffix in suffixes}


def test_no_file_is_dead() -> None:
    names = listed()
    assert len(names) > 60
    assert not unused(names, texts(names))


def test_a_dead_file_would_be_found() -> None:
    names = listed()
    read = texts(names)
    planted = (
        f"src/abate/platform/ledger/{'forgotten' + '_annex'}.py"  # in two parts: this file would mention it
    )
    assert unused([*names, planted], {**read, planted: ""}) == [planted]
