"""Catalogue pages: one for every methodology in both languages, with formula, sources and a worked case."""

from __future__ import annotations

import time

from abate.quantify import catalogue
from abate.quantify.catalogue_pages import pages

CATALOGUE = catalogue.load()


def test_every_methodology_has_a_page_in_both_languages() -> None:
    found = pages(CATALOGUE)
    assert set(found) == {f"{m}.{lang}.md" for m in [*CATALOGUE.methods, "index"] for lang in ("zh", "en")}
    meeting = found["online-meeting.en.md"]
    for part in ("(BE − PE) × replacement_rate", "DESNZ", "33,346,488", "2.3.4"):
        assert part in meeting
    assert "Needs your figure" in found["cycling.en.md"] and "需要运营方数值" in found["cycling.zh.md"]


def test_all_methodologies_are_read_and_checked_within_a_second_of_computing() -> None:
    catalogue.load.cache_clear()
    began = time.process_time()
    catalogue.load()
    assert time.process_time() - began < 1.5, (
        "63 methodologies: 1 s on a free machine; computing time, not waiting"
    )
