"""Who decides that another basis is put in force reads which figures become which, with unit and source, not digests alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from django.test import Client
from tests.platform.web import city as stage

from abate.demo import desk
from abate.platform.carbon import adopting, basis
from abate.platform.review import proposing
from abate.platform.review.models import User

pytestmark = [pytest.mark.platform, pytest.mark.django_db, pytest.mark.clause("P-8.4-c")]
PACK = """pack: {name}
titles: {{zh: 试点, en: pilot}}
illustration: false
figures:
  - method: cycling
    parameter: ef_project
    value: "{value}"
    unit: kgCO2e/pkm
    source: {{document: 市交通报告 2025, place: 表3}}
    note: {{zh: 试点测算, en: measured in the pilot}}
"""


@pytest.fixture
def packs(tmp_path: Path) -> tuple[str, str]:
    found = []
    for number, value in enumerate(("0.001", "0.002")):
        file = tmp_path / f"pack{number}.yaml"
        file.write_text(PACK.format(name="pilot", value=value), encoding="utf-8")
        found.append(str(file))
    return found[0], found[1]


def browsing(user: User, language: str) -> Client:
    browser = Client(headers={"accept-language": language})
    browser.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    stage.prove(browser)
    return browser


def shown(language: str, number: int) -> str:
    return browsing(desk.staffed()["check"], language).get(f"/operator/proposals/{number}").content.decode()


def test_the_page_holds_old_and_new_figure_side_by_side_with_unit_and_source(
    packs: tuple[str, str], settings: object
) -> None:
    by_role = desk.staffed()
    settings.ABATE_OPERATOR_PACK = packs[0]  # type: ignore[attr-defined]
    desk.decide("basis.adopt")
    settings.ABATE_OPERATOR_PACK = packs[1]  # type: ignore[attr-defined]
    settings.ABATE_FORMER_PACKS = [packs[0]]  # type: ignore[attr-defined]
    made = proposing.propose(by_role["entry"], "basis.adopt", {}, "tried")
    page = shown("zh", made.pk)
    for told in ("数值的变化", "骑行", "0.001 kgCO2e/pkm", "0.002 kgCO2e/pkm", "市交通报告 2025, 表3"):
        assert told in page, told
    assert "不同的数值：1 处" in page and "不在本机" not in page
    assert "Figures that differ: 1," in shown("en", made.pk)


def test_figures_that_are_not_here_any_more_are_said_to_be_missing_and_none_is_guessed(
    packs: tuple[str, str], settings: object
) -> None:
    by_role = desk.staffed()
    settings.ABATE_OPERATOR_PACK = packs[0]  # type: ignore[attr-defined]
    desk.decide("basis.adopt")
    settings.ABATE_OPERATOR_PACK = packs[1]  # type: ignore[attr-defined]
    made = proposing.propose(by_role["entry"], "basis.adopt", {}, "tried")
    page = shown("zh", made.pk)
    assert "无法逐一对照" in page and "pilot " in page
    assert "0.002 kgCO2e/pkm" in page and "0.001 kgCO2e/pkm" not in page


def test_a_methodology_that_was_rewritten_or_is_gone_is_named() -> None:
    now = json.loads(basis.present()[1])
    before = now | {"methods": now["methods"] | {"cycling v1": "00", "cycling v9": "11"}}
    found = adopting.weigh(before, now)
    assert [(one.name, one.how) for one in found.methods] == [
        ("cycling v1", "rewritten"),
        ("cycling v9", "gone"),
    ]
    assert {one.behaviour for one in found.figures} <= {"cycling"}
    assert adopting.weigh(now, now) == adopting.Weighed((), (), ())
