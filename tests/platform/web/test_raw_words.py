"""Pages say in words what has words: fields of records, behaviours, and grades are not left as codes."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.template import Context, Template
from django.utils import translation

from abate.platform.review.errors import NotEnrolled
from abate.platform.web.argument_names import NAMES
from abate.quantify import explain_text
from abate.quantify.explain_words import CODED
from abate.quantify.factors import GRADES

TEMPLATES = Path(__file__).parents[3] / "src/abate/platform/web/templates/abate"


@pytest.mark.parametrize(
    ("language", "said"), [("zh-hans", "路程（公里） (distance_km)"), ("en", "(distance_km)")]
)
def test_a_field_of_a_record_is_called_what_its_methodology_calls_it(language: str, said: str) -> None:
    shown = Template(
        "{% load abate %}{% field_name 'cycling' 'distance_km' %}|{% field_name 'cycling' odd %}"
    )
    with translation.override(language):
        found, unknown = shown.render(Context({"odd": "x<"})).split("|")
    assert found.endswith(said) and found != "distance_km" and unknown == "x&lt;"
    assert "{% field_name" in (TEMPLATES / "anomaly.html").read_text(encoding="utf-8")


def test_a_partner_chooses_a_behaviour_by_its_name() -> None:
    page = (TEMPLATES / "partner_events.html").read_text(encoding="utf-8")
    assert "{{ one|behaviour }} ({{ one }})</option>" in page


def test_every_grade_has_words_and_an_explanation_says_them() -> None:
    assert set(GRADES) <= set(CODED)
    assert explain_text.coded("standard", "zh") == "标准指定"


def test_no_label_lists_codes_that_a_form_offers_in_words_nor_a_remedy_a_place_in_the_program() -> None:
    assert NAMES["audience"] == ("对谁", "To whom")
    assert "review.actions" not in NotEnrolled.remedy_zh + NotEnrolled.remedy_en
