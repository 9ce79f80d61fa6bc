"""In standing: no live key before conformance, grants apart from each other, and out at once past a document's last day."""

from __future__ import annotations

from datetime import timedelta

import pytest
from tests.platform.joining import applicants
from tests.platform.joining.applicants import (
    admitted,
    bring,
    later,
)

from abate.demo import desk
from abate.platform.doors import clock
from abate.platform.joining import actions, kinds, queries
from abate.platform.joining.errors import (
    ApplicationClosed,
    DocumentExpired,
    DocumentNotInOrder,
)
from abate.platform.joining.models import Application, Settlement
from abate.platform.parties import actions as parties
from abate.platform.parties import queries as party_queries
from abate.platform.parties import standing
from abate.platform.parties.errors import (
    ConformanceMissing,
    DocumentsExpired,
    FirstKeyTaken,
    GrantMissing,
    PartySuspended,
)
from abate.platform.parties.models import Party
from abate.platform.review.errors import ArgumentsMalformed

pytestmark = [pytest.mark.platform, pytest.mark.django_db]


@pytest.mark.clause("P-6.1-d")
def test_no_live_key_before_conformance_and_the_first_one_once() -> None:
    party = admitted()
    for ask in (parties.issue_client, standing.first_client):
        with pytest.raises(ConformanceMissing):
            ask(party)
    with pytest.raises(ConformanceMissing):
        desk.decide("party.client", code=party.code)
    assert standing.begin(party) and not standing.begin(party)
    client_id, _ = standing.first_client(party)
    parties.revoke_client(client_id)
    with pytest.raises(FirstKeyTaken):
        standing.first_client(party)


@pytest.mark.clause("P-6.2-types")
def test_identifying_users_and_providing_data_are_separate_grants(settings: object) -> None:
    data = admitted()
    identity = admitted(
        code="made-up-ids", kind="identity_provider", grants=("identity",), behaviours=(),
        registration=applicants.registration(7),
    )  # fmt: skip
    standing.begin(data)
    both = admitted(code="made-up-both", grants=("data", "identity"), registration=applicants.registration(8))
    standing.begin(both)
    assert [party_queries.may_identify(one.code) for one in (data, identity, both)] == [False, True, True]
    with pytest.raises(GrantMissing):
        parties.add_behaviours(identity, ["walking"])
    # What the other grant needs is asked for too.
    asked = [set(kinds.kinds().required(one.kind, one.grants)) for one in (data, identity, both)]
    assert "identification" in asked[1] & asked[2] and "identification" not in asked[0]
    # A data grant that is gone takes the behaviours with it at the door, whatever rows are left.
    client_id, _ = parties.issue_client(data)
    key = parties.register_public_key(client_id, applicants.public_pem())
    found = party_queries.signing_party(key)
    assert found is not None and found[0].behaviours == {"online-meeting", "walking"}
    Party.objects.filter(pk=data.pk).update(grants=["identity"])
    found = party_queries.signing_party(key)
    assert found is not None and found[0].behaviours == frozenset()
    assert party_queries.behaviours(data.pk) == ()


@pytest.mark.clause("P-6.1-d", "P-6.3")
def test_past_a_document_s_day_the_party_is_out_at_once_and_in_again_by_three_people() -> None:
    party = admitted()
    standing.begin(party)
    client_id, _ = parties.issue_client(party)
    key = parties.register_public_key(client_id, applicants.public_pem())
    start, one = clock.now(), Application.objects.get(party=party)
    with clock.frozen(start + timedelta(days=300)):
        assert party_queries.signing_party(key)
    with clock.frozen(start + timedelta(days=301)):
        # No job has run yet.
        assert Party.objects.get(pk=party.pk).status == "active"
        with pytest.raises(DocumentsExpired):
            party_queries.signing_party(key)
        with pytest.raises(DocumentsExpired):
            party_queries.may_use(client_id, "192.0.2.1")
        assert party_queries.parties_of(one.user, "partner") == []
        assert actions.lapse() == ["made-up-rides"] and actions.lapse() == []
        party.refresh_from_db()
        assert party.status == "suspended"
        with pytest.raises(DocumentsExpired):
            desk.decide("party.resume", code=party.code)
        with pytest.raises(DocumentExpired):
            desk.decide("party.renew", application=str(one.pk))
        bring(one, until=later(500))
        with pytest.raises(DocumentNotInOrder):
            desk.decide("party.renew", application=str(one.pk))
        for row in queries.newest(one).values():
            actions.find(one, row.pk, in_order=True, note="", user=applicants.reviewer())
        desk.decide("party.renew", application=str(one.pk), to_day=later(450).isoformat())
        party.refresh_from_db()
        assert (party.status, party.valid_until) == ("suspended", later(450))
        with pytest.raises(PartySuspended):
            party_queries.signing_party(key)
        desk.decide("party.resume", code=party.code)
        assert party_queries.signing_party(key)
        with pytest.raises(ArgumentsMalformed, match="not suspended"):
            desk.decide("party.renew", application=str(one.pk), resume=True)


@pytest.mark.clause("P-6.1-d")
def test_after_a_lapse_one_decision_renews_and_lets_in_again() -> None:
    party = admitted()
    standing.begin(party)
    client_id, _ = parties.issue_client(party)
    key = parties.register_public_key(client_id, applicants.public_pem())
    start, one = clock.now(), Application.objects.get(party=party)
    with clock.frozen(start + timedelta(days=301)):
        assert actions.lapse() == ["made-up-rides"]
        bring(one, until=later(500))
        for row in queries.newest(one).values():
            actions.find(one, row.pk, in_order=True, note="", user=applicants.reviewer())
        desk.decide("party.renew", application=str(one.pk), to_day=later(450).isoformat(), resume=True)
        party.refresh_from_db()
        assert (party.status, party.valid_until) == ("active", later(450))
        assert party_queries.signing_party(key)
    # Papers are good, the agreement has ended: what is decided says until when it goes on.
    with clock.frozen(start + timedelta(days=301 + 452)):
        actions.lapse()
        with pytest.raises(ArgumentsMalformed, match="to_day"):
            desk.decide("party.renew", application=str(one.pk), resume=True)
        party.refresh_from_db()
        assert party.status == "suspended"


@pytest.mark.clause("P-6.1-d")
def test_a_party_on_trial_is_let_in_by_its_conformance_alone() -> None:
    """Resuming one that nobody suspended made it active, and so did suspending it first: a live key without a report."""
    party = admitted()
    for action in ("party.resume", "party.suspend"):
        with pytest.raises(ArgumentsMalformed, match="trial"):
            desk.decide(action, code=party.code)
    party.refresh_from_db()
    assert party.status == "trial"


@pytest.mark.clause("P-6.1-d")
def test_a_party_that_left_is_gone_for_good() -> None:
    """It came back by being suspended and resumed, and could leave, and be settled, a second time."""
    party = admitted()
    standing.begin(party)
    application = str(Application.objects.get(party=party).pk)
    desk.decide("party.leave", code=party.code)
    for action in ("party.resume", "party.suspend", "party.leave"):
        with pytest.raises(ArgumentsMalformed, match="left"):
            desk.decide(action, code=party.code)
    with pytest.raises(ApplicationClosed):
        desk.decide("party.renew", application=application, to_day=later(450).isoformat())
    party.refresh_from_db()
    assert party.status == "left" and Settlement.objects.filter(party=party).count() == 1


@pytest.mark.clause("P-6.1-d")
def test_nobody_is_let_in_before_the_first_day_of_the_agreement() -> None:
    one = applicants.reviewed()
    days = {"from_day": later(30).isoformat(), "to_day": later(400).isoformat()}
    with pytest.raises(ArgumentsMalformed, match="from_day"):
        desk.decide("party.admit", application=str(one.pk), **days)
    assert not Party.objects.filter(code=one.code).exists()
