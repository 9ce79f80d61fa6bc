"""What a page does only after a fresh proof (web/endpoints.csv) a command does only after one too."""

from __future__ import annotations

import ast
import csv
from collections.abc import Iterator
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2] / "src/abate"
WEB = SOURCE / "platform/web"
ASKED = ("acting", "entitled")


def trees(folder: Path) -> Iterator[tuple[Path, ast.Module]]:
    for path in sorted(folder.rglob("*.py")):
        yield path, ast.parse(path.read_text(encoding="utf-8"))


def imported(tree: ast.AST) -> dict[str, str]:
    """Name -> module of our own rooms, wherever in the file it is imported."""
    return {
        one.asname or one.name: f"{node.module}.{one.name}"
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("abate.platform")
        for one in node.names
    }


def calls(function: ast.FunctionDef, names: dict[str, str]) -> set[str]:
    """What `function` calls of another room, by its full name."""
    return {
        f"{names[node.func.value.id]}.{node.func.attr}"
        for node in ast.walk(function)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id in names
    }


def viewed(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """(name of the address, its view) of every `path(...)`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "path":
            named = [one.value for one in node.keywords if one.arg == "name"]
            if named and isinstance(named[0], ast.Constant) and len(node.args) > 1:
                yield str(named[0].value), ast.unparse(node.args[1])


def guarded() -> set[str]:
    """What the pages of the staff that are `fresh` do, and no page that is not: reading, showing and refusing are left."""
    with (WEB / "endpoints.csv").open(encoding="utf-8", newline="") as file:
        lines = [line for line in csv.DictReader(file) if line["who"] == "staff"]
    fresh = {line["endpoint"] for line in lines if line["fresh"]}
    views: dict[tuple[str, str], str] = {}
    for path, tree in trees(WEB):
        for name, view in viewed(tree):
            module, _, function = view.rpartition(".")
            views[module or path.stem, function] = name
    done: dict[bool, set[str]] = {True: set(), False: set()}
    for path, tree in trees(WEB / "pages"):
        names = imported(tree)
        for node in tree.body:
            if isinstance(node, ast.FunctionDef) and (path.stem, node.name) in views:
                done[views[path.stem, node.name] in fresh] |= calls(node, names)
    return done[True] - done[False]


def asks(function: ast.FunctionDef) -> Iterator[bool]:
    """Of each `acting(...)` and `entitled(...)` in it, whether it asks for a fresh proof."""
    for node in ast.walk(function):
        if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in ASKED:
            yield any(one.arg == "fresh" and ast.unparse(one.value) == "True" for one in node.keywords)


def test_a_command_asks_the_fresh_proof_that_its_page_asks() -> None:
    of_pages, found = guarded(), {}
    for path, tree in trees(SOURCE / "cli"):
        for node in tree.body:
            if isinstance(node, ast.FunctionDef) and (same := calls(node, imported(tree)) & of_pages):
                found |= {
                    f"{path.stem}.{node.name} ({one})": [*asks(node)] and all(asks(node)) for one in same
                }
    assert len(found) >= 3, found
    assert [one for one, fresh in found.items() if not fresh] == []
