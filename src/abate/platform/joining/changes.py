"""The changes of this room that need three people (review/changes.py): admission, refusal, renewal, another contact, leaving."""

from __future__ import annotations

import re
from datetime import date
from typing import Any
from uuid import UUID

from django.conf import settings

from abate.platform.doors import clock, randomness
from abate.platform.joining import decided, handing, queries
from abate.platform.joining.errors import ApplicationClosed, NotSettled
from abate.platform.joining.kinds import kinds
from abate.platform.joining.models import Application, ContactRequest
from abate.platform.parties import interest
from abate.platform.parties import queries as parties
from abate.platform.parties.models import Party
from abate.platform.review import changes
from abate.platform.review.changes import REQUIRED, Action, Json
from abate.platform.review.errors import ArgumentsMalformed
from abate.platform.review.models import User


def _application(given: Json) -> Application:
    try:
        return queries.application(UUID(given["application"]))
    except ValueError:
        raise ArgumentsMalformed("application: its id") from None


def _day(given: Json, name: str) -> date:
    try:
        return date.fromisoformat(given[name])
    except ValueError:
        raise ArgumentsMalformed(f"{name}: a day such as 2027-12-31") from None


def _period(given: Json) -> Json:
    """`from_day` is today where none is given, and never later: with the approval the party is in. It ends on a day to come."""
    made = given | {"from_day": given["from_day"] or clock.today().isoformat()}
    if _day(made, "from_day") > clock.today():
        raise ArgumentsMalformed("from_day: today or before; who is to begin later is admitted then")
    if _day(made, "to_day") < max(clock.today(), _day(made, "from_day")):
        raise ArgumentsMalformed("to_day: not before from_day and today")
    return made


def _papers(one: Application) -> list[Json]:
    """The documents as the decision rests on them."""
    return [
        {
            "kind": paper.kind,
            "clause": paper.clause,
            "sha256": paper.sha256,
            "valid_until": paper.valid_until and paper.valid_until.isoformat(),
            "in_order": paper.state in ("in_order", "approved"),
            "reviewed_by": paper.reviewed_by,
        }
        for paper in queries.papers(one)
    ]


def _told(given: Json) -> Json:
    """All that was applied for and reviewed, and the party that there is."""
    one = _application(given)
    names = ("code", "kind", "grants", "behaviours", "title_zh", "title_en", "registration", "terms")
    return {
        "application": {name: getattr(one, name) for name in names} | {"contact": bytes(one.reach).hex()},
        "documents": _papers(one),
        "state": one.state,
        "party": _party(one.party),
    }


def _party(party: Party | None) -> Json | None:
    if party is None:
        return None
    held = queries.agreement(party.pk)
    return {
        "status": party.status,
        "grants": list(party.grants),
        "behaviours": list(parties.behaviours(party.pk)),
        "valid_until": party.valid_until and party.valid_until.isoformat(),
        "agreement": held
        and {
            "terms": held.terms,
            "from_day": held.from_day.isoformat(),
            "to_day": held.to_day.isoformat(),
            "duties": list(held.duties),
        },
    }


def _admissible(given: Json) -> Json:
    made = _period(given)
    decided.check_admissible(_application(made))
    return made


def _first_end(documents: list[Json], to_day: str) -> str:
    return min([*(paper["valid_until"] for paper in documents if paper["valid_until"]), to_day])


def _admitted(given: Json, before: Json) -> Json:
    asked = before["application"]
    trial = kinds().needs_conformance(asked["kind"], asked["grants"])
    agreement = {
        "terms": asked["terms"],
        "from_day": given["from_day"],
        "to_day": given["to_day"],
        "duties": kinds().duties_of(asked["kind"], asked["grants"]),
    }
    made = {
        "status": (Party.Status.TRIAL if trial else Party.Status.ACTIVE).value,
        "grants": asked["grants"],
        "behaviours": asked["behaviours"],
        "valid_until": _first_end(before["documents"], given["to_day"]),
        "agreement": agreement,
    }
    return before | {"state": Application.State.ADMITTED.value, "party": made}


def _admit(given: Json) -> Json:
    made = decided.admit(
        _application(given).pk, _day(given, "from_day"), _day(given, "to_day"), made_up=given["made_up"]
    )
    return {"party": made.code, "status": str(made.status)}


def _refuse(given: Json) -> Json:
    decided.refuse(_application(given).pk, given["reason"])
    return {}


def _stands_on(given: Json) -> Json:
    """Of a renewal: the newest documents, which of them count already, and until when all of it is good."""
    one = _application(given)
    counted = {row.kind: row.approved_at is not None for row in queries.newest(one).values()}
    return {
        "documents": [paper | {"counts": counted.get(paper["kind"], False)} for paper in _papers(one)],
        "party": _party(one.party),
    }


def _renewed(given: Json, before: Json) -> Json:
    party: dict[str, Any] = dict(before["party"] or {})
    agreement = party.get("agreement")
    if given["to_day"] and agreement:
        one = _application(given)
        agreement = agreement | {
            "terms": one.terms,
            "from_day": clock.today().isoformat(),
            "to_day": given["to_day"],
            "duties": kinds().duties_of(one.kind, one.grants),
        }
    documents = [paper | {"counts": True} for paper in before["documents"]]
    until = _first_end(documents, agreement["to_day"]) if agreement else None
    status = {"status": Party.Status.ACTIVE.value} if given["resume"] else {}
    return {"documents": documents, "party": party | status | {"agreement": agreement, "valid_until": until}}


def _renewable(given: Json) -> Json:
    if given["to_day"] and _day(given, "to_day") < clock.today():
        raise ArgumentsMalformed("to_day: a day to come")
    one = _application(given)
    if one.party is None or one.party.status == Party.Status.LEFT:
        raise ApplicationClosed("left" if one.party else one.state)
    decided.check_reviewed(one)
    held = queries.agreement(one.party.pk)
    if given["resume"] and one.party.status != Party.Status.SUSPENDED:
        raise ArgumentsMalformed("resume: the party is not suspended")
    if given["resume"] and not given["to_day"] and (held is None or held.to_day < clock.today()):
        raise ArgumentsMalformed("resume: the agreement has ended, so to_day too")
    return given


def _renew(given: Json) -> Json:
    to_day = _day(given, "to_day") if given["to_day"] else None
    decided.renew(_application(given).pk, to_day, resume=given["resume"])
    return {}


def _handable(given: Json) -> Json:
    """The new account gets its handle with the proposal, so that what is checked is what is made."""
    if not re.fullmatch("[0-9a-f]{64}", given["contact"]):
        raise ArgumentsMalformed("contact: its digest, of 64 signs; the page and the command make it")
    account = given["account"] or str(randomness.new_uuid())
    if not re.fullmatch("[0-9a-f-]{36}", account) or User.objects.filter(handle=account).exists():
        raise ArgumentsMalformed("account: of a new account")
    one = _application(given)
    handing.check_handable(one)
    if given["request"]:
        handing.require_waiting(one, given["request"], given["contact"])
    return given | {"account": account}


def _looked_after(given: Json) -> Json:
    one = _application(given)
    return {
        "code": one.code,
        "contact": bytes(one.reach).hex(),
        "account": one.user.handle,
        "seats": [f"{party.code} {role}" for party, role in queries.seats(one.user)],
        # Taken back, or refused, it is no ground any more.
        "request": handing.state_of(one, given["request"]),
    }


def _handed(given: Json, before: Json) -> Json:
    kept = [seat for seat in before["seats"] if seat.partition(" ")[0] == before["code"]]
    asked = ContactRequest.State.DONE.value if given["request"] else None
    return before | {
        "contact": given["contact"],
        "account": given["account"],
        "seats": kept,
        "request": asked,
    }


def _hand_over(given: Json) -> Json:
    decided.hand_over(_application(given).pk, bytes.fromhex(given["contact"]), given["account"])
    return {"account": given["account"], "link": f"{settings.ABATE_ORIGIN}/join"}


def _not_handed(given: Json) -> None:
    """The request that it was proposed on ends with it, or its contact would wait for what nobody does."""
    if number := given.get("request"):
        handing.rejected(_application(given), number)


def _leaving(given: Json) -> Json:
    """Of what is open whether it is, not how many: in a shop at work that is another number at every look."""
    party = parties.party(given["code"])
    live = sum(key.opens for key in parties.keys(party.pk))
    open_ = {name: count > 0 for name, count in queries.unsettled(party).items()}
    return {"status": party.status, "keys": live, "open": open_}


def _can_leave(given: Json) -> Json:
    party = parties.party(given["code"])
    if party.status == Party.Status.LEFT:
        raise ArgumentsMalformed("code: the party left")
    open_ = queries.unsettled(party)
    if any(open_.values()) and not given["despite"]:
        raise NotSettled(", ".join(f"{name}: {count}" for name, count in open_.items() if count))
    return given


def _left(_: Json, before: Json) -> Json:
    """What people paid for codes that were not burnt is theirs again: no code is open any more."""
    return before | {"status": Party.Status.LEFT.value, "keys": 0, "open": before["open"] | {"codes": False}}


def _leave(given: Json) -> Json:
    how = "despite what is open" if given["despite"] else "nothing open"
    made = decided.leave(parties.party(given["code"]), despite=given["despite"], how=how)
    return {"settlement": made.body, "sha256": bytes(made.sha256).hex()}


def _has_part(given: Json, human: bytes) -> bool:
    """Whoever applied, acts for the party, or shall look after it, where they are somebody of the staff."""
    if "code" in given:
        return interest.has_part(given["code"], human)
    return queries.has_part(_application(given), human, given.get("contact", ""))


def _of_renewal(given: Json) -> str:
    """Where it lets the party in again, it settles that as a decision to do so does."""
    party = _application(given).party
    return parties.of_status(party.code) if given["resume"] and party else ""


_ACTIONS = (
    Action(
        name="party.admit",
        zh="准入参与机构",
        en="admit an applicant as a party",
        fields={"application": (str, REQUIRED), "from_day": (str, ""), "to_day": (str, REQUIRED),
                "made_up": (bool, False)},
        normal=_admissible,
        look=_told,
        after=_admitted,
        execute=_admit,
        concerns=_has_part,
    ),
    Action(
        name="party.refuse",
        zh="不予准入",
        en="refuse an application",
        fields={"application": (str, REQUIRED), "reason": (str, REQUIRED)},
        look=lambda given: {"state": _application(given).state},
        after=lambda *_: {"state": Application.State.REFUSED.value},
        execute=_refuse,
        concerns=_has_part,
    ),
    Action(
        name="party.renew",
        zh="更新机构资质或协议",
        en="let a party stand on newer documents or a longer agreement",
        fields={"application": (str, REQUIRED), "to_day": (str, ""), "resume": (bool, False)},
        normal=_renewable,
        look=_stands_on,
        after=_renewed,
        execute=_renew,
        of=_of_renewal,
        concerns=_has_part,
    ),
    Action(
        name="party.contact",
        zh="更换机构联系人",
        en="let another contact look after a party",
        fields={"application": (str, REQUIRED), "contact": (str, REQUIRED), "account": (str, ""),
                "request": (int, 0)},
        normal=_handable,
        look=_looked_after,
        after=_handed,
        execute=_hand_over,
        concerns=_has_part,
        rejected=_not_handed,
    ),
    Action(
        name="party.leave",
        zh="机构退出",
        en="end a party's part for good",
        fields={"code": (str, REQUIRED), "despite": (bool, False)},
        normal=_can_leave,
        look=_leaving,
        after=_left,
        execute=_leave,
        concerns=_has_part,
    ),
)  # fmt: skip


def register() -> None:
    """Called once, when Django has started."""
    for action in _ACTIONS:
        changes.register(action)
