"""Figures and texts: never above what is booked, complete in both languages."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest
from django.utils import translation
from hypothesis import given
from hypothesis import strategies as st
from tests.platform.web import city as stage

import abate.platform.web as web
from abate.platform.carbon import queries as carbon
from abate.platform.web import amounts, picture, story

MG = {"mg": 1, "g": 1_000, "kg": 1_000_000, "t": 1_000_000_000}
HAN = re.compile(r"[\u4e00-\u9fff]")


@pytest.mark.clause("P-4.1")
@given(st.integers(-(2**63), 2**63 - 1))
def test_a_shown_mass_is_never_above_the_booked_one(mg: int) -> None:
    figure, unit = amounts.parts(mg)
    whole, _, rest = figure.replace(",", "").replace("−", "-").partition(".")
    scale = 10 ** len(rest)
    shown = int(whole + rest) * MG[unit]
    assert shown <= mg * scale < shown + MG[unit]


@pytest.mark.clause("P-4.1")
@pytest.mark.parametrize(
    ("mg", "text"),
    [
        (0, "0 mg"),
        (999, "999 mg"),
        (26_999, "26.9 g"),
        (999_999, "999.9 g"),
        (1_009_999, "1.00 kg"),
        (1_234_567_890, "1.234 t"),
        (-1, "−1 mg"),
        (-1_550, "−1.6 g"),
    ],
)
def test_masses_read_like_this(mg: int, text: str) -> None:
    assert amounts.mass(mg).replace("\u202f", " ") == text


def test_credits_and_days_in_both_languages() -> None:
    with translation.override("en"):
        assert (amounts.credits(1), amounts.credits(1200)) == ("1 credit", "1,200 credits")
        assert amounts.day(date(2020, 3, 4)) == "4 Mar 2020"
    with translation.override("zh-hans"):
        assert (amounts.credits(1), amounts.day(date(2020, 3, 4))) == ("1 积分", "2020年3月4日")


def test_a_week_has_seven_bars_and_says_its_total() -> None:
    last = date(2026, 11, 21)
    with translation.override("en"):
        week = picture.week([(last, 1_500_000, 1500), (date(2026, 11, 19), 3, 0)])
    assert [bar.day.day for bar in week.bars] == list(range(15, 22))
    assert week.er_mg == 1_500_003 and "1.50" in week.label
    heights = {bar.day.day: bar.height for bar in week.bars}
    assert heights[21] > heights[19] > heights[18]
    assert all(bar.y >= 0 and bar.y + bar.height == week.base for bar in week.bars)


def test_every_text_of_a_template_has_both_languages() -> None:
    """Chinese stands only inside a tag that has the English beside it."""
    folder = Path(web.__path__[0]) / "templates"
    allowed = re.compile(
        r"\{% t (['\"]).*?\1 (['\"]).*?\2|\{% if shell\.lang == \"en\" %\}.*?\{% endif %\}", re.S
    )
    found = {}
    for path in sorted(folder.rglob("*.html")):
        text = allowed.sub("", path.read_text())
        if HAN.search(text):
            found[path.name] = HAN.findall(text)
    assert found == {}


@pytest.mark.platform
@pytest.mark.django_db
@pytest.mark.clause("P-4.2", "P-7.5.1", "P-7.2-a")
def test_every_state_says_why_in_words(city: stage.City) -> None:
    stage.book_every_outcome(city.partner, city.person)
    rows = carbon.feed(city.person.pk)
    with translation.override("en"):
        told = {stop.event_id: stop for stop in story.tell(rows)}
    assert told["meeting-1"].state == "Credited" and told["meeting-1"].tone == "good"
    assert told["ride-2"].tone == "part" and "cap" in told["ride-2"].why and told["ride-2"].illustration
    assert "30 minutes" in told["meeting-short"].why and "M-2.2.2" in told["meeting-short"].why
    assert "baseline" in told["meeting-heavy"].why
    assert told["ride-without-figure"].tone == "wait" and "baseline factor" in told["ride-without-figure"].why
    for stop in told.values():
        assert not HAN.search(stop.title + stop.state + stop.why), stop
    with translation.override("zh-hans"):
        for stop in story.tell(rows):
            assert HAN.search(stop.title) and HAN.search(stop.state), stop
