"""Whom an incident concerns reads it on the page that the notice names; nobody else does, and it goes with its notice."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from tests.platform.people.conftest import sent as sent
from tests.platform.people.recoveries import Sent
from tests.platform.people.test_guardians import GROWN, NOW, opened
from tests.platform.people.townspeople import code_in
from tests.platform.web import city as stage
from tests.platform.web.conftest import enter as enter
from tests.platform.web.one_city import built as built
from tests.platform.web.one_city import city as city

from abate.platform.config import fields
from abate.platform.doors import clock
from abate.platform.notices import actions, incidents, queries
from abate.platform.notices.errors import IncidentTold, IncidentUnfit
from abate.platform.notices.models import Incident, Notice
from abate.platform.people import freezing
from abate.platform.people.models import Person
from abate.platform.review import audit
from abate.platform.web import own_data

pytestmark = [pytest.mark.platform, pytest.mark.django_db, pytest.mark.clause("P-8.4-b")]
INCIDENT = """
since = 2026-05-01
happened_zh = "一份备份被他人取走"
happened_en = "A backup was taken by somebody"
data_zh = "行为记录"
data_en = "records of what you did"
follows_zh = "他人可能得知您的行为"
follows_en = "Others may learn what you did"
done_zh = "已更换密钥"
done_en = "The keys were changed"
advice_zh = "请结束其他会话 <b>"
advice_en = "End your other sessions <b>"
contact = "privacy@city.example"
"""


def page(person: Person, language: str = "zh") -> str:
    browser = Client(headers={"accept-language": language})
    browser.force_login(person.user, backend="django.contrib.auth.backends.ModelBackend")
    return browser.get("/privacy").content.decode()


def tell(city: stage.City, words: str = INCIDENT, number: str = "2026A") -> int:
    return actions.tell_of_breach([city.person.user_id], incidents.read(number, words))


def test_whom_it_concerns_reads_it_in_both_languages_and_nobody_else_does(city: stage.City) -> None:
    assert tell(city) == 1
    chinese, english = page(city.person), page(city.person, "en")
    for words in (
        "2026A",
        "一份备份被他人取走",
        "行为记录",
        "他人可能得知",
        "已更换密钥",
        "请结束其他会话 &lt;b&gt;",
    ):
        assert words in chinese
    for words in (
        "2026A",
        "A backup was taken",
        "records of what you did",
        "The keys were changed",
        "&lt;b&gt;",
    ):
        assert words in english
    assert "privacy@city.example" in chinese and "privacy@city.example" in english
    for language in ("zh", "en"):
        other = page(city.stranger, language)
        assert "2026A" not in other and "privacy@city.example" not in other


def test_who_left_an_account_that_is_kept_reads_it_where_the_contact_is_proved(
    city: stage.City, sent: Sent
) -> None:
    """Nobody signs in to it, and what is kept of it may be what somebody took (PIPL articles 47 and 57)."""
    freezing.freeze(city.person, clock.today() + timedelta(days=90), [("计入期", "crediting period")])
    assert tell(city) == 1
    for contact, concerned in ((city.contact, True), ("13800000002", False)):
        browser = Client(headers={"accept-language": "en"})
        browser.post("/sign-in", {"contact": contact})
        wrong = browser.post("/sign-in/code", {"code": "000000"}).content.decode()
        assert "2026A" not in wrong, "before the contact is proved nothing is told"
        answer = browser.post("/sign-in/code", {"code": code_in(sent()[-1])}, follow=True)
        told = answer.content.decode()
        assert ("A backup was taken" in told and "privacy@city.example" in told) is concerned
        assert (answer.status_code == 409 and "crediting period" in told) is concerned
        assert "_auth_user_id" not in browser.session or not concerned


def test_a_guardian_reads_where_the_notice_leads_what_concerns_the_child(city: stage.City, enter) -> None:
    """It goes to the guardian's contacts and names /privacy; whose account it is stands there, and each incident once."""
    with clock.frozen(NOW):
        child = opened(city.person)
        actions.tell_of_breach([child.user_id], incidents.read("2026C", INCIDENT))
        of_both = [city.person.user_id, child.user_id]
        actions.tell_of_breach(of_both, incidents.read("2026B", INCIDENT))
        actions.tell_of_breach([city.person.user_id], incidents.read("2026A", INCIDENT))
        english, chinese = page(city.person, "en"), page(city.person)
        for told in (english, chinese):
            assert [told.count(f'id="incident-2026{one}"') for one in "ABC"] == [1, 1, 1]
        assert "Concerns: 测试童" in english and "Concerns: you, 测试童" in english
        assert "涉及：测试童" in chinese and "涉及：您本人、测试童" in chinese
        assert english.count("Concerns:") == 2, "one's own needs no name"
        assert "incident-2026" not in page(city.stranger)
        # On the child's pages: the child's alone.
        browser = enter(city.person.user, "en")
        browser.post(f"/family/{child.pk}/enter")
        childs = browser.get("/privacy").content.decode()
        assert [f"incident-2026{one}" in childs for one in "ABC"] == [False, True, True]
        assert "Concerns:" not in childs
    with clock.frozen(GROWN):
        grown = page(city.person, "en")
        assert [f"incident-2026{one}" in grown for one in "ABC"] == [True, True, False]
        assert "测试童" not in grown, "who is fourteen is looked after by nobody"


def test_it_goes_with_its_notice(city: stage.City) -> None:
    tell(city)
    with clock.frozen(clock.now() + timedelta(days=89)):
        fields.retain()
        assert "2026A" in page(city.person)
    with clock.frozen(clock.now() + timedelta(days=91)):
        cleared = fields.retain()
        assert cleared["notices_incident"] == cleared["notices_notice"] == 1
        assert "2026A" not in page(city.person) and not Incident.objects.exists()


def test_one_number_has_one_text_and_nobody_is_told_twice(city: stage.City) -> None:
    assert (tell(city), tell(city)) == (1, 0)
    everybody = [city.person.user_id, city.stranger.user_id]
    assert actions.tell_of_breach(everybody, incidents.read("2026A", INCIDENT)) == 1
    with pytest.raises(IncidentTold):
        tell(city, INCIDENT.replace("已更换密钥", "没有"))
    assert Notice.objects.filter(kind="breach.told").count() == 2
    assert [one.done_zh for one in queries.incidents(city.person.user_id)] == ["已更换密钥"]


def test_the_copy_has_it_too(city: stage.City) -> None:
    tell(city)
    for person, told in ((city.person, ["2026A"]), (city.stranger, [])):
        with audit.acting(lambda own=person: audit.Actor(own.user.handle, "page", "person", own.user_id)):
            copy = own_data.gather(person)
        assert [row["number"] for row in copy["incidents"]] == told  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ('done_en = "The keys were changed"', "", "done_en"),
        ('"已更换密钥"', '" "', "done_zh"),
        ('"已更换密钥"', '"a\\nb"', "done_zh"),
        ("since = 2026-05-01", "since = 2999-05-01", "since"),
        ("since = 2026-05-01", 'since = "soon"', "since"),
        ("contact =", "shoe = 1\ncontact =", "shoe"),
        ("contact =", "contact", "line"),
    ],
)
def test_what_is_not_said_in_full_tells_nobody(old: str, new: str, named: str) -> None:
    with pytest.raises(IncidentUnfit, match=named):
        incidents.read("2026A", INCIDENT.replace(old, new))
    with pytest.raises(IncidentUnfit, match="number"):
        incidents.read("../x", INCIDENT)
