"""A name in ABATE_MESSAGES that is no adapter is said before anybody waits for a code."""

from __future__ import annotations

from typing import Any

import pytest

from abate.cli import serve
from abate.platform.config import doctor
from abate.platform.doors import messages
from abate.platform.doors.errors import SetupError

pytestmark = pytest.mark.platform
MAIL = "abate.platform.doors.messages.Mail"


@pytest.mark.parametrize(
    "named", ["nothing.Here", "abate.platform.doors.messages.Nothing", f"{MAIL},nothing.Here", f"{MAIL},"]
)
def test_an_adapter_that_is_not_there_is_refused_at_start_and_named_by_doctor(
    named: str, settings: Any
) -> None:
    settings.ABATE_MESSAGES = named
    with pytest.raises(SetupError, match="ABATE_MESSAGES names"):
        serve._refuse_unusable()
    (told,) = [one for one in doctor.transport() if one.name == "messages"]
    assert told.state == "fault" and "ABATE_MESSAGES" in str(told.document())
    with pytest.raises(SetupError, match="cannot be loaded"):
        messages.send(kind="phone", to="13800000001", subject="x", body="x")


def test_those_that_are_there_are_taken(settings: Any) -> None:
    settings.ABATE_MESSAGES = f"abate.platform.doors.messages.Console, {MAIL}"
    messages.check()


def test_a_real_name_check_that_is_not_there_is_refused_at_start(settings: Any) -> None:
    settings.ABATE_REAL_NAME = "nothing.Here"
    with pytest.raises(SetupError, match="ABATE_REAL_NAME is 'nothing"):
        serve._refuse_unusable()
