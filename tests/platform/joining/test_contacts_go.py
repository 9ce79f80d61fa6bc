"""Who applied for an organisation is forgotten when it is over: their name and address are kept no longer than its papers."""

from __future__ import annotations

from datetime import timedelta

import pytest
from tests.platform.joining import applicants

from abate.demo import desk
from abate.platform.config import fields
from abate.platform.doors import clock
from abate.platform.joining import actions, queries
from abate.platform.joining.models import Application
from abate.platform.parties import standing
from abate.platform.parties.models import Party

pytestmark = [pytest.mark.platform, pytest.mark.django_db, pytest.mark.clause("P-8.4-b", "P-6.1-d")]
THREE_YEARS = timedelta(days=1095)


def reach(one: Application) -> str:
    one.refresh_from_db()
    return queries.contact(one)["reach"]


@pytest.mark.parametrize("how", ["refused", "withdrawn", "left"])
def test_a_contact_goes_three_years_after_the_end(how: str) -> None:
    if how == "left":
        party = applicants.admitted()
        standing.begin(party)
        one = Application.objects.get(party=party)
        desk.decide("party.leave", code=party.code)
    else:
        one = applicants.submitted()
        if how == "refused":
            desk.decide("party.refuse", application=str(one.pk), reason="no such register")
        else:
            actions.withdraw(one)
    known, end = reach(one), clock.now()
    with clock.frozen(end + THREE_YEARS - timedelta(hours=1)):
        assert fields.retain()["joining_application"] == 0 and reach(one) == known != ""
    with clock.frozen(end + THREE_YEARS + timedelta(hours=1)):
        assert fields.retain()["joining_application"] == 1 and reach(one) == ""
        assert fields.retain()["joining_application"] == 0
        assert queries.contact_of(one.user_id) is None
        actions.send_links(known)
    assert bytes(one.reach) == b"" and one.token is None and one.title_en, "the row stays"


def test_the_contact_of_a_party_that_takes_part_stays() -> None:
    party = applicants.admitted()
    one = Application.objects.get(party=party)
    known = reach(one)
    with clock.frozen(clock.now() + 3 * THREE_YEARS):
        fields.retain()
        assert reach(one) == known and Party.objects.filter(pk=party.pk).exists()
