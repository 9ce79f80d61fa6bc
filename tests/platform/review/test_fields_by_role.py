"""Which role is shown which field: by the label of the field, for every role, thing and field there is.

What is expected stands here, apart from rights.toml: both must be changed to show a role more.
"""

from __future__ import annotations

import pytest
from tests.platform.review.test_matrix import staff

from abate.platform.review import rights
from abate.platform.review.models import Grant

pytestmark = [pytest.mark.platform, pytest.mark.django_db, pytest.mark.clause("P-8.4-c")]
SEES = {role: {"public", "internal"} for role in Grant.Role.values} | {
    "entry": {"public", "internal", "personal"},
    "content": {"public"},
}
NOT_INTERNAL = {
    ("overview", "parties"): "public",
    ("overview", "announcements"): "public",
    ("overview", "log_size"): "public",
    ("requests", "text"): "personal",
    ("applications", "contact"): "personal",
    ("applications", "asked_for"): "personal",
    ("papers", "body"): "sensitive",
    ("anomalies", "evidence"): "personal",
    ("anomalies", "words"): "personal",
    ("keys", "secret"): "sensitive",
    ("keys", "addresses"): "personal",
    ("tills", "names"): "personal",
    ("accounts", "standing"): "personal",
    ("openings", "leaves"): "personal",
    ("openings", "openings"): "personal",
}
"""The labels of fields; those of all others are internal."""


def told(role: str) -> dict[tuple[str, str], bool]:
    """Whether the role is shown each field of each thing, asked in both ways that the pages ask."""
    user, found = staff(role), {}
    for thing, fields in rights.rights().things.items():
        given = dict.fromkeys([*fields, "unsaid"], "shown")
        for field, value in rights.shown(user, thing, given).items():
            found[thing, field] = value is not None
            assert rights.sees(user, thing, field) == found[thing, field], (thing, field)
    return found


@pytest.mark.parametrize("role", Grant.Role.values)
def test_a_field_is_shown_to_the_roles_of_its_label_alone(role: str) -> None:
    views = {thing for thing, acts in rights.rights().roles[role].rights.items() if "view" in acts}
    wrong = {
        (thing, field)
        for (thing, field), seen in told(role).items()
        if seen
        != (
            thing in views
            and field != "unsaid"
            and NOT_INTERNAL.get((thing, field), "internal") in SEES[role]
        )
    }
    assert wrong == set()


def test_no_role_is_shown_what_is_sensitive() -> None:
    assert not any("sensitive" in labels for labels in SEES.values())
    there = {(thing, field) for thing, fields in rights.rights().things.items() for field in fields}
    assert set(NOT_INTERNAL) <= there, "a label of a field that is not there"
