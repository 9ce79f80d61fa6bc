"""The staff's accounts that nobody signs in with are closed by a daily job."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth import login
from django.contrib.sessions.backends.db import SessionStore
from django.test import RequestFactory

from abate.demo import desk
from abate.platform.doors import clock, randomness
from abate.platform.review import queries, staffing
from abate.platform.review.models import Audit, User
from abate.platform.signin.policy import policy

pytestmark = [pytest.mark.platform, pytest.mark.django_db, pytest.mark.clause("P-8.4-a")]
LONG = policy().unused_days


def sign_in(user: User) -> None:
    request = RequestFactory().get("/")
    request.session = SessionStore()
    login(request, user, backend="django.contrib.auth.backends.ModelBackend")


def is_open(user: User) -> bool:
    user.refresh_from_db()
    return user.is_active


def hired_long_ago(*roles: str) -> User:
    with clock.frozen(clock.now() - timedelta(days=LONG + 1)):
        return desk.hire(f"made-up {randomness.new_uuid()}", *roles)


def test_who_did_not_sign_in_for_long_is_closed_and_written_down() -> None:
    used, unused = hired_long_ago("query"), hired_long_ago("query")
    sign_in(used)
    assert unused.handle not in staffing.close_unused(LONG + 2)["closed"] and is_open(unused)
    assert unused.handle in staffing.close_unused(LONG)["closed"]
    assert is_open(used) and not is_open(unused) and queries.roles(unused) == []
    assert Audit.objects.filter(what="user.close", subject=unused.handle).count() == 1
    # Once closed it is nobody's to close again.
    assert staffing.close_unused(LONG)["closed"] == []


def test_the_last_of_a_role_that_changes_need_stays_and_is_named() -> None:
    first, second = hired_long_ago("check"), hired_long_ago("check")
    told = staffing.close_unused(LONG)
    holding = User.objects.filter(grants__role="check", is_active=True)
    assert holding.count() == 1 and holding.get().handle in told["last_of_role"]
    assert not is_open(first) and is_open(second)


def test_a_person_s_account_is_not_the_staff_s(db: None) -> None:
    person = User.objects.create(handle="p" * 36, kind=User.Kind.PERSON, created_at=clock.now())
    with clock.frozen(clock.now() + timedelta(days=10 * LONG)):
        staffing.close_unused(LONG)
        assert is_open(person)
