"""Every Python block of the how-to pages and every notebook runs, and prints what stands in it."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
LIVE = {"client.md"}
"""Pages whose blocks talk to a server: run with one (tests/cli/test_sandbox.py)."""
PAGES = sorted(
    p for p in (ROOT / "docs").rglob("*.md") if "```python" in p.read_text("utf-8") and p.name not in LIVE
)
NOTEBOOKS = sorted((ROOT / "docs").rglob("*.ipynb"))
BLOCK = re.compile(r"```python\n(.*?)```\n(?:```text\n(.*?)```)?", re.DOTALL)


def test_there_are_pages_and_notebooks() -> None:
    assert "python.md" in {p.name for p in PAGES} and len(NOTEBOOKS) >= 2


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_the_blocks_of_a_page_print_what_they_say(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    prints_what_it_says(page)


def prints_what_it_says(page: Path) -> None:
    space: dict[str, Any] = {}
    for code, shown in BLOCK.findall(page.read_text("utf-8")):
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(code, page.name, "exec"), space)  # noqa: S102 the page's own code is what is tested
        assert printed.getvalue().rstrip() == shown.rstrip(), f"{page.name}: after\n{code}"


def outputs(cell: Any) -> list[str]:
    """What a cell shows, as text; the page that an explanation draws of itself is compared as it is."""
    found = []
    for output in cell.get("outputs", ()):
        if output["output_type"] == "stream":
            found.append(output["text"])
        elif output["output_type"] == "error":
            found.append(f"{output['ename']}: {output['evalue']}")
        else:
            data = output["data"]
            found.append(data.get("text/html") or data["text/plain"])
    return found


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_a_notebook_shows_what_it_stores(path: Path) -> None:
    import nbformat  # lazy: it imports jsonschema, two seconds of processor time for each worker
    from nbclient import NotebookClient

    stored = nbformat.read(path, as_version=4)
    fresh = nbformat.read(path, as_version=4)
    NotebookClient(
        fresh, timeout=120, kernel_name="python3", resources={"metadata": {"path": str(ROOT)}}
    ).execute()
    for before, after in zip(stored.cells, fresh.cells, strict=True):
        if before.cell_type == "code":
            assert outputs(before) == outputs(after), before.source
    assert str(ROOT) not in path.read_text("utf-8")
