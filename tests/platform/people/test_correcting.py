"""A person corrects name or number: proved again, a new version, the old one kept; still one person, one account."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from django.db import transaction
from tests.platform.people.townspeople import made_up_person
from tests.platform.web.conftest import enter

from abate.platform.doors import clock
from abate.platform.doors.keyring import keyring
from abate.platform.notices import queries as notices
from abate.platform.people import actions, correcting, identity, keys, queries
from abate.platform.people.errors import (
    CorrectedMeanwhile,
    CorrectedTooOften,
    IdentityRefused,
    IdentityTaken,
    NothingCorrected,
    NumberNeedsAuthority,
    PersonErased,
    SomebodyElse,
    TooYoung,
)
from abate.platform.people.family_errors import GuardianTooYoung
from abate.platform.people.models import Former, Guardianship, Identity, Person
from abate.platform.people.policy import CORRECTIONS, CORRECTIONS_WITHIN
from abate.platform.review.models import Audit
from abate.platform.web import own_data

pytestmark = [pytest.mark.platform, pytest.mark.django_db]
__all__ = ["enter"]
RIGHT = identity.made_up_number(date(1990, 1, 2), 77)


@pytest.fixture(autouse=True)
def authority(monkeypatch: Any) -> Any:
    """Who is asked knows whose a number is."""
    form = identity.FormProvider.check
    return monkeypatch.setattr(
        identity.FormProvider,
        "check",
        lambda self, name, number: replace(form(self, name, number), authority=True),
    )


def told(person: Person) -> dict[str, str]:
    return queries.own_copy(Person.objects.get(pk=person.pk))[0]


@pytest.mark.clause("P-4.3", "P-6.5")
def test_a_name_put_back_and_then_a_number_are_corrected_and_what_was_stays() -> None:
    person = made_up_person(1)
    first = told(person)
    assert correcting.correct(person, "  试用  新名 ") == "name"
    assert told(person) == {"name": "试用 新名", "number": first["number"]}
    # In turn as little as at once: it would be somebody else.
    with pytest.raises(SomebodyElse):
        correcting.correct(person, number=RIGHT)
    assert correcting.correct(person, first["name"]) == "name"
    assert correcting.correct(person, number=RIGHT.lower()) == "number"
    assert told(person) == {"name": first["name"], "number": RIGHT}
    with pytest.raises(SomebodyElse):
        correcting.correct(person, "试用 新名")
    then = correcting.former(person)
    assert [(one.what, one.name, one.number) for one in then] == [
        ("number", first["name"], first["number"]),
        ("name", "试用 新名", first["number"]),
        ("name", first["name"], first["number"]),
    ]
    assert "新名" not in repr(then) and [what for what, _ in correcting.history(person.pk)] == [
        "number",
        "name",
        "name",
    ]
    stored = b"".join(bytes(row.identity_enc) for row in Former.objects.all())
    assert first["number"].encode() not in stored and "新名".encode() not in stored
    copied = own_data.gather(Person.objects.get(pk=person.pk))
    assert [one["number"] for one in copied["former_identities"]] == [first["number"]] * 3  # type: ignore[union-attr]
    assert copied["account"][0]["number"] == RIGHT  # type: ignore[index]
    rows = Audit.objects.filter(what="person.correct", subject=person.pseudonym).order_by("id")
    assert [json.loads(row.detail)["part"] for row in rows] == ["name", "name", "number"]
    assert all(first["number"] not in row.detail and RIGHT not in row.detail for row in Audit.objects.all())
    assert [row.kind for row in notices.listed(user_id=person.user_id, limit=9)] == ["identity.corrected"] * 3


@pytest.mark.clause("P-6.5")
def test_a_few_corrections_a_year(monkeypatch: Any) -> None:
    person = made_up_person(1)
    for number in range(CORRECTIONS):
        correcting.correct(person, "试用" + "甲乙丙丁"[number])
    with pytest.raises(CorrectedTooOften):
        correcting.correct(person, "试用戊")
    with clock.frozen(clock.now() + CORRECTIONS_WITHIN + timedelta(minutes=1)):
        assert correcting.correct(person, "试用戊") == "name"


@pytest.mark.clause("P-6.5")
def test_a_number_is_corrected_only_where_somebody_knows_whose_it_is(monkeypatch: Any) -> None:
    person = made_up_person(1)
    mine = told(person)
    known = identity.FormProvider.check
    monkeypatch.setattr(
        identity.FormProvider,
        "check",
        lambda self, name, number: replace(known(self, name, number), authority=False),
    )
    with pytest.raises(NumberNeedsAuthority):
        correcting.correct(person, number=RIGHT)
    assert told(person) == mine and not Former.objects.exists()
    assert correcting.correct(person, "试用新") == "name"


@pytest.mark.clause("P-8.4-b")
def test_a_guardian_stays_of_age(monkeypatch: Any) -> None:
    person, child = made_up_person(1), made_up_person(2)
    young = identity.made_up_number(clock.today() - timedelta(days=16 * 366), 77)
    held = Guardianship.objects.create(
        child=child,
        guardian=person,
        relation="parent",
        name_enc=b"x",
        given_at=clock.now(),
        until=clock.now(),
    )
    with pytest.raises(GuardianTooYoung):
        correcting.correct(person, number=young)
    assert not Former.objects.exists()
    Guardianship.objects.filter(pk=held.pk).update(ended_at=clock.now(), until=None, name_enc=b"")
    assert correcting.correct(person, number=young) == "number"


@pytest.mark.clause("P-3.1")
def test_one_person_still_has_one_account() -> None:
    person, other = made_up_person(1), made_up_person(2)
    mine, theirs = told(person), told(other)
    with pytest.raises(IdentityTaken), transaction.atomic():
        correcting.correct(person, number=theirs["number"])
    assert told(person) == mine and not Former.objects.exists()
    assert Identity.objects.get(identity_hmac=keyring().identity_hmac(theirs["number"])).person_id == other.pk
    correcting.correct(person, number=RIGHT)
    # Neither the right number nor the one of before opens a second account, or goes to somebody else's.
    for number in (RIGHT, mine["number"]):
        with pytest.raises(IdentityTaken), transaction.atomic():
            actions.register("另一", number, ["13900000009"], "notice-1", made_up=True)
        with pytest.raises(IdentityTaken), transaction.atomic():
            correcting.correct(other, number=number)
    # What was a mistake is put back by the same way.
    correcting.correct(person, number=mine["number"])
    assert told(person) == mine and Identity.objects.filter(person_id=person.pk).count() == 2


def test_what_cannot_be_a_correction_is_refused_by_name_and_changes_nothing(monkeypatch: Any) -> None:
    person = made_up_person(1)
    mine = told(person)
    young = identity.made_up_number(date(2020, 1, 2), 77)
    for name, number, kind in (
        ("", "", NothingCorrected),
        (mine["name"], f" {mine['number']} ", NothingCorrected),
        ("别人", RIGHT, SomebodyElse),
        ("12", "", IdentityRefused),
        ("", RIGHT[:-1] + ("0" if RIGHT[-1] != "0" else "1"), IdentityRefused),
        ("", "11010519491231002X", IdentityRefused),
        ("", young, TooYoung),
    ):
        with pytest.raises(kind):
            correcting.correct(person, name, number)
    stale = Person.objects.get(pk=person.pk)
    correcting.correct(person, "试用新")
    with pytest.raises(CorrectedMeanwhile):
        correcting.correct(stale, "试用旧")
    assert told(person)["name"] == "试用新" and Former.objects.count() == 1

    def refuses(name: str, number: str) -> identity.Verdict:
        return identity.Verdict(False, "x", True, "no-match")

    monkeypatch.setattr(identity.FormProvider, "check", lambda self, name, number: refuses(name, number))
    with pytest.raises(IdentityRefused, match="no-match"):
        correcting.correct(person, "试用再")
    assert told(person)["name"] == "试用新" and Former.objects.count() == 1


@pytest.mark.clause("P-8.4-b")
def test_whoever_leaves_takes_the_former_versions_along() -> None:
    person = made_up_person(1)
    correcting.correct(person, number=RIGHT)
    sealed = bytes(Former.objects.get().identity_enc)
    actions.destroy(person)
    assert not Former.objects.exists() and not Identity.objects.filter(person_id=person.pk).exists()
    with pytest.raises(PersonErased):
        keys.decrypt(Person.objects.get(pk=person.pk), sealed, "identity")
    with pytest.raises(PersonErased):
        correcting.correct(Person.objects.get(pk=person.pk), "试用新")


@pytest.mark.clause("P-4.3")
def test_the_page_corrects_after_a_fresh_proof_alone(enter: Any) -> None:
    person = made_up_person(1, "13800000001")
    page = enter(person.user, "en")
    assert "Correct your identity" in page.get("/privacy").content.decode()
    number = told(person)["number"]
    refused = page.post("/privacy/identity", {"name": "别人", "number": RIGHT})
    text = refused.content.decode()
    assert refused.status_code == 422 and "cannot both" in text and RIGHT not in text and "别人" not in text
    assert page.post("/privacy/identity", {"name": "试用新", "number": ""}).status_code == 302
    text = page.get("/privacy").content.decode()
    assert "Corrected: Name" in text and number not in text and "试用新" not in text
    assert told(person)["name"] == "试用新"
    session = page.session
    session["proofs"] = {}
    session.save()
    assert page.post("/privacy/identity", {"name": "试用再"})["Location"].startswith("/confirm")
    assert told(person)["name"] == "试用新"
