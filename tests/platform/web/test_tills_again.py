"""An invitation to a till that is asked for again: it is the same one, with a new link, whoever is taking it just then."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import IntegrityError, transaction
from tests.platform.incentives.conftest import at_once  # noqa: F401 (a fixture)
from tests.platform.web import city as stage
from tests.platform.web.test_tills import refusal

from abate.platform.doors import clock
from abate.platform.parties import queries, tills
from abate.platform.parties.models import Till, Use

pytestmark = [
    pytest.mark.platform,
    pytest.mark.django_db(transaction=True),
    pytest.mark.clause("P-6.2-types"),
]


def test_an_open_invitation_asked_again_is_the_same_one_with_a_new_link(
    city: stage.City,
    at_once,  # noqa: F811
    settings: Any,
) -> None:
    """As where the answer with the link was lost: of two alike nobody could tell which to end."""
    settings.ABATE_TILLS_PER_PARTY = 20
    first, lost = tills.invite(city.cafe, "1", stage.AT_TILL)
    settings.ABATE_TILLS_PER_PARTY = 1
    Use.objects.all().delete()
    again, token = tills.invite(city.cafe, " 1 ", stage.AT_TILL)
    assert again.pk == first.pk and Till.objects.count() == 1
    assert refusal(lambda: tills.offered(lost)) == "till-link-spent"
    user = tills.take(token)
    # Who has taken it keeps the seat, whoever else is invited under the name.
    settings.ABATE_TILLS_PER_PARTY = 20
    Use.objects.all().delete()
    assert at_once([lambda: tills.invite(city.cafe, "1", stage.AT_TILL)] * 8) == ["done"] * 8
    assert Till.objects.count() == 2 and queries.is_member(user, city.cafe.pk, "acceptor")


def test_a_link_that_is_taken_while_another_is_made_ends_well(city: stage.City, at_once) -> None:  # noqa: F811
    """Either the seat is had and there is an open invitation, or the earlier link is no good; nobody waits for ever."""
    for n in range(6):
        _, token = tills.invite(city.cafe, f"till {n}", stage.AT_TILL)
        had = at_once(
            [lambda t=token: tills.take(t), lambda n=n: tills.invite(city.cafe, f"till {n}", stage.AT_TILL)]
        )
        assert had in (["done", "done"], ["till-link-spent", "done"])
        rows = Till.objects.filter(name=f"till {n}")
        assert (rows.filter(user=None).count(), rows.count()) == (1, 1 + (had[0] == "done"))


def test_the_tables_refuse_half_a_seat(city: stage.City) -> None:
    seat, _ = tills.invite(city.cafe, "1", stage.AT_TILL)
    for wrong in ({"since": clock.now()}, {"until": None}, {"user": city.cashier}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Till.objects.filter(pk=seat.pk).update(**wrong)
