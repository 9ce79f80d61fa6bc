"""A guardian looks after a child's account on the pages, and after nobody else's."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest
from django.test import Client
from tests.platform.people.test_guardians import BOTH, GROWN, NOW, NUMBER, VERSION, opened
from tests.platform.web import city as stage
from tests.platform.web.test_binding import App, agree, told

from abate.platform.doors import clock, keyring
from abate.platform.people import consents, queries
from abate.platform.people.models import Guardianship, Person

pytestmark = [pytest.mark.platform, pytest.mark.django_db]
FORM = {"name": "测试童", "number": NUMBER, "relation": "parent", "purpose": sorted(BOTH), "notice": VERSION}


@pytest.mark.clause("P-8.4-b")
def test_opens_sees_withdraws_exports_and_closes(enter) -> None:
    with clock.frozen(NOW):
        city = stage.build()
        browser = enter(city.person.user, "en")
        assert browser.post("/family", FORM | {"purpose": ["account"]}).status_code == 422
        assert browser.post("/family", FORM | {"number": "1"}).status_code == 422
        assert browser.post("/family", FORM | {"notice": "of before"}).status_code == 422
        assert browser.post("/family", FORM).status_code == 302
        (row,) = Guardianship.objects.all()
        child = row.child
        page = browser.get("/family").content.decode()
        assert "测试童" in page and "24 Nov" in page and NUMBER not in page
        assert browser.post(f"/family/{child.pk}/enter")["Location"] == "/"
        assert "looking after the account of 测试童" in browser.get("/").content.decode()

        # Under what was on the page: neither a notice of before, nor the one that is not for children.
        for other in ("of before", consents.current().version):
            sent = {"behaviour": ["online-meeting"], "notice": other}
            assert browser.post("/authorise/sample-app", sent).status_code == 422
        assert queries.authorisations(child.pk) == []
        browser.post("/authorise/sample-app", {"behaviour": ["online-meeting"], "notice": VERSION})
        (given,) = queries.authorisations(child.pk)
        assert given.live and given.ends_at == GROWN and given.notice_version == VERSION
        at = NOW + timedelta(minutes=1)
        with clock.frozen(at + timedelta(minutes=10)):
            event = stage.meeting(city.partner, child, "of-the-child", at)
            event["subject"] = queries.subject_for(child.pk, city.partner.pk)
            assert stage.send(city.partner, [event])[0].outcome.text == "credited"
            assert "Sample Trips" in browser.get("/feed").content.decode()
            told = browser.get("/v1/me/account").json()
            assert told["carbon_mg"] > 0

            stage.prove(browser)
            copy = json.loads(browser.get("/privacy/copy.json").content)
            assert copy["account"][0]["number"] == NUMBER and copy["contacts"] == []
            assert copy["guardian"][0]["relation"] == "parent" and len(copy["behaviours"]) == 1
            assert queries.own_copy(city.person)[0]["number"] not in json.dumps(copy)

            (live,) = [row for row in queries.authorisations(child.pk) if row.live]
            browser.post(f"/authorisations/{live.id}/withdraw")
            assert not any(row.live for row in queries.authorisations(child.pk))

            assert browser.post("/privacy/leave", {"sure": "yes"})["Location"] == "/family"
            assert Person.objects.get(pk=child.pk).status == "erased"
            # The guardian is still signed in, as themselves.
            assert "looking after" not in browser.get("/").content.decode()
            assert Person.objects.get(pk=city.person.pk).status == "active"


@pytest.mark.clause("P-8.4-b")
def test_nobody_but_the_guardian_and_not_after_the_birthday(enter) -> None:
    with clock.frozen(NOW):
        city = stage.build()
        child = opened(city.person)
        stranger = enter(city.stranger.user)
        assert stranger.post(f"/family/{child.pk}/enter").status_code == 404
        session = stranger.session
        session["acting_for"] = child.pk
        session.save()
        assert "测试童" not in stranger.get("/").content.decode()
        assert stranger.get("/v1/me/account").json() == enter(city.stranger.user).get("/v1/me/account").json()
        guardian = enter(city.person.user)
        guardian.post(f"/family/{child.pk}/enter")
        assert "测试童" in guardian.get("/").content.decode()
    with clock.frozen(GROWN):
        guardian = enter(city.person.user)
        session = guardian.session
        session["acting_for"] = child.pk
        session.save()
        for path in ("/", "/family", "/privacy"):
            assert "测试童" not in guardian.get(path).content.decode()
        assert guardian.post(f"/family/{child.pk}/enter").status_code == 404


def test_the_fresh_proof_is_the_guardians_own(enter) -> None:
    with clock.frozen(NOW):
        city = stage.build()
        child = opened(city.person)
        browser = Client()
        browser.force_login(city.person.user, backend="django.contrib.auth.backends.ModelBackend")
        assert browser.post("/family", FORM)["Location"].startswith("/confirm")
        browser.post(f"/family/{child.pk}/enter")
        answer = browser.get("/privacy/copy.json")
        assert answer["Location"].startswith("/confirm?next=%2Fprivacy%2Fcopy")
        assert "138****0001" in browser.get(answer["Location"]).content.decode()


def test_a_partners_app_binds_the_guardian_not_the_child(enter, settings) -> None:
    """The code that it gets is the session's holder's: what is authorised with it must be theirs too."""
    keyring.ensure_oidc(Path(settings.ABATE_SECRET_FILE))
    with clock.frozen(NOW):
        city = stage.build()
        child = opened(city.person)
        app, browser = App(city.partner), enter(city.person.user)
        browser.post(f"/family/{child.pk}/enter")
        token = app.exchange(told(agree(browser, app, "cycling"))["code"]).json()["access_token"]
        sub = Client().get("/identity/o/api/userinfo", headers={"authorization": f"Bearer {token}"}).json()
        assert sub["sub"] == queries.subject_for(city.person.pk, city.partner.pk)
        assert queries.authorisations(child.pk) == []


def test_leaving_tells_which_accounts_of_children_go_too(enter) -> None:
    with clock.frozen(NOW):
        city = stage.build()
        child = opened(city.person)
        browser = enter(city.person.user, "en")
        assert "The 1 accounts of children" in browser.get("/privacy/leave").content.decode()
        assert browser.post("/privacy/leave", {"sure": "yes"}).status_code == 200
        assert set(Person.objects.filter(pk__in=[child.pk, city.person.pk]).values_list("status")) == {
            ("erased",)
        }


@pytest.mark.parametrize("may", [[], ["redeem"]])
def test_a_child_that_may_not_redeem_is_offered_nothing_to_spend_on(enter, settings, may: list[str]) -> None:
    """The button and the offers were there, and the refusal came at the last step."""
    settings.ABATE_CHILDREN_MAY = may
    with clock.frozen(NOW):
        city = stage.build()
        child = opened(city.person)
        browser = enter(city.person.user, "en")
        pages = ("/", "/offers", f"/offers/{city.offer}")
        own = [browser.get(path).content.decode() for path in pages]
        browser.post(f"/family/{child.pk}/enter")
        home, offers, offer = (browser.get(path).content.decode() for path in pages)
        assert all("spends no credits" not in page for page in own) and 'href="/offers"' in own[0]
        assert ('href="/offers"' in home) == ("Spend credits" in home) == bool(may)
        assert ("spends no credits" in offers) == ("spends no credits" in offer) == (not may)
        assert (f'href="/offers/{city.offer}"' in offers) == bool(may)
