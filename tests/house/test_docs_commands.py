"""Every `abate ...` that a page prints is a command of this program, with options that it has."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from abate.cli.main import main

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted({*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "src").rglob("README.md")})


def printed(text: str) -> Iterator[str]:
    """What follows `abate` in a page: between backticks, or a line of its own in a block."""
    for line in text.splitlines():
        alone = [line.strip()] if re.match(r"\s*(?:\.venv/bin/)?abate ", line) else []
        for span in [*re.findall(r"`([^`]+)`", line), *alone]:
            for part in re.split(r"\s*(?:&&|\||;)\s*", span):
                if found := re.match(r"(?:\S*/)?abate\s+(.+)", part):
                    yield found[1]


def unknown(words: str) -> str | None:
    """The first word that no command or option answers to; None where all do."""
    command, context = main, click.Context(main)
    for word in words.split():
        if isinstance(command, click.Group) and re.fullmatch(r"[a-z][a-z0-9-]*", word):
            found = command.get_command(context, word)
            if found is None:
                return word
            command = found
        elif word.startswith("--"):
            option = re.match(r"--[a-z0-9-]*", word)[0]  # type: ignore[index]
            if option not in {"--help"} | {
                name for one in command.params for name in (*one.opts, *one.secondary_opts)
            }:
                return word
    return None


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_command_of_a_page_exists(page: Path) -> None:
    missing = [(words, bad) for words in printed(page.read_text("utf-8")) if (bad := unknown(words))]
    assert not missing, missing


def test_what_is_not_there_is_seen() -> None:
    assert unknown("party add") == "add" and unknown("party create CODE --kin merchant") == "--kin"
    assert unknown("party create CODE --kind merchant") is None
    pages = [words for page in PAGES for words in printed(page.read_text("utf-8"))]
    assert len(pages) > 400, "the pages print hundreds of commands; if they were not read, nothing was held"
