"""Who writes notices: each caller once, on its real path."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

import pytest
from django.db import OperationalError
from django.test import Client
from tests.platform.joining import applicants
from tests.platform.notices.test_incidents import INCIDENT
from tests.platform.web import city as stage
from tests.platform.web.one_city import built as built
from tests.platform.web.one_city import city as city

from abate.demo import desk
from abate.platform import reaching
from abate.platform.config import fields
from abate.platform.credits.models import Rule
from abate.platform.doors import clock
from abate.platform.joining import actions as joining
from abate.platform.joining import noticing
from abate.platform.joining.models import Application, Document
from abate.platform.ledger import expiring, standing
from abate.platform.ledger import queries as ledger
from abate.platform.notices import actions, incidents, queries
from abate.platform.notices.models import Preference
from abate.platform.parties import standing as parties_standing
from abate.platform.people import consents, guardians, identity, requests
from abate.platform.people import queries as people
from abate.platform.review import actions as review
from abate.platform.signin import factors

pytestmark = [pytest.mark.platform, pytest.mark.django_db]
Left = Callable[[], list[dict[str, str]]]


def told(user_id: int) -> list[str]:
    return [row.kind for row in queries.listed(user_id=user_id)]


def test_what_is_ticked_on_the_page_is_kept_as_a_whole(
    city: stage.City, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> None:
        raise OperationalError("planted: the database is away")

    browser = Client(raise_request_exception=False)
    browser.force_login(city.person.user)
    with monkeypatch.context() as patch:
        patch.setattr(actions, "speak", away)
        assert browser.post("/notices", {"language": "en"}).status_code == 503
    assert not Preference.objects.exists()
    assert browser.post("/notices", {"language": "en"}).status_code == 302 and Preference.objects.exists()


def carry() -> None:
    while reaching.carry():
        pass


def test_a_key_that_comes_or_goes(city: stage.City) -> None:
    user = city.person.user
    factors.new_recovery_codes(user)
    (codes,) = factors.factors(user)
    factors.remove(user, codes.id, keep_one=False)
    assert told(user.pk) == ["sign-in.key"] * 2


def test_a_sign_in_by_a_link(city: stage.City) -> None:
    link = review.issue_link(city.person.user)
    Client().post(f"/sign-in/link/{link}")
    assert told(city.person.user_id) == ["sign-in.new"]


def test_a_request_that_is_answered_and_not_what_it_says(city: stage.City, left: Left) -> None:
    made = requests.ask(city.person, "explanation", "为什么")
    requests.answer(made.pk, "答复里的金丝雀", city.operator)
    carry()
    assert told(city.person.user_id) == ["request.answered"] and "金丝雀" not in left()[-1]["body"]


def test_an_award_that_is_taken_back(city: stage.City, left: Left) -> None:
    now = clock.now()
    stage.send(city.partner, [stage.meeting(city.partner, city.person, "m-1", now)])
    (award,) = ledger.entries(city.person.pk)
    data = {"event": "m-1", "reason": "returned"}
    back = stage.event(city.partner, city.person, "online-meeting", "w-1", now, **data)
    stage.send(city.partner, [back | {"type": "org.abate.withdrawal"}])
    assert len(ledger.entries(city.person.pk)) == 2
    assert told(city.person.user_id) == ["award.taken-back"]
    carry()
    assert str(award.credits) not in left()[-1]["body"].replace(left()[-1]["to"], "")


def test_credits_that_expire_only_for_whoever_asked(city: stage.City) -> None:
    stage.book_every_outcome(city.partner, city.person)
    expiring.cut_all()
    day = min(lot.expires_on for lot in standing.standing(city.person.pk).lots)
    with clock.frozen(clock.now() + (day - clock.today()) - timedelta(days=expiring.SOON)):
        assert expiring.tell_soon() == 0
        actions.prefer(city.person.user, "credits.expiring", "phone", True)
        assert expiring.tell_soon() == 1
        assert expiring.tell_soon() == 0, "run twice"
    assert told(city.person.user_id) == ["credits.expiring"]


def test_credits_that_expire_are_told_of_after_days_without_the_job_too(city: stage.City) -> None:
    rule = {"credits_per_kg": 1000, "title_zh": "一百天", "title_en": "a hundred days"}
    Rule.objects.create(from_day=date(2000, 1, 2), expiry_days=100, **rule)
    stage.book_every_outcome(city.partner, city.person)
    expiring.cut_all()
    actions.prefer(city.person.user, "credits.expiring", "phone", True)
    day = max(lot.expires_on for lot in standing.standing(city.person.pk).lots)
    with clock.frozen(clock.now() + (day - clock.today()) - timedelta(days=expiring.SOON - 3)):
        assert expiring.tell_soon() == 1
    with clock.frozen(clock.now() + (day - clock.today()) - timedelta(days=1)):
        assert expiring.tell_soon() == 0, "of these it was told"
    with clock.frozen(clock.now() + (day - clock.today())):
        assert expiring.tell_soon() == 0, "too late to spend them"


def test_a_consent_by_a_guardian_reaches_the_guardian(city: stage.City, left: Left) -> None:
    born = clock.today() - timedelta(days=4000)
    version = consents.current("children").version
    child = guardians.open_for_child(
        city.person, "parent", "试用童", identity.made_up_number(born, 77), {"account", "identity"}, version
    )
    assert told(child.user_id) == ["consent.by-guardian"]
    carry()
    assert left()[-1]["to"] == f"+86{city.contact}"


def test_parties_hear_of_notices_applications_and_papers(left: Left) -> None:
    party = applicants.admitted()
    one = Application.objects.get(party=party)
    noticing.open_notice(party, "Late events", "Since Monday.", clock.today() + timedelta(days=3), None)
    last = (
        Document.objects.filter(application=one, valid_until__isnull=False)
        .earliest("valid_until")
        .valid_until
    )
    with clock.frozen(clock.now() + (last - clock.today()) - timedelta(days=7)):
        joining.lapse()
    assert told(one.user_id)[:2] == ["party.papers", "party.notice"] and "party.application" in told(
        one.user_id
    )
    carry()
    assert {row.deliveries[0].state for row in queries.listed(user_id=one.user_id)} == {"sent"}


def test_papers_that_run_out_are_told_of_once_at_each_of_the_three_days_late_or_not() -> None:
    party = applicants.admitted()
    one = Application.objects.get(party=party)
    held = Document.objects.filter(application=one, approved_at__isnull=False, valid_until__isnull=False)
    held.update(valid_until=clock.today() + timedelta(days=100))
    counts = []
    for ahead in (31, 28, 27, 7, 7, 0, -1):
        with clock.frozen(clock.now() + timedelta(days=100 - ahead)):
            joining.lapse()
        counts.append(told(one.user_id).count("party.papers"))
    assert counts == [0, 1, 1, 2, 2, 3, 3]


def test_an_agreement_that_runs_out_is_told_of_as_papers_are() -> None:
    """It suspends as they do, and nobody had been told before it did."""
    party = applicants.admitted(to_day=clock.today() + timedelta(days=100))
    one = Application.objects.get(party=party)
    Document.objects.filter(application=one).update(valid_until=None)
    counts = []
    for ahead in (31, 28, 27, 7, 0, -1):
        with clock.frozen(clock.now() + timedelta(days=100 - ahead)):
            joining.lapse()
        counts.append(told(one.user_id).count("party.papers"))
    assert counts == [0, 1, 1, 2, 3, 3]


def test_a_party_is_told_that_it_is_suspended_by_its_date_or_by_three_people() -> None:
    party = applicants.admitted(to_day=clock.today() + timedelta(days=100))
    one = Application.objects.get(party=party)
    parties_standing.begin(party)
    desk.decide("party.suspend", code=party.code)
    assert told(one.user_id).count("party.suspended") == 1
    desk.decide("party.resume", code=party.code)
    with clock.frozen(clock.now() + timedelta(days=101)):
        assert joining.lapse() == [party.code] and joining.lapse() == []
    assert told(one.user_id).count("party.suspended") == 2


def test_a_leak_is_told_to_everybody_concerned_and_nobody_else(city: stage.City, left: Left) -> None:
    stage.send(city.partner, [stage.meeting(city.partner, city.person, "m-1", clock.now())])
    concerned = people.users_of(fields.breach(["ledger_entry"]).people)
    assert actions.tell_of_breach(concerned, incidents.read("2026A", INCIDENT)) == 1
    carry()
    assert told(city.person.user_id) == ["breach.told"] and told(city.stranger.user_id) == []
    assert "2026A" in left()[-1]["body"]
    # Told again, as after an answer that was lost, or of further tables: whoever was told already is told no second time.
    both = [city.person.user_id, city.stranger.user_id]
    assert actions.tell_of_breach(both, incidents.read("2026A", INCIDENT)) == 1
    assert told(city.person.user_id) == ["breach.told"] and told(city.stranger.user_id) == ["breach.told"]


def test_the_page_shows_what_is_sent_and_keeps_what_is_ticked(city: stage.City, settings) -> None:
    browser = Client()
    browser.force_login(city.person.user)
    text = browser.get("/notices").content.decode()
    assert "不能关闭" in text and "第五十七条" in text and "138****0001" in text
    assert "13800000001" not in text and "sign-in.key" not in text
    browser.post("/notices", {"notice": ["request.answered phone", "sign-in.key phone"], "language": "zh"})
    # Ticked as it was: nothing is written down.
    assert queries.said_by(city.person.user_id) == {("award.taken-back", "phone"): False}
    assert queries.language_of(city.person.user_id) == "zh"
    browser.post("/notices", {"notice": ["award.taken-back phone"], "language": "both"})
    assert queries.said_by(city.person.user_id)[("request.answered", "phone")] is False
    assert queries.language_of(city.person.user_id) is None
    settings.ABATE_MESSAGES = "abate.platform.doors.messages.Mail"
    text = browser.get("/notices").content.decode()
    assert "本站未开通" in text and "data-push" not in text
    assert browser.get("/notices/worker.js")["Content-Type"].startswith("text/javascript")
    actions.write([city.person.user_id], "request.answered")
    carry()
    assert "按设置未发送" in browser.get("/notices").content.decode()
    assert Client().get("/notices").status_code == 302
