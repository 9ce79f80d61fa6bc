"""One person is at most one administrator, under whatever account, and the tables themselves say so."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.urls import reverse
from tests.platform.web import city as stage

from abate.demo import desk
from abate.platform.review import actions, errors, queries, rights
from abate.platform.review.models import Grant, User

pytestmark = [pytest.mark.platform, pytest.mark.django_db]
ADMINISTRATORS = Grant.ADMINISTRATORS


def account(identity: str) -> User:
    user = actions.create_user("staff", made_up=True)
    actions.enrol(user, identity)
    return user


@pytest.mark.clause("P-8.4-c", "P-8.4-a")
@pytest.mark.parametrize("first", ADMINISTRATORS)
@pytest.mark.parametrize("second", Grant.Role.values)
def test_administrators_are_disjoint_also_through_a_second_account(first: str, second: str) -> None:
    one, other = account("made-up a"), account("made-up a")
    actions.grant(one, first)
    for user in (one, other):
        if (user, second) == (one, first):
            actions.grant(user, second)
            continue
        with pytest.raises(errors.RolesExclude):
            actions.grant(user, second)
    assert queries.roles(one) == [first] and queries.roles(other) == []
    actions.grant(account("made-up b"), second)


def test_a_change_of_post_begins_with_the_end_of_the_old_one() -> None:
    user = account("made-up a")
    for role in ("entry", "query"):
        actions.grant(user, role)
    with pytest.raises(errors.RolesExclude):
        actions.grant(user, "audit_admin")
    for role in ("entry", "query"):
        actions.withdraw(user, role)
    actions.grant(user, "audit_admin")
    assert queries.roles(user) == ["audit_admin"]
    actions.deactivate(user)
    user.refresh_from_db()
    assert queries.roles(user) == []


def test_an_account_has_one_holder_for_ever() -> None:
    user = account("made-up a")
    actions.enrol(user, "made-up a")
    with pytest.raises(errors.EnrolledOtherwise):
        actions.enrol(user, "made-up b")
    with pytest.raises(errors.NotEnrolled):
        actions.grant(actions.create_user("staff"), "query")
    with pytest.raises(errors.RoleUnknown):
        actions.grant(user, "operator")


@pytest.mark.parametrize(
    "cheat",
    [
        "insert into review_grant values ({b}, 'security_admin', {human_a}, 'administration', now())",
        "insert into review_grant values ({b}, 'security_admin', {human_b}, 'administration', now())",
        "insert into review_grant values ({b}, 'entry', {human_b}, 'administration', now())",
        "insert into review_grant values ({a}, 'audit_admin', {human_a}, 'administration', now())",
        "update review_human set side = 'operation' where human = {human_a}",
        "update review_staff set human = {human_b} where user_id = {a}",
    ],
    ids=[
        "another's name",
        "wrong side",
        "side that is no role's",
        "second role",
        "side moved",
        "holder moved",
    ],
)
def test_the_tables_refuse_what_the_program_would_not_do(cheat: str) -> None:
    a, b = account("made-up a"), account("made-up b")
    actions.grant(a, "system_admin")
    actions.grant(b, "query")
    humans = {f"human_{n}": f"'\\x{bytes(u.staff.human_id).hex()}'::bytea" for n, u in (("a", a), ("b", b))}
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        columns = cheat.replace(
            "review_grant values", "review_grant (user_id, role, human, side, granted_at) values"
        )
        cursor.execute(columns.format(a=a.pk, b=b.pk, **humans))
        cursor.execute("set constraints all immediate")


@pytest.mark.clause("P-8.4-c")
def test_data_and_tables_know_the_same_roles_and_sides() -> None:
    assert set(rights.rights().roles) == set(Grant.Role.values)
    for role in rights.rights().roles.values():
        assert role.side == ("administration" if role.name in ADMINISTRATORS else "operation")


@pytest.fixture
def relabel(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str, str], None]:
    """Give a field of a thing another label, as an edit of rights.toml would."""

    def change(thing: str, field: str, label: str) -> None:
        read = rights.rights()
        things = read.things | {thing: read.things[thing] | {field: label}}
        monkeypatch.setattr(rights, "rights", lambda: replace(read, things=things))

    return change


@pytest.mark.clause("P-8.4-c")
def test_a_changed_label_holds_on_page_interface_and_file(relabel: Callable[[str, str, str], None]) -> None:
    """Of the audit trail on its page and in both files, of proposals on their page and over the interface."""
    desk.create_party("some-shop", "merchant", "某店", "A shop")
    addresses = {
        "audit_admin": ("/operator/audit?what=party.", "/operator/audit.csv?what=party.", "/operator/audit.jsonl?what=party."),
        "query": ("/operator/proposals?all=1", f"{reverse('v1:proposals')}?all=true"),
    }  # fmt: skip
    browsers = {}
    for role in addresses:
        browsers[role] = Client()
        browsers[role].force_login(
            desk.hire(f"made-up {role}", role), backend="django.contrib.auth.backends.ModelBackend"
        )
        stage.prove(browsers[role])

    def seen() -> dict[str, tuple[int, bool]]:
        told = {path: browsers[role].get(path) for role, paths in addresses.items() for path in paths}
        return {path: (answer.status_code, b"some-shop" in answer.content) for path, answer in told.items()}

    assert set(seen().values()) == {(200, True)}
    relabel("audit", "rows", "personal")
    page, csv, jsonl, *proposals = seen().values()
    assert (page, csv, jsonl) == ((200, False), (403, False), (403, False)), "an empty file would tell a lie"
    assert proposals == [(200, True)] * 2
    relabel("proposals", "rows", "personal")
    assert list(seen().values())[3:] == [(200, False)] * 2
