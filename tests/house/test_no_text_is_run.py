"""Nothing that comes in is run: no evaluation, no shell, no pickles, no template made of text, no HTML let through."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[2] / "src/abate"
CALLS = {"eval", "exec", "__import__", "system", "popen", "from_string", "Template"}
MODULES = {
    "pickle",
    "marshal",
    "shelve",
    "dill",
    "jinja2",
    "lxml",
    "ldap",
    "ldap3",
    "memcache",
    "pymemcache",
    "commands",
}
RAW = {"web/icons.py", "web/qr.py", "web/pages/record.py", "web/templatetags/abate.py"}
"""Where HTML is made by hand, of constants and of what was escaped there; the list may only shrink."""
SCRIPTED = re.compile(
    r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|postMessage|[\"']message[\"']"
    r"|document\.cookie|localStorage|sessionStorage|indexedDB"
)


def called(node: ast.Call) -> str:
    return node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")


def faults(text: str) -> list[str]:
    found = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Call):
            shell = any(word.arg == "shell" and ast.unparse(word.value) != "False" for word in node.keywords)
            found += [f"{node.lineno}: {called(node)}"] if called(node) in CALLS or shell else []
        elif isinstance(node, ast.Import):
            found += [f"{node.lineno}: {one.name}" for one in node.names if one.name.split(".")[0] in MODULES]
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in MODULES:
            found.append(f"{node.lineno}: {node.module}")
    return found


@pytest.mark.clause("P-8.4-a")
def test_no_text_is_run() -> None:
    read = {path: path.read_text(encoding="utf-8") for path in SOURCE.rglob("*.py")}
    assert len(read) > 300
    assert {str(path): found for path, text in read.items() if (found := faults(text))} == {}


@pytest.mark.clause("P-8.4-a")
def test_html_is_made_by_hand_in_few_places() -> None:
    platform = SOURCE / "platform"
    raw = {
        path.relative_to(platform).as_posix()
        for path in platform.rglob("*.py")
        if "mark_safe" in path.read_text(encoding="utf-8")
    }
    assert raw == RAW
    pages = {
        path.name
        for path in platform.rglob("*.html")
        if any(word in path.read_text(encoding="utf-8") for word in ("|safe", "autoescape off"))
    }
    assert pages == set()


@pytest.mark.clause("P-8.4-a")
def test_scripts_write_text_alone_listen_to_no_other_window_and_keep_nothing() -> None:
    scripts = list((SOURCE / "platform/web/static").rglob("*.js"))
    assert len(scripts) > 3
    found = {
        path.name: words for path in scripts if (words := SCRIPTED.findall(path.read_text(encoding="utf-8")))
    }
    assert found == {}
    assert SCRIPTED.findall("a.innerHTML = x; eval(y); localStorage.z")


@pytest.mark.parametrize(
    "text",
    ["eval(x)", "import pickle", "from jinja2 import x", "subprocess.run(x, shell=True)", "os.system(x)"],
)
def test_what_runs_text_would_be_found(text: str) -> None:
    assert faults(text)
