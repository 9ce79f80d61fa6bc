"""Settlement agencies and circulation organisations as parties: let in by their own papers, let near nobody's data, out by
date, and gone with a settlement. What they move is no business of this room."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from tests.platform.joining import applicants
from tests.platform.joining.applicants import admitted, later, reviewer, submitted
from tests.platform.joining.test_notices_interface import bearer
from tests.platform.review.test_matrix import COMMON
from tests.platform.web import city as stage

from abate.demo import desk
from abate.platform.doors import clock
from abate.platform.joining import actions, kinds, noticing, queries
from abate.platform.joining.errors import ApplicationMalformed, DocumentNotInOrder, NotSettled
from abate.platform.joining.models import Application, Document, Settlement
from abate.platform.parties import actions as parties
from abate.platform.parties import queries as party_queries
from abate.platform.parties.errors import DocumentsExpired, GrantMissing
from abate.platform.parties.models import Party
from abate.platform.people import actions as people
from abate.platform.people.errors import BehaviourNotOffered
from abate.platform.web import gate

pytestmark = [pytest.mark.platform, pytest.mark.django_db]


@dataclass(frozen=True)
class Body:
    """A kind of party, the paper that makes it one, and what it undertakes besides the rules."""

    kind: str
    paper: str
    duties: tuple[str, ...]
    clause: str

    @property
    def given(self) -> dict[str, object]:
        return {"kind": self.kind, "code": f"made-up-{self.kind}", "grants": (), "behaviours": ()}


AGENCY = Body("settlement", "payment_licence", ("funds", "security"), "6.4")
ORGANISATION = Body("circulation", "exchange", ("exchange", "security"), "6.6")
BOTH = pytest.mark.parametrize("body", [AGENCY, ORGANISATION], ids=lambda body: body.kind)


@pytest.mark.clause("P-6.4", "P-6.6")
@BOTH
def test_it_is_admitted_on_its_licence_and_its_security_alone(body: Body) -> None:
    one = submitted(**body.given)
    asked = kinds.kinds().required(body.kind, ())
    assert asked[body.paper] == body.clause and asked["security"] == "8.4"
    papers = queries.newest(one)
    # Every paper read and in order but one of these two: nobody can propose to admit it.
    for held in (body.paper, "security"):
        for kind, row in papers.items():
            fine = kind != held
            actions.find(one, row.pk, in_order=fine, note="" if fine else "of another firm", user=reviewer())
        with pytest.raises(DocumentNotInOrder, match=held):
            desk.decide("party.admit", application=str(one.pk), to_day=later(400).isoformat())
    assert not Party.objects.filter(code=one.code).exists()
    for row in papers.values():
        actions.find(one, row.pk, in_order=True, note="", user=reviewer())
    desk.decide("party.admit", application=str(one.pk), to_day=later(400).isoformat())
    party = Party.objects.get(code=one.code)
    agreement = queries.agreement(party.pk)
    assert agreement is not None and set(body.duties) <= set(agreement.duties)
    assert (party.kind, party.grants, party.status) == (body.kind, [], "active")


@pytest.mark.clause("P-6.4", "P-6.6")
@BOTH
def test_it_can_neither_apply_for_people_nor_for_their_data(body: Body) -> None:
    for grants in (("data",), ("identity",), ("data", "identity")):
        behaviours = ("walking",) if "data" in grants else ()
        with pytest.raises(ApplicationMalformed, match="grants"):
            applicants.draft(**body.given | {"grants": grants, "behaviours": behaviours})
    party = admitted(**body.given)
    with pytest.raises(GrantMissing):
        parties.add_behaviours(party, ["walking"])
    assert not party_queries.may_identify(party.code) and party_queries.behaviours(party.pk) == ()


@pytest.mark.clause("P-6.4", "P-6.6")
@BOTH
def test_whatever_its_key_may_do_it_reads_nobody_s_data(body: Body) -> None:
    city, party = stage.build(), admitted(**body.given)
    (booked,) = stage.send(city.partner, [stage.meeting(city.partner, city.person, "m-1", clock.now())])
    with pytest.raises(BehaviourNotOffered):
        people.authorise(city.person, party, ["online-meeting"], stage.NOTICE)
    key = bearer(party, "events", "log", "sharing")
    asked = {name: line for (name, method), line in gate.lines().items() if method == "GET"}
    own = [name for name, line in asked.items() if line.who in ("key", "verifier")]
    assert len(own) >= 9
    of_people = (city.person.pseudonym, city.contact, "m-1", city.partner.code)
    for name in own:
        values = {k: v for k, v in COMMON.get(name, {}).items() if k != "?"}
        values |= {"index": 0} if name == "log-opening" else {}
        answer = Client().get(reverse(name, kwargs=values), headers=key)
        text = answer.content.decode()
        assert answer.status_code in (200, 400, 401, 403, 404, 422), (name, answer.status_code)
        assert not any(str(one) in text for one in of_people), (name, text[:200])
        if answer.status_code == 200:
            assert all(found in ([], None) for found in json.loads(text).values()), (name, text[:200])
    # Nor does it put anything into a person's account: it has no behaviour to tell of, and no name for anybody.
    assert booked.outcome.text == "credited"
    event = stage.meeting(city.partner, city.person, "m-2", clock.now()) | {"source": party.code}
    (refused,) = stage.send(party, [event])
    assert refused.outcome.text == "refused"


@pytest.mark.clause("P-6.4", "P-6.6")
@BOTH
def test_past_the_last_day_of_its_licence_it_is_out_without_anybody(body: Body) -> None:
    party = admitted(**body.given)
    client_id, _ = parties.issue_client(party)
    key = parties.register_public_key(client_id, applicants.public_pem())
    assert party.valid_until == later(300) and party_queries.signing_party(key)
    with clock.frozen(clock.now() + timedelta(days=301)):
        assert Party.objects.get(pk=party.pk).status == "active", "no job has run"
        with pytest.raises(DocumentsExpired):
            party_queries.signing_party(key)
        assert actions.lapse() == [party.code]


@pytest.mark.clause("P-6.4", "P-6.6")
@BOTH
def test_it_leaves_settled_with_its_papers_ended_and_its_keys_gone(body: Body) -> None:
    party = admitted(**body.given)
    parties.issue_client(party)
    clerk = reviewer()
    made = noticing.open_notice(party, "A statement is missing", "That of May.", clock.today(), clerk)
    with pytest.raises(NotSettled, match="notices: 1"):
        desk.decide("party.leave", code=party.code)
    keeper = Application.objects.get(party=party).user
    noticing.answer(made.pk, party.pk, "Sent today.", keeper)
    noticing.close(made.pk, "It is here.", clerk)
    desk.decide("party.leave", code=party.code)
    kept = json.loads(Settlement.objects.get(party=party).body)
    assert kept["party"] == party.code and set(kept["booked"].values()) == {0}
    assert not any(kept["open"].values()) and kept["decided"] == "nothing open"
    assert {row.state for row in party_queries.keys(party.pk)} == {"revoked"}
    assert not Document.objects.filter(application__party=party, ended_at=None).exists()
