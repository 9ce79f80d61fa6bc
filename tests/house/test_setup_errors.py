"""What is wrong with an installation is said in both languages: one catalogue, each code of it raised, and each complete."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from abate.platform.config.findings import fields_of
from abate.platform.doors.errors import SetupError, setup_words

SRC = Path(__file__).parents[2] / "src"
TEXTS = ("zh", "en", "why_zh", "why_en", "remedy_zh", "remedy_en")
HAN = re.compile(r"[\u4e00-\u9fff]")
# Nothing of it is a sentence: a command to be typed, or the words of another error.
THE_SAME = {
    "broker-no-stream": {"remedy"},
    "broker-library": {"remedy"},
    "statement-not-possible": {"why", "remedy"},
}
FAULT_WORDS = {"what", "why", "remedy"}


def raised(source: str) -> Iterator[tuple[set[str], set[str]]]:
    """(codes that one call may have, fields that it gives) of each SetupError that a source makes."""
    tree = ast.parse(source)
    named = {
        target.id: codes_in(one.value)
        for one in ast.walk(tree)
        if isinstance(one, ast.Assign)
        for target in one.targets
        if isinstance(target, ast.Name)
    }
    makes_one = {"SetupError"}
    for one in ast.walk(tree):
        if isinstance(one, ast.ClassDef) and "SetupError" in {getattr(base, "id", "") for base in one.bases}:
            calls = [call for call in ast.walk(one) if isinstance(call, ast.Call)]
            yield from (told(call, named) for call in calls if getattr(call.func, "attr", "") == "__init__")
        if isinstance(one, ast.Call) and getattr(one.func, "id", "") in makes_one:
            yield told(one, named)


def told(call: ast.Call, named: dict[str, set[str]]) -> tuple[set[str], set[str]]:
    first = call.args[0]
    codes = named.get(first.id, set()) if isinstance(first, ast.Name) else codes_in(first)
    fields = {one.arg for one in call.keywords if one.arg is not None}
    return codes, fields | (FAULT_WORDS if any(one.arg is None for one in call.keywords) else set())


def codes_in(value: ast.expr) -> set[str]:
    if isinstance(value, ast.IfExp):
        return codes_in(value.body) | codes_in(value.orelse)
    return {value.value} if isinstance(value, ast.Constant) and isinstance(value.value, str) else set()


def every() -> list[tuple[str, set[str], set[str]]]:
    return [
        (str(path.relative_to(SRC)), codes, fields)
        for path in sorted(SRC.rglob("*.py"))
        if "SetupError" in (source := path.read_text(encoding="utf-8"))
        for codes, fields in raised(source)
    ]


def test_each_is_complete_in_both_languages() -> None:
    for code, words in setup_words().items():
        assert set(words) == set(TEXTS) and all(words.values()), code
        for part, zh, en in (
            ("what", "zh", "en"),
            ("why", "why_zh", "why_en"),
            ("remedy", "remedy_zh", "remedy_en"),
        ):
            assert fields_of(words[zh]) == fields_of(words[en]), f"{code}: {part}"
            assert not HAN.search(words[en]), f"{code}: {part}"
            same = part in THE_SAME.get(code, set())
            assert (words[zh] == words[en]) == same and (same or HAN.search(words[zh])), f"{code}: {part}"


def test_each_code_is_raised_with_its_fields_and_has_words() -> None:
    calls = every()
    assert len(calls) > 60
    for place, codes, fields in calls:
        assert codes and codes <= set(setup_words()), f"{place}: {codes or 'no code that can be read'}"
        for code in codes:
            asked = set().union(*(fields_of(text) for text in setup_words()[code].values()))
            assert asked == fields, f"{place}: {code}"
    assert set().union(*(codes for _, codes, _ in calls)) == set(setup_words())


@pytest.mark.parametrize(
    "planted",
    [
        'SetupError("no-such-code")',
        'SetupError("secret-file-missing")',
        'SetupError(f"It is {x}.", "why", "what to do")',
    ],
)
def test_a_planted_one_without_words_or_fields_is_found(planted: str) -> None:
    ((codes, fields),) = raised(f"raise {planted}")
    known = codes and codes <= set(setup_words())
    assert not known or fields != {"path"}


def test_both_languages_are_told_and_each_part_by_itself() -> None:
    fault = SetupError("area-other", here=("沙箱", "a sandbox"), there=("正式环境", "live"))
    en, zh = str(fault).rsplit("\n", 1)
    assert (
        en.startswith("This installation is a sandbox, and")
        and "这个安装是沙箱，它的数据库却属于正式环境。" in zh
    )
    assert "请各用各的" in zh and not HAN.search(en)
    assert fault.words["why"][1] in en and fault.code == "area-other"
