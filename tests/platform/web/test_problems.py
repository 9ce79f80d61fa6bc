"""The catalogue of refusals: what is answered stands in it, whole, and its address says so in both languages."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from django.test import Client
from django.urls import get_resolver

from abate.platform.doors.errors import Problem
from abate.platform.web import problems

pytestmark = [pytest.mark.platform, pytest.mark.django_db]
SOURCE = Path(problems.__file__).parents[1]


def declared(folder: Path) -> dict[str, str]:
    """class -> code, for every class of the source that says `code = "..."` and comes from Problem, by whatever way."""
    parents: dict[str, set[str]] = {"Problem": set()}
    codes: dict[str, str] = {}
    for path in sorted(folder.rglob("*.py")):
        if path.relative_to(folder).parts[0] == "config":
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                name = node.name if node.name not in parents else f"{node.name} of {path.stem}"
                parents[name] = {base.attr if isinstance(base, ast.Attribute) else getattr(base, "id", "")
                                 for base in node.bases}  # fmt: skip
                for one in node.body:
                    named = isinstance(one, ast.Assign) and getattr(one.targets[0], "id", "") == "code"
                    if named and isinstance(one.value, ast.Constant):
                        codes[name] = str(one.value.value)
    family = {"Problem"}
    while more := {name for name, above in parents.items() if above & family} - family:
        family |= more
    skipped = {kind.__name__ for kind in problems.NOT_OVER_HTTP} | {"Problem"}
    return {name: code for name, code in codes.items() if name in family - skipped}


def test_every_refusal_of_the_source_is_in_the_catalogue() -> None:
    get_resolver().url_patterns  # noqa: B018 (the server's own modules are what is asked about)
    found = declared(SOURCE)
    assert len(found) > 90
    assert set(found.values()) == set(problems.lines()), (
        "a module with refusals is not imported, or none has it"
    )


def test_a_refusal_outside_the_catalogue_would_be_found(tmp_path: Path) -> None:
    (tmp_path / "room").mkdir()
    (tmp_path / "room" / "errors.py").write_text(
        'class Parent(Problem):\n    status = 400\nclass Late(Parent):\n    code = "too-late"\n'
    )
    assert declared(tmp_path) == {"Late": "too-late"}
    assert "too-late" not in problems.lines()


def test_half_a_refusal_and_a_code_used_twice_are_refused() -> None:
    whole = {
        "zh": "一",
        "en": "one",
        "why_zh": "二",
        "why_en": "two",
        "remedy_zh": "三",
        "remedy_en": "three",
    }
    half = type("Half", (Problem,), {"code": "half", **{k: v for k, v in whole.items() if k != "why_zh"}})
    with pytest.raises(ValueError, match="why_zh"):
        problems.lines_of([half])
    sound = type("Sound", (Problem,), {"code": "sound", **whole})
    assert list(problems.lines_of([sound])) == ["sound"]
    with pytest.raises(ValueError, match="taken"):
        problems.lines_of([sound, sound])


@pytest.mark.clause("P-8.5-d")
@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_every_type_resolves_to_its_words(language: str) -> None:
    browser = Client(headers={"accept-language": language})
    index = browser.get("/problems").content.decode()
    place = 1 if language == "en" else 0
    for code, line in problems.lines().items():
        assert f'href="/problems/{code}"' in index
        answer = browser.get(f"/problems/{code}")
        page = answer.content.decode()
        assert answer.status_code == 200 and f"HTTP {line.status}" in page
        for words in (line.what, line.why, line.remedy):
            assert words[place].split("'")[0].split("<")[0].split("&")[0].split('"')[0] in page
    assert browser.get("/problems/nothing-of-the-kind").status_code == 404


def test_the_type_of_a_refusal_is_an_address_of_this_server(settings: object) -> None:
    told = Client().get("/v1/nothing").json()
    assert told["type"] == f"{settings.ABATE_ORIGIN}/problems/no-such-address"  # type: ignore[attr-defined]
    path = told["type"].removeprefix(settings.ABATE_ORIGIN)  # type: ignore[attr-defined]
    assert Client().get(path).status_code == 200
