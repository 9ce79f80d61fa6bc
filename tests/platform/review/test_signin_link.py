"""Single-use sign-in links: one winner, nothing stored that could be used."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection

from abate.platform.doors import clock
from abate.platform.review import actions
from abate.platform.review.errors import LinkSpent
from abate.platform.review.models import SignInLink

pytestmark = pytest.mark.platform


@pytest.mark.django_db(transaction=True)
def test_of_sixteen_who_use_a_link_at_once_one_gets_in() -> None:
    user = actions.create_user("staff")
    token = actions.issue_link(user)

    def attempt(_: int) -> bool:
        try:
            actions.use_link(token)
        except LinkSpent:
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(16) as pool:
        assert sum(pool.map(attempt, range(16))) == 1
    assert token.encode() not in bytes(SignInLink.objects.get().digest)


@pytest.mark.django_db
def test_a_link_dies_with_its_time() -> None:
    token = actions.issue_link(actions.create_user("staff"), valid=timedelta(minutes=5))
    with clock.frozen(clock.now() + timedelta(minutes=6)), pytest.raises(LinkSpent):
        actions.use_link(token)
