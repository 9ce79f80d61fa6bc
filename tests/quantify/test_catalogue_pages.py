"""Catalogue pages: one for every methodology in both languages, with formula, sources and a worked case."""

from __future__ import annotations

from abate.quantify import catalogue
from abate.quantify.catalogue_pages import pages

CATALOGUE = catalogue.load()


def test_every_methodology_has_a_page_in_both_languages() -> None:
    found = pages(CATALOGUE)
    assert set(found) == {f"{m}.{lang}.md" for m in [*CATALOGUE.methods, "index"] for lang in ("zh", "en")}
    meeting = found["online-meeting.en.md"]
    for part in ("(BE − PE) × R", "DESNZ", "33,346,488", "2.3.4"):
        assert part in meeting
    assert "Needs your figure" in found["cycling.en.md"] and "需要运营方数值" in found["cycling.zh.md"]
