"""Changes that need three people: what is open, one of them in full, deciding on one or many, making one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST, require_safe

from abate.platform.doors.errors import Problem
from abate.platform.joining import queries as joining
from abate.platform.review import changes, proposing, queries, rights
from abate.platform.review.changes import REQUIRED, Action
from abate.platform.review.errors import ArgumentsMalformed, NothingTicked, ProposalUnknown
from abate.platform.review.models import Step
from abate.platform.review.queries import ProposalRow
from abate.platform.web import change_words, screen
from abate.platform.web.access import operator_page
from abate.platform.web.pages import proposal_facts
from abate.platform.web.screen import Field
from abate.platform.web.wording import pick, say

_PAGE = 50
CONTACT = "party.contact"
"""The change that names somebody by a digest, which those who decide hold against a letter."""
STATES = {
    "proposed": ("待复核", "To be checked", "wait"),
    "checked": ("待审批", "To be approved", "part"),
    "approved": ("已审批并执行", "Approved and done", "good"),
    "rejected": ("已驳回", "Rejected", "bad"),
    "expired": ("已过期", "Expired", "none"),
}
STEPS = {
    Step.PROPOSE: ("提出", "Proposed"),
    Step.CHECK: ("复核", "Checked"),
    Step.APPROVE: ("审批", "Approved"),
    Step.REJECT: ("驳回", "Rejected"),
}


@require_safe
@operator_page
def proposals(request: HttpRequest, role: bool) -> HttpResponse:
    """Open proposals, the newest first; `all=1` shows what is over too."""
    everything, place = request.GET.get("all") == "1", request.GET.get("before", "")
    before = int(place) if place.isascii() and place.isdigit() and len(place) < 19 else None
    seen = rights.changes_seen(request.user, changes.actions())
    rows = queries.proposals(ended=everything, before=before, limit=_PAGE + 1, of=seen)
    context = {
        "rows": [_told(request, row) for row in rows[:_PAGE]],
        "everything": everything,
        "older": rows[_PAGE - 1].number if len(rows) > _PAGE else None,
        "steps": _steps(request),
        "may_propose": rights.may(request.user, "add", "proposals"),
    }
    return screen.show(request, "proposals", context, section="proposals")


@require_safe
@operator_page
def proposal(request: HttpRequest, role: bool, number: int) -> HttpResponse:
    """One proposal in full: before and after, the steps, and what the reader may do."""
    try:
        return _page(request, _seen(request, number))
    except ProposalUnknown as problem:
        return screen.refuse(request, problem, section="proposals")


@require_POST
@operator_page
def compare(request: HttpRequest, role: bool, number: int) -> HttpResponse:
    """Hold a proposal that names a contact by its digest against the `contact` of the organisation's letter, which is kept
    nowhere: the page says whether it is the same."""
    try:
        row = _seen(request, number)
        if row.action != CONTACT:
            raise ProposalUnknown(str(number)[:20])
        same = joining.names_contact(row.number, row.arguments, request.POST.get("contact", "")[:300])
    except ProposalUnknown as problem:
        return screen.refuse(request, problem, section="proposals")
    except Problem as problem:
        return _page(request, row, problem=problem)
    return _page(request, row, same=same)


def _seen(request: HttpRequest, number: int) -> ProposalRow:
    """Raises ProposalUnknown, also for a change that the reader is not shown."""
    row = queries.proposal(min(number, 2**63 - 1))
    if row.action not in rights.changes_seen(request.user, [row.action]):
        raise ProposalUnknown(str(number)[:20])
    return row


def _page(
    request: HttpRequest, row: ProposalRow, *, same: bool | None = None, problem: Problem | None = None
) -> HttpResponse:
    """`same`: whether what was typed is the contact that the proposal names; None where nothing was."""
    digests = (row.before.get("contact"), row.arguments.get("contact")) if row.action == CONTACT else None
    context = proposal_facts.facts(request, row) | {
        "steps": _steps(request),
        "rows": [_told(request, row)],
        "digests": digests,
        "same": same,
        "field": Field(
            "contact",
            say("来函所列新联系人的邮箱或手机", "The new contact's e-mail or mobile, as the letter has it"),
            hint=say("只用于比对，不保存。", "Held against the digest, and kept nowhere."),
            error=screen.told(problem).text if problem else "",
            autocomplete="off",
            maxlength=254,
        ),
    }
    return screen.show(request, "proposal", context, section="proposals", at_field=problem)


@require_POST
@operator_page
def decide(request: HttpRequest, role: bool) -> HttpResponse:
    """Take `step` on every `number`: one of them or many, each by itself."""
    step = request.POST.get("step", "")
    numbers = [int(n) for n in request.POST.getlist("number") if n.isascii() and n.isdigit() and len(n) < 19]
    if step not in (Step.CHECK, Step.APPROVE, Step.REJECT) or len(numbers) > proposing.MOST:
        return screen.refuse(request, ArgumentsMalformed("step, number"), section="proposals")
    if not numbers:
        return screen.refuse(request, NothingTicked(), section="proposals")
    found, shown = proposing.decide_all(request.user, step, numbers, request.POST.get("reason", ""))
    once = {number: what for number, what in shown.items() if what}
    refused = [(one.proposal, screen.told(one.problem)) for one in found if one.problem]
    if not refused and not once:
        done = say("已办理：{n}", "Done: {n}", n=", ".join(str(one.proposal) for one in found))
        messages.success(request, done)
        return redirect("proposals")
    context = {
        "done": [one.proposal for one in found if not one.problem],
        "refused": refused,
        "once": [(number, sorted(what.items())) for number, what in once.items()],
    }
    status = 200 if len(refused) < len(found) else max(one.problem.status for one in found if one.problem)
    return screen.show(request, "proposals_done", context, section="proposals", status=status)


@operator_page
def propose(request: HttpRequest, role: bool) -> HttpResponse:
    """Choose a change (`action`), fill in its arguments, and propose it; a link may bring arguments along."""
    asked = request.POST.get("action") or request.GET.get("action", "")
    open_to = [
        one for one in changes.actions().values() if rights.may_step(request.user, Step.PROPOSE, one.name)
    ]
    chosen = next((one for one in open_to if one.name == asked), None)
    problem = None
    if request.method == "POST":
        try:
            chosen = chosen or changes.action(asked)
            made = proposing.propose(
                request.user, chosen.name, _arguments(chosen, request), request.POST.get("why", "")
            )
            messages.success(request, say("已提出：{n}", "Proposed: {n}", n=made.pk))
            return redirect("proposal", number=made.pk)
        except Problem as refused:
            problem = refused
    context = {
        "choices": [(one.name, say(one.zh, one.en)) for one in open_to],
        "chosen": chosen.name if chosen else "",
        "title": say(chosen.zh, chosen.en) if chosen else "",
        "fields": [_field(chosen, name, request, problem) for name in chosen.fields] if chosen else [],
        "detail": problem.detail if isinstance(problem, ArgumentsMalformed) else "",
        "why": request.POST.get("why", ""),
    }
    status = problem.status if problem else 200
    return screen.show(request, "propose", context, section="proposals", status=status, problem=problem)


def _arguments(chosen: Action, request: HttpRequest) -> dict[str, Any]:
    """The form's texts as the values that the fields' types ask for; what is left empty is left out."""
    given: dict[str, Any] = {}
    for name, (kind, default) in chosen.fields.items():
        text = request.POST.get(name, "").strip()
        if kind is bool:
            given[name] = text == "1"
        elif not text and default is not REQUIRED:
            continue
        elif kind is int:
            try:
                given[name] = int(text)
            except ValueError:
                raise ArgumentsMalformed(f"{chosen.name}: {name}") from None
        elif kind is list:
            given[name] = text.replace(",", " ").replace("，", " ").split()
        elif name in change_words.MOMENTS:
            given[name] = change_words.moment(text)
        else:
            given[name] = text
    return given


def _field(
    chosen: Action, name: str, request: HttpRequest, problem: Problem | None
) -> tuple[Field, dict[str, str]]:
    """The input for an argument, with what may be chosen for it; `problem` is told at those that it names."""
    kind, default = chosen.fields[name]
    hints = {
        int: say("整数", "a whole number"),
        list: say("多个以空格分隔", "several, parted by spaces"),
        bool: "",
        str: say("平台时区", "in the platform's zone") if name in change_words.MOMENTS else "",
    }
    needed = say("必填", "needed") if default is REQUIRED else ""
    hint = " · ".join(part for part in (needed, hints[kind]) if part)
    given = request.POST if request.method == "POST" else request.GET
    ticked = default is True and request.method != "POST"
    usual = default if isinstance(default, str) else ""
    value = "1" if ticked else given.get(name, usual)
    type_ = "checkbox" if kind is bool else change_words.input_type(name, value)
    named = isinstance(problem, ArgumentsMalformed) and name in re.findall(r"\w+", problem.detail)
    error = say("缺失，或不是这里要的内容。", "Missing, or not what belongs here.") if named else ""
    known = change_words.asked(chosen.name, name) if kind is str else {}
    if known:
        none = {"": "—"} if default in ("", None) or not value else {}
        known = none | known | ({value: value} if value and value not in known else {})
    named_as = change_words.argument(chosen.name, name)
    field = Field(name, named_as, value, hint, error, type=type_, optional=default is not REQUIRED)
    return field, known


def _steps(request: HttpRequest) -> list[str]:
    """The steps that the reader may take of some change."""
    return [
        step
        for step in (Step.CHECK, Step.APPROVE)
        if any(rights.may_step(request.user, step, name) for name in changes.actions())
    ]


def _told(request: HttpRequest, row: ProposalRow) -> dict[str, object]:
    action = changes.actions().get(row.action)
    zh, en, tone = STATES[row.state]
    own = any(step.account == request.user.handle for step in row.steps)
    return {
        "row": row,
        "title": say(action.zh, action.en) if action else row.action,
        "state": pick((zh, en)),
        "tone": tone,
        "own": own,
        "arguments": [
            (change_words.argument(row.action, name), _said(row.action, name, value))
            for name, value in row.arguments.items()
        ],
        "changed": [
            (change_words.place(where, row.action), *(_said(row.action, where, side) for side in sides))
            for where, *sides in _changed(row.before, row.after)
        ],
        "kept": [
            (change_words.place(where, row.action), _said(row.action, where, value))
            for where, value in _kept(row.before, row.after)
        ],
        "steps": [(pick(STEPS[step.kind]), step, _role(step.role)) for step in row.steps],
        "next": {"proposed": Step.CHECK, "checked": Step.APPROVE}.get(row.state, ""),
    }


def _role(name: str) -> str:
    role = rights.rights().roles[name]
    return say(role.zh, role.en)


def _said(action: str, where: str, value: object) -> str:
    return change_words.meaning(action, where, value) or change_words.text(value)


def _changed(before: Any, after: Any, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    """(where, before, after) of everything that differs, members of objects one by one."""
    if before == after:
        return
    if isinstance(after, dict) or isinstance(before, dict):
        old, new = (side if isinstance(side, dict) else {} for side in (before, after))
        for name in _both(old, new):
            yield from _changed(old.get(name), new.get(name), f"{path}.{name}" if path else name)
        return
    yield path, before, after


def _kept(before: Any, after: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """(where, what) of everything that was looked at and stays, members of objects one by one: a decision rests on it too."""
    if isinstance(after, dict) and isinstance(before, dict):
        for name in after:
            if name in before:
                yield from _kept(before[name], after[name], f"{path}.{name}" if path else name)
    elif before == after:
        yield path, after


def _both(old: Iterable[str], new: Iterable[str]) -> list[str]:
    return list(dict.fromkeys([*old, *new]))
