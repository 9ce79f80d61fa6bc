"""In a city of canaries every address is asked by whoever may, and nobody is told of one to whom it does not belong."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import override_settings
from tests.platform.joining import applicants
from tests.platform.people import canaries
from tests.platform.review import callers, test_matrix
from tests.platform.web import city as stage
from tests.platform.web import test_caches

from abate.demo import desk
from abate.platform import judging, releasing
from abate.platform.anomalies import actions as anomalies
from abate.platform.anomalies import queries as cases
from abate.platform.doors import clock
from abate.platform.joining import actions as joining
from abate.platform.joining.kinds import kinds
from abate.platform.log import actions as log
from abate.platform.parties import webhooks
from abate.platform.parties.models import Message
from abate.platform.people import requests
from abate.platform.quarantine import queries as quarantine
from abate.platform.review import queries as review
from abate.platform.review import rights
from abate.platform.web import gate

pytestmark = [pytest.mark.platform, pytest.mark.django_db]
OWN, OTHER = 1, 2
"""The canaries whom the city knows as its person and its stranger (stage.build)."""
BELONGS = {
    ("person", "privacy"): {OWN},
    ("person", "privacy-ask"): {OWN},
    ("person", "privacy-correct"): {OWN},
    ("person", "privacy-copy"): {OWN},
    ("entry", "requests"): {OWN, OTHER},
    ("entry", "anomaly"): {OWN},
    **{(role, "application-paper"): {OTHER} for role in ("entry", "check", "approve")},
}
"""Who at which address is told of whom, and nobody else anywhere: the person of her own request on the page of the privacy
centre, and of all in her copy; the one role that answers requests of what is asked in them (label `personal`), and of what a
record of a case says, with the words of the appeal; the three who step in an admission of an applicant's papers."""
TAKEN_TO_SHOW = {
    "home", "feed", "why", "entry", "entry-receipt", "statement", "statement-file", "codes", "code", "authorisations",
    "authorise", "disclosure", "privacy", "privacy-copy", "privacy-contact", "family", "groups", "told", "security", "acceptor",
    "joining", "partner",
    "partner-events", "partner-files", "partner-file", "partner-file-back", "partner-check", "partner-report", "partner-breaks",
    "operator", "alarms", "requests", "applications", "application", "standing", "breaks", "sharing", "sharing-one", "anomalies",
    "anomaly", "application-paper", "quarantine-proposal",
    "quarantine", "proposals", "proposal", "audit", "audit-file", "v1:account", "v1:entries", "v1:explanation", "v1:receipt",
    "v1:groups", "v1:statement_json", "v1:statement_paper", "v1:proposals", "v1:quarantined", "metrics", "log-checkpoint",
}  # fmt: skip
"""Addresses that showed something: a refusal alone names nobody."""
TAKEN_BY_KEY = {"events", "event", "files", "file", "file-errors", "file-back", "notices", "reconciliation-breaks",
                "sharing-request", "sharing-people", "log-opening", "idp:oidc:userinfo"}  # fmt: skip


@pytest.fixture
def of_canaries(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    """The people of every city that is built now are canaries."""
    settings.ABATE_ADDRESS_PER_MINUTE = settings.ABATE_ACCOUNT_PER_MINUTE = 1_000_000
    monkeypatch.setattr(stage, "made_up_person", canaries.plant)


def told(answer: HttpResponse) -> bytes:
    body = b"".join(answer.streaming_content) if answer.streaming else answer.content
    return body + repr(sorted(answer.items())).encode()


def seen(
    asked: Iterable[tuple[str, str, str, HttpResponse]],
) -> tuple[dict[tuple[str, str], set[int]], set[str]]:
    """Who at which address was told of which canary; and the addresses that showed what they show."""
    named: dict[tuple[str, str], set[int]] = defaultdict(set)
    shown = set()
    for who, name, _, answer in asked:
        if found := canaries.whose(told(answer), (OWN, OTHER)):
            named[who, name] |= found
        shown |= {name} if answer.status_code == 200 else set()
    return dict(named), shown


def who_sees(name: str, line: gate.Line) -> list[str]:
    """Of what is shown, everybody who may see it: every role of the staff by itself."""
    if line.who == "staff":
        return sorted(test_matrix.ALLOWED[name])
    return [test_caches.who_may(name, line)]


def named_in_a_ride(city: stage.City, order: int, event: str, minutes: int = 0) -> None:
    """A ride of hers whose partner wrote her number where the number of a trip belongs."""
    person, at = (
        {OWN: city.person, OTHER: city.stranger}[order],
        clock.now() - timedelta(hours=2, minutes=minutes),
    )
    sent = stage.ride(city.partner, person, event, at.replace(microsecond=0), "3.2")
    data: dict[str, object] = sent["data"]  # type: ignore[assignment]
    stage.send(city.partner, [sent | {"data": data | {"trip_id": f"{canaries.written(order)}-{minutes}"}}])


def case_with_an_appeal(city: stage.City) -> int:
    """A confirmed case about two rides of hers, against which she appeals in words that name her."""
    with override_settings(ABATE_OPERATOR_PACK="demo"):
        desk.decide("basis.adopt")
        for minutes in (0, 10):
            named_in_a_ride(city, OWN, f"ride-{minutes}", minutes)
    desk.decide("basis.adopt")
    anomalies.sweep()
    (one,) = cases.of_person(city.person.pk)
    for number, verdict in enumerate(("proposed", "confirmed")):
        reviewer = desk.hire(f"made-up reviewer of rides {number}", "entry")
        listed = {one.id: cases.case(one.id).listed}
        (decided,) = judging.decide(reviewer, listed, verdict, "one at a time")
        assert decided.problem is None
    mine = canaries.canary(OWN)
    anomalies.appeal(city.person, one.id, f"{mine.name}, {mine.phone}, {mine.mail}")
    return one.id


def papers_of_an_applicant() -> dict[str, object]:
    """An application one of whose papers names somebody: by her number, as a person of the applicant's."""
    one = applicants.draft(code="made-up-walks", registration=applicants.registration(7))
    joining.prove(one.user)
    applicants.bring(one, but=("registration",))
    other = canaries.canary(OTHER)
    body = applicants.PDF + f"{other.name} {other.number}".encode()
    paper = joining.add_document(one, "registration", "registration.pdf", body, applicants.later())
    joining.submit(one, kinds().terms)
    return {"application_id": one.pk, "document_id": paper.pk}


def proposal_about_a_held_ride(city: stage.City) -> int:
    """A ride that names the other one is kept back, and somebody proposes to release it."""
    day = clock.today().isoformat()
    rule: dict[str, object] = {"rule": "new-partner", "party": city.partner.code, "cause": "probation", "reason_zh": "试用期",
                               "reason_en": "made up", "valid_from": day, "valid_until": day}  # fmt: skip
    desk.decide("quarantine.rule", **rule)
    named_in_a_ride(city, OTHER, "held-ride")
    (held,) = quarantine.records()
    return releasing.propose(
        desk.hire("made-up clerk of quarantine", "entry"), [held.id], "release", "made up"
    )


def asked_of_all(made: test_matrix.Town) -> test_caches.Given:
    """Each canary has asked something that names her; there is an application with papers, a case with an appeal, a proposal
    about a record that was kept back, a file, a check and a request for figures."""
    for order, person in ((OWN, made.city.person), (OTHER, made.city.stranger)):
        one = canaries.canary(order)
        requests.ask(person, "correction", f"{one.name} {one.phone}")
    paper = papers_of_an_applicant()
    things = callers.things_of(made.city.partner) | {
        "application": {"application_id": paper["application_id"]},
        "application-paper": paper,
        "anomaly": {"number": case_with_an_appeal(made.city)},
        "quarantine-proposal": {"number": proposal_about_a_held_ride(made.city)},
    }
    (figures, *_) = callers.asked_by(callers.of_kind("authority", "some-bureau")).values()
    return things | {"sharing-one": figures, "proposal": {"number": review.proposals(ended=True)[0].number}}


@pytest.mark.clause("P-8.4-b", "P-8.4-c")
@pytest.mark.parametrize(
    "everybody", [False, pytest.param(True, marks=pytest.mark.slow)], ids=["who-may", "everybody"]
)
def test_a_canary_is_shown_to_whom_she_belongs(everybody: bool, of_canaries: None) -> None:
    """`everybody`: each kind of session at each address with each method, not only where it may."""
    made = test_matrix.town()
    users = test_caches.everybody(made)
    given = asked_of_all(made)
    log.sequence()
    asking: test_caches.Asking = lambda name, line: users  # noqa: E731
    named, shown = seen(test_caches.answers(made, users, asking if everybody else who_sees, given))
    assert named == BELONGS
    assert shown >= TAKEN_TO_SHOW


@pytest.mark.clause("P-8.4-b", "P-6.1-b")
@pytest.mark.django_db(transaction=True)
def test_no_key_is_told_of_a_canary(of_canaries: None) -> None:
    """The partners' interface, the verifiers' openings, the authorities' figures; and what is sent to a partner's address."""
    made = callers.build()
    city = made.city
    webhooks.add_endpoint(city.partner, "https://partner.example/hook")
    stage.send(city.partner, [stage.meeting(city.partner, city.person, "m-told", clock.now())])
    named, shown = seen(test_caches.answers_to_keys(made))
    assert named == {} and shown >= TAKEN_BY_KEY
    bodies = list(Message.objects.values_list("body", flat=True))
    assert any("m-told" in body for body in bodies)
    assert canaries.found("".join(bodies).encode()) == []


@pytest.mark.parametrize(
    ("thing", "field", "address", "who"),
    [("requests", "text", "requests", {OWN, OTHER}), ("anomalies", "evidence", "anomaly", {OWN}),
     ("anomalies", "words", "anomaly", {OWN})],
)  # fmt: skip
def test_a_page_that_shows_too_much_is_found(
    thing: str,
    field: str,
    address: str,
    who: set[int],
    of_canaries: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The desk of requests, or a case, without its label: every role that sees it then sees whom it is about."""
    made = test_matrix.town()
    users = test_caches.everybody(made)
    given = asked_of_all(made)
    read = rights.rights()
    fields = read.things[thing] | {field: "internal"}
    monkeypatch.setattr(rights, "rights", lambda: replace(read, things=read.things | {thing: fields}))
    named, _ = seen(test_caches.answers(made, users, who_sees, given, address))
    assert named == {(role, address): who for role in test_matrix.ALLOWED[address]}
