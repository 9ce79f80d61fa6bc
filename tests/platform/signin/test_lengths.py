"""How much there is to guess: of a session's key, of a code to a contact, of a recovery code. Counted on what is made."""

from __future__ import annotations

import math
from importlib import import_module

import pytest
from django.conf import settings
from tests.platform.people.conftest import sent
from tests.platform.people.townspeople import code_in

from abate.platform.people import actions as people
from abate.platform.people.policy import code_policy
from abate.platform.review import actions as review
from abate.platform.signin import factors

pytestmark = [pytest.mark.platform, pytest.mark.django_db, pytest.mark.clause("P-8.4-b")]
__all__ = ["sent"]
MANY = 200


def bits(made: list[str]) -> float:
    """Of what was made: all of one length, none twice; by the signs that came."""
    (length,) = {len(one) for one in made}
    assert len(set(made)) == len(made)
    return length * math.log2(len(set("".join(made))))


def test_a_session_s_key_cannot_be_guessed() -> None:
    store = import_module(settings.SESSION_ENGINE).SessionStore
    keys = []
    for _ in range(MANY):
        session = store()
        session.create()
        keys.append(session.session_key)
    # 32 of 36 signs: 165 bits.
    assert bits(keys) > 160


def test_a_code_to_a_contact_has_six_digits(sent) -> None:  # type: ignore[no-untyped-def]
    assert code_policy().digits >= 6
    for number in range(20):
        people.request_code(f"1370000{number:04d}")
    codes = [code_in(message) for message in sent()]
    assert {len(code) for code in codes} == {6} and all(code.isdigit() for code in codes)
    assert len({code[0] for code in codes}) > 4, "the first digit is drawn too"


def test_recovery_codes_have_eight_digits_and_are_ten() -> None:
    codes = factors.new_recovery_codes(review.create_user("staff", made_up=True))
    assert len(set(codes)) == 10 and all(len(code) == 8 and code.isdigit() for code in codes)
