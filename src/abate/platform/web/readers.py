"""What of a person's data somebody else opened, as the person is told it: when, as what, what for; never by whom."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from abate.platform.people.models import Person
from abate.platform.review import queries, rights
from abate.platform.review.models import User

Words = tuple[str, str]
OPENED: dict[str, tuple[Words, Words]] = {
    "person.identity": (("姓名和证件号", "name and number"), ("核验真实身份", "to see who an account is")),
    "person.contacts": (
        ("联系方式", "contacts"),
        ("登录与账户安全", "signing in, and the safety of the account"),
    ),
    "person.request": (("请求的内容", "the text of a request"), ("答复您的请求", "to answer your request")),
    "person.answer": (
        ("对请求的答复", "the answer to a request"),
        ("答复您的请求", "to answer your request"),
    ),
    "person.record": (
        ("一条行为记录", "a record of what you did"),
        ("核查异常", "to look at what may not be true"),
    ),
    "person.appeal": (("申诉的理由", "the text of an appeal"), ("决定您的申诉", "to decide on your appeal")),
    "person.child": (("孩子的姓名", "a child's name"), ("监护人管理孩子的账户", "to act for a child")),
    "person.account": (
        ("余额与积分批次", "balances and lots"),
        ("办理更正与查询", "to correct an account, or to answer about it"),
    ),
    "person.incentive-code": (("兑换码", "a voucher code"), ("兑换与核销", "redeeming and burning")),
}
"""What a row of the trail tells of: the field, and what it is opened for (people/keys.py has the purposes)."""
_GUARDIAN: Words = ("监护人", "the guardian")
_SYSTEM: Words = ("平台程序", "a program of the platform")


@dataclass(frozen=True, slots=True)
class Reading:
    """`roles`, `field` and `purpose` in both languages; `what` is the field by its name in the trail."""

    id: int
    at: datetime
    what: str
    roles: Words
    field: Words
    purpose: Words


def opened_by_others(person: Person, before: int | None = None, limit: int | None = None) -> list[Reading]:
    """The times when a sensitive text of the person was opened by another than themself, the newest first; without `limit`
    every one. (P-8.4-b)"""
    return [
        Reading(number, at, what, _roles(roles), *OPENED[what])
        for number, at, roles, what in queries.reads_about(
            person.pseudonym, person.user.handle, OPENED, before, limit
        )
    ]


def times_opened(person: Person, before: int) -> int:
    """How many of opened_by_others are older than the one of this number."""
    return queries.count_reads_about(person.pseudonym, person.user.handle, OPENED, before)


def _roles(held: str) -> Words:
    if held == User.Kind.PERSON:
        return _GUARDIAN
    known = [rights.rights().roles[name] for name in held.split(",") if name in rights.rights().roles]
    if not known:
        return _SYSTEM
    return "、".join(role.zh for role in known), ", ".join(role.en for role in known)
