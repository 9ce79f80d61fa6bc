"""Requests about own data: their clock over Chinese working days, their secrecy, and one answer each."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st
from tests.platform.people.townspeople import made_up_person

from abate.platform.config import doctor
from abate.platform.doors import clock
from abate.platform.doors.errors import SetupError
from abate.platform.people import actions, consents, requests
from abate.platform.people.errors import PersonErased, RequestMalformed, RequestUnknown, TooManyRequests
from abate.platform.people.models import Consent, Request
from abate.platform.review import actions as review

pytestmark = [pytest.mark.platform, pytest.mark.django_db]


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        # 15 weekdays on end.
        (date(2026, 11, 2), date(2026, 11, 23)),
        # The Spring Festival has nine days off; Saturday the 28th is worked: by hand 10, 11, 12, 13, 14, 24 to 28, 2 to 6.
        (date(2026, 2, 9), date(2026, 3, 6)),
        # From Friday before the National Day: Sunday the 20th is worked, 25 to 27 and 1 to 7 are off, 10 October is worked.
        (date(2026, 9, 18), date(2026, 10, 15)),
        # Asked on the last worked day before nine days off, the 30 days do not come first; a made-up long stop would be cut.
        (date(2026, 2, 14), date(2026, 3, 13)),
        # A year without a notice counts every day, for any weekend day may be worked: the clock is shorter, never longer.
        (date(2027, 2, 1), date(2027, 2, 16)),
        # By hand: 23 to 25 and 28 to 31 December are worked, then every day.
        (date(2026, 12, 22), date(2027, 1, 8)),
    ],
)
@pytest.mark.clause("P-8.4-b")
def test_the_day_by_which_an_answer_is_due(asked: date, expected: date) -> None:
    assert requests.due(asked) == expected


def _calendar(path: Path, *rows: str) -> str:
    path.write_text("\n".join(["day,kind,what", *rows]) + "\n", encoding="utf-8-sig")
    return str(path)


@pytest.mark.clause("P-8.4-b")
@given(
    asked=st.dates(date(2026, 12, 1), date(2027, 12, 1)),
    shifts=st.dictionaries(st.dates(date(2027, 1, 1), date(2027, 12, 31)), st.booleans(), max_size=40),
)
def test_a_missing_notice_makes_no_clock_longer(asked: date, shifts: dict[date, bool]) -> None:
    """Whatever the notice will say: with weekdays alone a worked Saturday before a holiday made it longer."""
    before = requests.due(asked)
    known = requests._said() | {date(2027, 1, 1): False} | shifts
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(requests, "_said", lambda _: known)
        assert before <= requests.due(asked)


def test_the_operator_s_file_brings_the_years_to_come(settings: Any, tmp_path: Path) -> None:
    settings.ABATE_HOLIDAYS = _calendar(
        tmp_path / "a.csv", "2027-02-06,work,made up", "2027-02-08,off,made up"
    )
    assert requests.due(date(2027, 2, 1)) == date(2027, 2, 22)
    assert requests.due(date(2026, 11, 2)) == date(2026, 11, 23), "the years before stay"


@pytest.mark.parametrize(
    "row", ["2027-13-01,off,x", "2027-02-06,holiday,x", "nothing", "2027-02-06,off," + "x" * 200_000]
)
def test_a_calendar_that_cannot_be_read_is_named(settings: Any, tmp_path: Path, row: str) -> None:
    settings.ABATE_HOLIDAYS = _calendar(tmp_path / "b.csv", row)
    with pytest.raises(SetupError, match="calendar"):
        requests.due(date(2026, 11, 2))


def test_so_is_one_whose_columns_stand_in_another_order_and_end_early(settings: Any, tmp_path: Path) -> None:
    (tmp_path / "c.csv").write_text("kind,day\noff\n", encoding="utf-8")
    settings.ABATE_HOLIDAYS = str(tmp_path / "c.csv")
    with pytest.raises(SetupError, match="calendar"):
        requests.due(date(2026, 11, 2))


@pytest.mark.parametrize(
    ("today", "told", "missing"),
    [
        (date(2026, 10, 31), False, None),
        (date(2026, 11, 1), False, 2027),
        (date(2026, 11, 1), True, None),
        (date(2027, 1, 1), False, 2027),
        (date(2027, 11, 1), True, 2028),
    ],
)
def test_the_doctor_warns_where_the_next_notice_is_missing(
    settings: Any, tmp_path: Path, today: date, told: bool, missing: int | None
) -> None:
    if told:
        settings.ABATE_HOLIDAYS = _calendar(tmp_path / "own.csv", "2027-02-08,off,made up")
    with clock.frozen(datetime.combine(today, datetime.min.time(), UTC) + timedelta(hours=4)):
        (said,) = doctor.holidays()
    assert (said.state == "warning") == bool(missing) and (str(missing) in said.what) == bool(missing)
    assert not missing or "ABATE_HOLIDAYS" in said.remedy


def test_the_doctor_names_a_calendar_that_cannot_be_read(settings: Any, tmp_path: Path) -> None:
    settings.ABATE_HOLIDAYS = str(tmp_path / "away.csv")
    (said,) = doctor.holidays()
    assert said.state == "fault" and "away.csv" in said.what


def test_thirty_days_are_the_most(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requests, "worked", lambda day: False if day.day % 2 else day.weekday() < 5)
    assert requests.due(date(2026, 11, 2)) == date(2026, 12, 2)


def test_every_day_that_is_worked_against_the_week_is_a_weekend_and_says_so() -> None:
    said = requests._said()
    assert len(said) == 39 and sum(said.values()) == 6
    assert all(day.weekday() >= 5 for day, work in said.items() if work)


@pytest.mark.clause("P-8.4-b")
def test_asked_answered_once_and_readable_by_nobody_else(db: None) -> None:
    person, clerk = made_up_person(1), review.create_user("staff", made_up=True)
    made = requests.ask(person, "correction", " 我的姓名写错了 ")
    with connection.cursor() as cursor:
        cursor.execute("select r::text from people_request r")
        assert "我的姓名".encode().hex() not in cursor.fetchone()[0]
    assert [row.text for row in requests.waiting()] == ["我的姓名写错了"]
    with clock.frozen(datetime.combine(made.due, datetime.min.time(), UTC) + timedelta(hours=4)):
        assert requests.late() == 0
    with clock.frozen(datetime.combine(made.due, datetime.min.time(), UTC) + timedelta(hours=28)):
        assert requests.late() == 1 and requests.waiting()[0].late
    requests.answer(made.pk, "已更正", clerk)
    with pytest.raises(RequestUnknown):
        requests.answer(made.pk, "又一次", clerk)
    (row,) = requests.own(person)
    assert row.answer == "已更正" and requests.waiting() == [] and "姓名" not in repr(row)
    actions.destroy(person)
    assert [(row.text, row.answer) for row in requests.own(person)] == [("", "")]


def test_what_is_no_request_is_refused(db: None) -> None:
    person = made_up_person(1)
    for kind, text in (("correction", " "), ("nothing", "x"), ("complaint", "x" * 2001)):
        with pytest.raises(RequestMalformed):
            requests.ask(person, kind, text)
    for _ in range(10):
        requests.ask(person, "complaint", "x")
    with pytest.raises(TooManyRequests):
        requests.ask(person, "complaint", "x")
    actions.destroy(person)
    assert requests.late() == 0 and requests.waiting() == []
    with pytest.raises(PersonErased):
        requests.ask(person, "complaint", "x")
    assert Request.objects.filter(person=person).count() == 10


@pytest.mark.clause("P-8.4-b")
def test_each_purpose_is_agreed_to_and_a_new_notice_asks_anew(
    db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = made_up_person(1)
    version = consents.current().version
    assert not consents.agreed_to_current(person.pk), "made_up_person agreed to an older notice"
    consents.give(person, version)
    consents.give(person, version)
    assert consents.agreed_to_current(person.pk)
    rows = consents.of(person.pk)
    assert [(row.purpose, row.notice_version, row.withdrawn_at is None) for row in rows].count(
        ("identity", version, True)
    ) == 1
    assert Consent.objects.filter(person=person).count() == 4
    newer = consents.Notice("later", clock.today(), consents.current().purposes)
    monkeypatch.setattr(consents, "notices", lambda: {"later": newer})
    assert not consents.agreed_to_current(person.pk)
    actions.destroy(person)
    assert all(row.withdrawn_at for row in consents.of(person.pk))
