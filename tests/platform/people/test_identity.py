"""The form check of resident identity numbers, against numbers worked out by hand."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from abate.platform.doors import clock
from abate.platform.doors.identity_number import normal_number
from abate.platform.people import identity
from abate.platform.people.errors import REASONS, IdentityRefused, TooYoung

NOW = datetime(2026, 11, 21, 4, 0, tzinfo=UTC)


def number(first: str) -> str:
    return first + identity.check_sign(first)


def reason(number_: str, name: str = "测试甲") -> str:
    with clock.frozen(NOW):
        return identity.FormProvider().check(name, number_).reason


def test_the_worked_example_of_the_standard_passes() -> None:
    # GB 11643 prints 11010519491231002X and 440524188001010014.
    assert reason("11010519491231002X") == reason("440524188001010014") == ""


def test_every_other_check_sign_is_refused() -> None:
    others = [s for s in "0123456789X" if s != "X"]
    assert {reason("11010519491231002" + sign) for sign in others} == {"check-digit"}


def test_every_single_wrong_digit_is_seen() -> None:
    right = "11010519491231002X"
    for place in range(17):
        for digit in "0123456789":
            if digit != right[place]:
                assert reason(right[:place] + digit + right[place + 1 :]) != ""


@pytest.mark.parametrize(
    ("number_", "expected"),
    [
        ("", "form"),
        ("1101051949123100", "form"),
        ("110105491231002", "form"),
        ("11010519491231002x", "form"),
        ("1101051949123100٢X", "form"),
        (number("11010519490231002"), "birth-date"),
        (number("11010520261122002"), "birth-date"),
        (number("11010518000101002"), "birth-date"),
        (number("00010519491231002"), "area"),
        (number("99010519491231002"), "area"),
    ],
)
def test_bad_numbers_have_a_reason_that_people_can_read(number_: str, expected: str) -> None:
    assert reason(number_) == expected
    assert all(REASONS[expected])


@pytest.mark.parametrize("name", ["", "  ", "甲1", "甲<b>", "甲" * 61, "·"])
def test_bad_names(name: str) -> None:
    assert reason("11010519491231002X", name) == "name"


@pytest.mark.parametrize("name", ["测试·样例", "Sample Person", "O'Sample-Two"])
def test_names_with_their_usual_signs_pass(name: str) -> None:
    assert reason("11010519491231002X", name) == ""


def test_the_built_in_provider_says_that_it_is_no_authority() -> None:
    with clock.frozen(NOW):
        verdict = identity.FormProvider().check("测试甲", "11010519491231002X")
    assert verdict.passed and not verdict.authority


def test_ways_of_writing_are_one_number() -> None:
    assert normal_number(" 110105 19491231 002x") == "11010519491231002X"
    assert normal_number("11010519491231002X") == "11010519491231002X"


def test_the_day_is_counted_in_the_platforms_zone() -> None:
    born_today = number("11010520261122002")
    # 16:30 UTC is half past midnight of the 22nd in Shanghai.
    with clock.frozen(datetime(2026, 11, 21, 16, 30, tzinfo=UTC)):
        assert identity.FormProvider().check("测试甲", born_today).passed


@pytest.mark.clause("P-6.5")
def test_fourteen_is_reached_on_the_birthday() -> None:
    with clock.frozen(NOW):
        identity.verify("测试甲", identity.made_up_number(date(2012, 11, 21), 1), made_up=True)
        with pytest.raises(TooYoung):
            identity.verify("测试甲", identity.made_up_number(date(2012, 11, 22), 1), made_up=True)


def test_made_up_and_real_cannot_stand_in_for_each_other() -> None:
    made_up = identity.made_up_number(date(1990, 1, 1), 7)
    with pytest.raises(IdentityRefused, match="made-up"):
        identity.verify("测试甲", made_up, made_up=False)
    with pytest.raises(IdentityRefused, match="not-made-up"):
        identity.verify("测试甲", "11010519491231002X", made_up=True)


class Refuser:
    def check(self, name: str, number: str) -> identity.Verdict:
        return identity.Verdict(passed=False, provider="refuser", authority=True, reason="no-match")


def test_the_provider_named_in_settings_decides(settings: pytest.FixtureRequest) -> None:
    settings.ABATE_REAL_NAME = f"{__name__}.Refuser"
    with pytest.raises(IdentityRefused, match="no-match"):
        identity.verify("测试甲", "11010519491231002X", made_up=False)
