"""Several are decided on together and none is ticked: that is said, on each page that offers it, and nothing is changed."""

from __future__ import annotations

import pytest
from django.test import Client
from tests.platform.web import city as stage

from abate.demo import desk
from abate.platform.review.models import User

pytestmark = [pytest.mark.platform, pytest.mark.django_db, pytest.mark.clause("P-8.4-c")]
FORMS = {
    "/operator/proposals/decide": ("check", {"step": "check"}),
    "/operator/anomalies/decide": ("entry", {"verdict": "dismissed", "reason": "sound"}),
    "/operator/quarantine/propose": ("entry", {"verdict": "release", "reason": "sound"}),
}


def browsing(user: User) -> Client:
    browser = Client(headers={"accept-language": "zh"})
    browser.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    stage.prove(browser)
    return browser


@pytest.mark.parametrize("path", FORMS)
def test_it_is_said_that_none_is_ticked(path: str) -> None:
    role, form = FORMS[path]
    answer = browsing(desk.staffed()[role]).post(path, form)
    assert answer.status_code == 422 and "没有勾选任何一项" in answer.content.decode()
