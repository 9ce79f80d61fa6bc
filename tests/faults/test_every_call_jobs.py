"""A fault at every call of what a round beside the server, or a command, does by itself (functions.py, commands.py)."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.faults.test_every_call import tried
from tests.platform.alarms.test_alarms import guess
from tests.platform.alarms.test_alarms import prepared as prepared
from tests.platform.joining import applicants
from tests.platform.joining.test_commands import here as here
from tests.platform.joining.test_commands import papers, run, said
from tests.platform.people import recoveries
from tests.platform.people.conftest import sent as sent
from tests.platform.people.recoveries import person as person
from tests.platform.review.shell import sign_in
from tests.platform.web import city as stage

from abate.bookkeeping.cosignature import Seal, Witness
from abate.cli import party
from abate.demo import desk
from abate.platform import reaching
from abate.platform.alarms.models import Alarm
from abate.platform.anomalies import actions as anomalies
from abate.platform.config import alarming, fields
from abate.platform.doors import clock
from abate.platform.joining import actions as joining
from abate.platform.joining.models import Application
from abate.platform.ledger import expiring, standing
from abate.platform.log import actions as log
from abate.platform.log import models as leaves
from abate.platform.log import queries
from abate.platform.log.sequencer import Sequencer
from abate.platform.notices import actions as notices
from abate.platform.notices.models import Delivery, Notice
from abate.platform.parties import actions as parties
from abate.platform.parties import webhooks
from abate.platform.parties.models import Client as Key
from abate.platform.parties.models import Message, Party, PublicKey
from abate.platform.people import actions as people
from abate.platform.people import recovering
from abate.platform.people.models import Person, Recovery
from abate.platform.review import actions as review
from abate.platform.review import opening, sealing
from abate.platform.review.models import AuditSeal
from abate.platform.signin import actions as signin

pytestmark = [
    pytest.mark.platform,
    pytest.mark.clause("P-7.5.3-3"),
    pytest.mark.slow,
    pytest.mark.django_db(transaction=True),
]


@pytest.fixture
def city(transactional_db: None) -> stage.City:
    city = stage.build()
    stage.book_every_outcome(city.partner, city.person)
    return city


def later(**span: int) -> Any:
    return clock.frozen(clock.now() + timedelta(**span))


# --- rounds beside the server -------------------------------------------------------------------------------------------
def test_what_was_booked_is_numbered_and_signed(city: stage.City) -> None:
    with tried("Sequencer.round"):
        Sequencer().round()
    assert not leaves.Pending.objects.exists()


def test_what_was_booked_is_looked_at(city: stage.City) -> None:
    with tried("anomalies.actions.sweep_once"):
        anomalies.sweep_once()
    assert anomalies.sweep().entries == 0


def test_a_notice_is_planned_and_sent(city: stage.City) -> None:
    notices.write([city.person.user_id], "sign-in.key")
    with tried("reaching.carry"):
        assert reaching.carry() == 1
    assert Delivery.objects.get().sent_at is None
    with tried("reaching.carry"):
        assert reaching.carry() == 1
    assert Delivery.objects.get().sent_at is not None


def test_an_alarm_is_raised_and_ended(prepared: None) -> None:
    clerk = desk.hire("made-up guessed", "query")
    guess(clerk.handle, 5)
    with tried("config.alarming.look_once"):
        alarming.look_once()
    assert Alarm.objects.filter(ended_at=None).exists()
    with later(hours=2), tried("config.alarming.look_once"):
        alarming.look_once()
    assert not Alarm.objects.filter(rule="failed sign-ins", ended_at=None).exists()


def test_heads_are_cosigned_and_kept_elsewhere(city: stage.City) -> None:
    log.sequence()
    seal = Seal(Witness("made-up", bytes(32)), 1, "— made-up AAAA")
    with tried("log.actions.add_cosignature", least=1):
        log.add_cosignature(queries.size(), b"key1", seal)
    with tried("log.actions.next_anchor", least=2):
        anchor = log.next_anchor(60)
    assert anchor is not None
    with tried("log.actions.anchor_kept", least=1):
        log.anchor_kept(anchor.size)
    assert log.next_anchor(60) is None


# --- what `abate close` and `abate privacy retain` do ---------------------------------------------------------------------
def test_the_trail_is_sealed(city: stage.City) -> None:
    with tried("review.sealing.seal"):
        assert sealing.seal() > 0
    assert AuditSeal.objects.count() == 1 and sealing.differences() == []


def test_a_party_past_its_date_is_suspended(db: None) -> None:
    party = applicants.admitted()
    Party.objects.update(status=Party.Status.ACTIVE)
    with later(days=500), tried("joining.actions.lapse"):
        assert joining.lapse() == [party.code]


def test_what_expires_soon_is_told(city: stage.City) -> None:
    expiring.cut_all()
    notices.prefer(city.person.user, "credits.expiring", "phone", True)
    day = min(lot.expires_on for lot in standing.standing(city.person.pk).lots)
    with later(days=(day - clock.today()).days - expiring.SOON), tried("ledger.expiring.tell_soon", least=2):
        assert expiring.tell_soon() == 1


def test_what_has_had_its_time_is_cleared(city: stage.City) -> None:
    people.request_code(city.contact)
    with later(days=2), tried("config.fields.retain"):
        assert fields.retain()["people_code"] == 1


def test_the_contact_of_a_recovery_that_is_over_is_cleared(person: Person, sent: Any) -> None:
    recoveries.ask(sent)
    recoveries.carry()
    with clock.frozen(Recovery.objects.get().until), tried("people.recovering.clear_over", least=2):
        assert recovering.clear_over() == 1
    assert bytes(Recovery.objects.get().contact_enc) == b""


# --- what other commands do by themselves -----------------------------------------------------------------------------------
def test_a_verifier_is_let_look_and_no_more(city: stage.City) -> None:
    verifier = desk.create_party("made-up-verifier", "verifier", "核查", "Verifier")
    # Each call gives one more.
    with tried("log.actions.give_access", least=1, again=False):
        given = log.give_access(verifier.pk, 0, 3, "made up", 3)
    with tried("log.actions.end_access", least=1):
        log.end_access(given.pk)
    assert leaves.Access.objects.get().ended_at is not None


def test_a_leak_is_told_and_told_again(city: stage.City) -> None:
    with tried("notices.actions.tell_of_breach", least=2):
        notices.tell_of_breach([city.person.user_id], "7")
    reaching.carry()
    with tried("notices.actions.send_again", least=2):
        assert notices.send_again(Notice.objects.get(kind="breach.told").pk) == 1


def test_a_public_key_and_its_key_are_ended(city: stage.City) -> None:
    key, _ = desk.issue_client(city.partner)
    signs = parties.register_public_key(key, applicants.public_pem())
    with tried("parties.actions.revoke_public_key", least=2):
        parties.revoke_public_key(signs)
    with tried("parties.actions.revoke_client"):
        parties.revoke_client(key)
    assert PublicKey.objects.get().revoked_at and Key.objects.get(pk=key).revoked_at


def test_a_message_to_a_partner_is_told_again(city: stage.City) -> None:
    webhooks.add_endpoint(city.partner, "https://partner.example/hook")
    webhooks.note(city.partner.pk, [("event.credited", "{}")], clock.now())
    Message.objects.update(next_at=None)
    with tried("parties.webhooks.send_again", least=2):
        webhooks.send_again(Message.objects.get().pk)
    assert Message.objects.get().next_at


def test_a_link_is_made_for_one_of_the_staff(transactional_db: None) -> None:
    clerk = desk.hire("made-up clerk", "query")
    # Each link is another one.
    with tried("signin.actions.new_link", least=3, again=False):
        assert review.use_link(signin.new_link(clerk, desk.staffed()["security_admin"])) == clerk


FEW = [
    opening.First("made-up s", ("security_admin",)),
    *(opening.First(f"made-up {role}", (role,)) for role in opening.SIDE_BY_SIDE),
]


def test_the_first_people_come_with_their_links_or_not_at_all(transactional_db: None) -> None:
    with tried("review.opening.with_links", again=False):
        made = opening.with_links(FEW)
    assert all(review.use_link(str(one["link"]).rpartition("/")[2]) for one in made)


def test_an_application_is_entered_by_the_command(here: Path) -> None:
    sign_in(desk.staffed()["entry"])
    given = papers(here)
    with tried("abate party apply"):
        assert said(run(party, "apply", here / "applicant.toml", *given))["state"] == "submitted"
    assert Application.objects.count() == 1
