"""What those who decide about a change are shown beside its before and after: the account that it moves, the figures that a
basis changes."""

from __future__ import annotations

from django.http import HttpRequest

from abate.platform.carbon import adopting
from abate.platform.doors.errors import Problem
from abate.platform.ledger import weighing
from abate.platform.ledger.weighing import Account
from abate.platform.parties import queries as parties
from abate.platform.review import audit, rights
from abate.platform.review import queries as review
from abate.platform.review.models import Step
from abate.platform.review.queries import ProposalRow
from abate.platform.web import amounts, change_words, story
from abate.platform.web.wording import pick, say
from abate.quantify.factors import Chosen

Side = tuple[str, str]


def facts(request: HttpRequest, row: ProposalRow) -> dict[str, object]:
    """For the page of one proposal; of an account only while it is open."""
    found: dict[str, object] = {"about": _about(row)}
    if row.action == "basis.adopt":
        found["basis"] = _basis(row)
    if row.state in ("proposed", "checked") and row.action in weighing.ACTIONS:
        found |= _account(request, row)
    return found


def _about(row: ProposalRow) -> list[tuple[str, str]]:
    """What an id among the arguments stands for, as it is now: whose key, which roles and seats an account has."""
    told = []
    if key := parties.key_of(row.arguments.get("client_id", "")):
        whose = change_words.meaning(row.action, "party", key.party) or key.party
        told += [
            (say("密钥属于", "The key is of"), whose),
            (say("密钥用途", "What the key is for"), key.label or "—"),
        ]
    user = review.staff(row.arguments.get("account", ""))
    if user:
        roles = change_words.meaning("role.grant", "roles", review.roles(user))
        seats = [
            f"{change_words.meaning('party.member', 'role', role) or role} · {pick((party.title_zh, party.title_en))}"
            for role, party in parties.seats(user)
        ]
        told += [
            (say("该账号现有角色", "Roles that the account has"), roles or "—"),
            (say("该账号在机构的席位", "Its seats at parties"), ", ".join(seats) or "—"),
        ]
    if row.action == "staff.enrol":
        told.append(
            (
                say("此人已有的账号", "Accounts that this person has already"),
                _held(row.arguments["holder"], row.arguments["account"]),
            )
        )
    return told


def _held(holder: str, new: str) -> str:
    """A digest says nobody anything: whether it is somebody who works here already does."""
    held = [
        f"{user.handle} · {change_words.meaning('role.grant', 'roles', review.roles(user)) or say('没有角色', 'no role')}"
        + ("" if user.is_active else say("（已停用）", " (closed)"))
        for user in review.held_by(bytes.fromhex(holder))
        if user.handle != new
    ]
    return ", ".join(held) or say("没有：第一个账号", "none: this is the first")


def _account(request: HttpRequest, row: ProposalRow) -> dict[str, object]:
    steps = (Step.PROPOSE, Step.CHECK, Step.APPROVE)
    decides = any(rights.may_step(request.user, step, row.action) for step in steps)
    if not decides or not rights.sees(request.user, "proposals", "account"):
        return {}
    audit.read("person.account", row.arguments["person"], proposal=row.number)
    try:
        found = weighing.weigh(row.action, row.arguments)
    except Problem:
        return {}  # whose account is gone since: the approval says so
    now, after = _lines(found.now), _lines(found.after) if found.after else None
    lines = [(name, value, after[place][1] if after else "") for place, (name, value) in enumerate(now)]
    return {"account": lines, "account_after": after is not None, "too_little": found.too_little}


def _basis(row: ProposalRow) -> dict[str, object]:
    found = adopting.weigh(row.before["basis"], row.after["basis"])
    groups: dict[str, list[tuple[str, str, Side, Side]]] = {}
    for one in found.figures:
        since = amounts.day(one.since) if one.since else say("一直", "always")
        line = pick((one.parameter.zh, one.parameter.en)), since, _side(one.before), _side(one.after)
        groups.setdefault(one.behaviour, []).append(line)
    return {
        "figures": [(story.title_of(name), lines) for name, lines in groups.items()],
        "count": len(found.figures),
        "first": row.before["basis"] is None,
        "away": found.away,
        "methods": [(story.title_of(one.behaviour), one, pick(_HOW[one.how])) for one in found.methods],
    }


_HOW = {
    "added": ("新增版本", "a new version"),
    "gone": ("不再有此版本", "this version is gone"),
    "rewritten": (
        "同一版本的文本被改写，原文已不在本机",
        "the text of the same version was rewritten, and the former is not here",
    ),
}


def _side(one: Chosen | None) -> Side:
    """(value with its unit, source) of one figure; two empty ones where there is none."""
    if one is None:
        return "", ""
    made_up = say("（示例）", " (illustration)") if one.illustration else ""
    return (
        f"{one.printed} {one.printed_unit}",
        f"{pick((one.document.zh, one.document.en))}, {one.place}{made_up}",
    )


def _lines(one: Account) -> list[tuple[str, str]]:
    return [
        (say("积分余额", "Credits in all"), amounts.count(one.credits)),
        (say("其中可用", "Of these free to spend"), amounts.count(one.free)),
        (say("其中冻结", "Of these set aside"), amounts.count(one.held)),
        (say("待领取", "To be collected"), amounts.count(one.waiting)),
        (
            say("欠账（以后所得积分先行抵扣）", "Debt, settled first by later credits"),
            amounts.count(one.owed),
        ),
        (say("减排量", "Reduction"), amounts.exact(one.carbon_mg)),
    ]
