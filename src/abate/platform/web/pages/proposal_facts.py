"""What those who decide about a change are shown beside its before and after: the account that it moves."""

from __future__ import annotations

from django.http import HttpRequest

from abate.platform.doors.errors import Problem
from abate.platform.ledger import weighing
from abate.platform.ledger.weighing import Account
from abate.platform.review import audit, rights
from abate.platform.review.models import Step
from abate.platform.review.queries import ProposalRow
from abate.platform.web import amounts
from abate.platform.web.wording import say


def facts(request: HttpRequest, row: ProposalRow) -> dict[str, object]:
    """For the page of one proposal, while it is open."""
    if row.state not in ("proposed", "checked"):
        return {}
    if row.action in weighing.ACTIONS:
        return _account(request, row)
    return {}


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
