"""The operator's list of all parties' keys: how each stands, what is proposed of it, and revoking one at once."""

from __future__ import annotations

from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from abate.platform.doors.errors import Problem
from abate.platform.parties import queries as parties
from abate.platform.parties import revoking
from abate.platform.parties.actions import SANDBOX
from abate.platform.parties.queries import KEY_STATES, KeyRow
from abate.platform.review import queries as review
from abate.platform.review import rights
from abate.platform.review.models import Step
from abate.platform.review.queries import ProposalRow
from abate.platform.web import screen
from abate.platform.web.access import operator_page
from abate.platform.web.wording import pick, say

_PAGE = 50
_OPEN = 200
"""So many open changes are looked through for those of a key: more than a working queue ever holds."""
_OVERLAP_HOURS = 168
"""What the link to a rotation fills in, as the partner's page does; another is written in."""
STATES = {
    "live": ("有效", "Live", "good"),
    "waiting": ("待领取", "To be collected", "wait"),
    "lapsed": ("逾期未领取", "Not collected in time", "none"),
    "expiring": ("将到期", "Good until a day", "part"),
    "replaced": ("旧密钥，更换期内有效", "Old, in its overlap", "part"),
    "expired": ("已过期", "Expired", "none"),
    "revoked": ("已撤销", "Revoked", "bad"),
}
PARTY_STATES = {
    "trial": ("机构试用中", "Party on trial"),
    "suspended": ("机构已暂停", "Party suspended"),
    "left": ("机构已退出", "Party has left"),
}
OF_A_KEY = {
    "party.rotate": ("更换", "Make its successor"),
    "party.conditions": ("调整条件", "Other conditions"),
    "party.sign": ("登记签名公钥", "Let it sign"),
}
"""Changes that name a key, by what the link to propose one says."""
OF_A_PARTY = {
    "party.client": ("新密钥", "A new key"),
    "party.binding": ("新的账号绑定密钥", "A new key to bind accounts"),
    "party.limits": ("机构限额", "Limits of the party"),
}
"""Changes about all keys of a party, or about one that is not there yet."""


@require_safe
@operator_page
def keys(request: HttpRequest, role: bool) -> HttpResponse:
    """Keys of all parties, the newest first, by `party` (its code) and `state`; words that mean nothing ask for all."""
    titles = {one.code: one for one in parties.parties()}
    numbers = {code: number for number, code in parties.codes().items()}
    asked = {name: request.GET.get(name, "")[:100] for name in ("party", "state")}
    code = asked["party"] if asked["party"] in titles else ""
    state = asked["state"] if asked["state"] in KEY_STATES else ""
    before = request.GET.get("before", "")[:100]
    rows = parties.keys_of_all(numbers.get(code), state, before=before, limit=_PAGE + 1)
    seen = rights.changes_seen(request.user, [*OF_A_KEY, *OF_A_PARTY])
    waiting = review.proposals(of=seen, limit=_OPEN)
    may_propose = [
        name for name in (*OF_A_KEY, *OF_A_PARTY) if rights.may_step(request.user, Step.PROPOSE, name)
    ]
    told = {
        "rows": [_told(row, titles[row.party], waiting, may_propose) for row in rows[:_PAGE]],
        # Whoever is not shown the networks themselves is shown how many they are.
        "addresses": True,
    }
    given = {name: value for name, value in (("party", code), ("state", state)) if value}
    context = {
        "code": code,
        "state": state,
        "names": sorted((pick((one.title_zh, one.title_en)), one.code) for one in titles.values()),
        "states": [(name, pick(words[:2])) for name, words in STATES.items()],
        "may_revoke": rights.may(request.user, "delete", "keys"),
        "may_tills": rights.may(request.user, "view", "tills"),
        "may_sharing": rights.may(request.user, "view", "sharing"),
        "may_overview": rights.may(request.user, "view", "overview"),
        "older": urlencode(given | {"before": rows[_PAGE - 1].client_id}) if len(rows) > _PAGE else "",
        "waiting": [
            (one.number, pick(OF_A_PARTY[one.action]), one.arguments["code"])
            for one in waiting
            if one.action in OF_A_PARTY and code in ("", one.arguments["code"])
        ],
        "proposable": [
            (pick(words), _link(name, {"code": code} if code else {}))
            for name, words in OF_A_PARTY.items()
            if name in may_propose
        ],
    }
    context |= rights.shown(request.user, "keys", told)
    return screen.show(request, "keys", context, section=_section(request))


@require_POST
@operator_page
def revoke(request: HttpRequest, role: bool) -> HttpResponse:
    """Revoke a key (`key`) at once, for a reason (`why`); one person is enough to stop."""
    try:
        code = revoking.revoke(
            request.user,  # type: ignore[arg-type]
            request.POST.get("key", "")[:100],
            request.POST.get("why", ""),
        )
    except Problem as problem:
        return screen.refuse(request, problem, section=_section(request))
    done = say("密钥已撤销，即刻起拒绝。", "The key is revoked, and refused from this moment.")
    messages.success(request, done, extra_tags="good")
    return redirect(f"{reverse('keys')}?{urlencode({'party': code})}")


def _section(request: HttpRequest) -> str:
    """Found from the overview, or by a tab of its own for those who have none."""
    return "operator" if rights.may(request.user, "view", "overview") else "keys"


def _told(
    row: KeyRow, party: parties.PartyRow, waiting: list[ProposalRow], may_propose: list[str]
) -> dict[str, object]:
    conditions: dict[str, object] = {
        "client_id": row.client_id,
        "label": row.label,
        "addresses": " ".join(row.addresses),
        "expires_at": row.expires_at.isoformat() if row.expires_at else "",
        "requests_per_minute": row.requests_per_minute or "",
    }
    filled = {
        "party.rotate": {"client_id": row.client_id, "overlap_hours": _OVERLAP_HOURS},
        "party.conditions": conditions,
        "party.sign": {"client_id": row.client_id},
    }
    return {
        "row": row,
        "party": pick((party.title_zh, party.title_en)),
        "standing": pick(PARTY_STATES[party.status]) if party.status in PARTY_STATES else "",
        "state": pick(STATES[row.state][:2]),
        "tone": STATES[row.state][2],
        "sandbox": row.client_id.startswith(SANDBOX),
        "revocable": row.opens or row.state == "waiting",
        "waiting": [
            (one.number, pick(OF_A_KEY[one.action]))
            for one in waiting
            if one.action in OF_A_KEY and one.arguments["client_id"] == row.client_id
        ],
        "proposable": [
            (pick(words), _link(name, filled[name]))
            for name, words in OF_A_KEY.items()
            if row.opens and name in may_propose
        ],
    }


def _link(change: str, arguments: dict[str, object]) -> str:
    """To the form that proposes `change`, with what is known filled in."""
    given = {"action": change} | {name: str(value) for name, value in arguments.items() if value != ""}
    return f"{reverse('propose')}?{urlencode(given)}"
