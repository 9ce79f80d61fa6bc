"""Every `abate ...` that a page prints is a command of this program, with options that it has."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from abate.cli.main import main
from abate.cli.setup import NEXT

ROOT = Path(__file__).resolve().parents[2]
TEXTS = sorted((ROOT / "src").rglob("*.toml"))
"""What people are told: findings, refusals, questions, in both languages."""
PAGES = sorted({*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "src").rglob("README.md")})


def printed(text: str) -> Iterator[str]:
    """What follows `abate` in a page: between backticks, or a line of its own in a block."""
    for line in text.splitlines():
        alone = [line.strip()] if re.match(r"\s*(?:\.venv/bin/)?abate ", line) else []
        for span in [*re.findall(r"`([^`]+)`", line), *alone]:
            for part in re.split(r"\s*(?:&&|\||;)\s*", span):
                if found := re.match(r"(?:\S*/)?abate\s+(.+)", part):
                    yield found[1]


def told(text: str) -> Iterator[str]:
    """The same of texts for people: between backticks, or, amid Chinese, as far as it is ASCII."""
    yield from printed(text)
    for line in text.splitlines():
        if re.search(r"[\u4e00-\u9fff]", line):
            yield from (
                found.strip() for found in re.findall(r"abate ([a-z][^`\"\x00-\x1f\x7f-\uffff]*)", line)
            )


def unknown(words: str) -> str | None:
    """The first word that no command, option or argument answers to; None where all do."""
    command, context = main, click.Context(main)
    room, value = 0, False
    # A text in quotes is one word; beside a command of a block, far from it, stands what it does.
    for word in re.sub(r'"[^"]*"', "X", words).partition("   ")[0].split():
        if value:
            value = False
            continue
        if isinstance(command, click.Group) and re.fullmatch(r"[a-z][a-z0-9-]*", word):
            found = command.get_command(context, word)
            if found is None:
                return word
            command = found
            room = sum(
                99 if one.nargs < 0 else one.nargs
                for one in command.params
                if one.param_type_name == "argument"
            )
        elif word.startswith("--"):
            option = re.match(r"--[a-z0-9-]*", word)[0]  # type: ignore[index]
            known = {name: one for one in command.params for name in (*one.opts, *one.secondary_opts)}
            if option not in {"--help", *known}:
                return word
            value = option in known and not getattr(known[option], "is_flag", True) and "=" not in word
        elif re.fullmatch(r"[a-z][a-z0-9-]*", word):
            room -= 1
            if room < 0:
                return word
    return None


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_command_of_a_page_exists(page: Path) -> None:
    missing = [(words, bad) for words in printed(page.read_text("utf-8")) if (bad := unknown(words))]
    assert not missing, missing


@pytest.mark.parametrize("file", TEXTS, ids=lambda file: str(file.relative_to(ROOT)))
def test_every_command_that_people_are_told_exists(file: Path) -> None:
    missing = [(words, bad) for words in told(file.read_text("utf-8")) if (bad := unknown(words))]
    assert not missing, missing


def test_every_command_that_comes_next_after_a_set_up_exists() -> None:
    """It told to close each day by a command that there is none of."""
    found = [words.removeprefix("abate ") for *_, line in NEXT for words in line.split("; ")]
    assert len(found) > 8 and [bad for words in found if (bad := unknown(words))] == []


def test_what_is_not_there_is_seen() -> None:
    assert unknown("close day") == "day" and unknown("close --day 2026-03-01") is None
    assert unknown("party add") == "add" and unknown("party create CODE --kin merchant") == "--kin"
    assert unknown("party create CODE --kind merchant") is None
    pages = [words for page in PAGES for words in printed(page.read_text("utf-8"))]
    assert len(pages) > 400, "the pages print hundreds of commands; if they were not read, nothing was held"
