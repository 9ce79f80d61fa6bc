"""The changes of this room itself: who works here and in which role. Proposed by the security administrator."""

from __future__ import annotations

import re
from datetime import timedelta

from django.db import transaction
from django.db.models.functions import Coalesce

from abate.platform.doors import clock, randomness
from abate.platform.review import actions, changes, queries
from abate.platform.review.changes import REQUIRED, Action, Json
from abate.platform.review.errors import (
    AccountOfAnother,
    AccountUnknown,
    ArgumentsMalformed,
    LastOfRole,
    RoleUnknown,
)
from abate.platform.review.models import Grant, Staff, User

NEEDED = ("security_admin", "check", "approve")
"""Without a person in each of these no change of roles can be made, so none of them loses its last."""


def _account(handle: str) -> User:
    found = queries.staff(handle)
    if found is None:
        raise AccountUnknown(handle[:40])
    return found


def _enrolling(given: Json) -> Json:
    """A new account gets its handle with the proposal, so that what is checked is what is made."""
    if not re.fullmatch("[0-9a-f]{64}", given["holder"]):
        raise ArgumentsMalformed("staff.enrol: holder")
    account = given["account"] or str(randomness.new_uuid())
    if not re.fullmatch("[0-9a-f-]{36}", account):
        raise ArgumentsMalformed("staff.enrol: account")
    _not_anothers(account)
    return given | {"account": account}


def _not_anothers(handle: str) -> None:
    """An account that is there and is none of the staff's is signed in to by a party's mailbox, by a till or by a person.

    Raises AccountOfAnother.
    """
    if User.objects.filter(handle=handle).exclude(pk__in=Staff.objects.values("user_id")).exists():
        raise AccountOfAnother(handle)


def _enrolled(given: Json) -> Json:
    user = queries.staff(given["account"])
    staff = Staff.objects.filter(user=user).first() if user else None
    return {"open": bool(user and user.is_active), "holder": bytes(staff.human_id).hex() if staff else None}


def _enrol(given: Json) -> Json:
    _not_anothers(given["account"])
    user = queries.staff(given["account"]) or actions.create_user(
        User.Kind.STAFF, made_up=given["made_up"], handle=given["account"]
    )
    actions.enrol_digest(user, bytes.fromhex(given["holder"]))
    return {}


def _known_role(given: Json) -> Json:
    _account(given["account"])
    if given["role"] not in Grant.Role.values:
        raise RoleUnknown(given["role"][:40])
    return given


def _roles(given: Json) -> Json:
    held = Grant.objects.filter(user=_account(given["account"])).values_list("role", flat=True)
    return {"roles": sorted(held)}


def _grant(given: Json) -> Json:
    actions.grant(_account(given["account"]), given["role"])
    return {}


def _withdraw(given: Json) -> Json:
    user = _account(given["account"])
    _leave_one(user, [given["role"]])
    actions.withdraw(user, given["role"])
    return {}


def _is_open(given: Json) -> Json:
    return {"open": _account(given["account"]).is_active}


def _close(given: Json) -> Json:
    user = _account(given["account"])
    _leave_one(user, [grant.role for grant in Grant.objects.filter(user=user)])
    actions.deactivate(user)
    return {}


def _leave_one(user: User, roles: list[str]) -> None:
    for role in roles:
        others = Grant.objects.filter(role=role, user__is_active=True).exclude(user=user)
        if role in NEEDED and not others.exists():
            raise LastOfRole(role)


def close_unused(days: int) -> dict[str, list[str]]:
    """Close the staff's accounts that nobody signed in with for `days`; those of a role's last holder stay, and are told.

    Returns handles by what was done: `closed`, `last_of_role`. Clause GB/T 22239-2019 8.1.4.2 c.
    """
    told: dict[str, list[str]] = {"closed": [], "last_of_role": []}
    since = clock.now() - timedelta(days=days)
    held = User.objects.filter(staff__isnull=False, is_active=True).order_by("pk")
    for user in held.annotate(used=Coalesce("last_login", "created_at")).filter(used__lt=since):
        try:
            with transaction.atomic():
                _close({"account": user.handle})
        except LastOfRole:
            told["last_of_role"].append(user.handle)
        else:
            told["closed"].append(user.handle)
    return told


def _is_holder(given: Json, human: bytes) -> bool:
    if "holder" in given:
        return bytes.fromhex(given["holder"]) == human
    return Staff.objects.filter(user__handle=given["account"], human_id=human).exists()


def _of_account(given: Json) -> str:
    return f"account {given['account']}"


def _of_role(given: Json) -> str:
    return f"role {given['account']} {given['role']}"


def register() -> None:
    """Called once, when Django has started."""
    changes.register(
        Action(
            name="staff.enrol",
            zh="工作人员开户（实名登记）",
            en="open an account for somebody of the staff",
            fields={"holder": (str, REQUIRED), "account": (str, ""), "made_up": (bool, False)},
            normal=_enrolling,
            look=_enrolled,
            after=lambda given, _: {"open": True, "holder": given["holder"]},
            execute=_enrol,
            of=_of_account,
            concerns=_is_holder,
        )
    )
    changes.register(
        Action(
            name="staff.close",
            zh="停用工作人员账号",
            en="close an account of the staff",
            fields={"account": (str, REQUIRED)},
            look=_is_open,
            after=lambda *_: {"open": False},
            execute=_close,
            stands=lambda given, _: not _account(given["account"]).is_active,
            of=_of_account,
            concerns=_is_holder,
        )
    )
    role = {"account": (str, REQUIRED), "role": (str, REQUIRED)}
    changes.register(
        Action(
            name="role.grant",
            zh="授予角色",
            en="grant a role",
            fields=role,
            normal=_known_role,
            look=_roles,
            after=lambda given, before: {"roles": sorted({*before["roles"], given["role"]})},
            execute=_grant,
            of=_of_role,
            concerns=_is_holder,
        )
    )
    changes.register(
        Action(
            name="role.withdraw",
            zh="撤销角色",
            en="take a role back",
            fields=role,
            normal=_known_role,
            look=_roles,
            after=lambda given, before: {"roles": sorted({*before["roles"]} - {given["role"]})},
            execute=_withdraw,
            stands=lambda given, _: given["role"] not in _roles(given)["roles"],
            of=_of_role,
            concerns=_is_holder,
        )
    )
