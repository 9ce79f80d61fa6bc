"""The changes of this room that need three people (review/changes.py): what quantities rest on, and past ones corrected."""

from __future__ import annotations

import json
import re
from datetime import date

from abate.platform.carbon import actions, basis, revaluing
from abate.platform.carbon.errors import StateChanged
from abate.platform.carbon.models import Adoption, Revaluation
from abate.platform.carbon.revaluing import Asked, Reading
from abate.platform.events.actions import keep_erasing_out
from abate.platform.review import changes
from abate.platform.review.changes import REQUIRED, Action, Json
from abate.platform.review.errors import ArgumentsMalformed


def _in_force(given: Json) -> Json:
    found = Adoption.objects.order_by("-id").first()
    return {"basis": json.loads(found.document) if found else None}


def _named(given: Json) -> Json:
    """The digest of the files and settings at hand: others at the approval are another change."""
    return given | {"digest": given["digest"] or basis.present()[0].hex()}


def _adopt(given: Json) -> Json:
    if given["digest"] != basis.present()[0].hex():
        raise StateChanged(given["digest"][:12])
    actions.adopt()
    return {}


def _adopted(given: Json, _: Json) -> bool:
    """That its text is of this digest `bases` says."""
    return Adoption.objects.filter(digest=bytes.fromhex(given["digest"])).exists()


def _asked(given: Json) -> Asked:
    return Asked(
        given["behaviour"], date.fromisoformat(given["from_day"]), date.fromisoformat(given["to_day"])
    )


def _readable(given: Json) -> Json:
    try:
        asked = _asked(given)
    except ValueError:
        raise ArgumentsMalformed("revalue.book: from_day, to_day") from None
    if asked.behaviour not in basis.catalogue().methods or asked.last < asked.first:
        raise ArgumentsMalformed("revalue.book: behaviour, from_day, to_day")
    if not re.fullmatch("[0-9a-f]{64}", given["digest"]):
        raise ArgumentsMalformed("revalue.book: digest")
    return given


def _state(given: Json) -> Json:
    """Whether it may be booked. Raises StateChanged where what would change is no longer what has this digest."""
    proposal = bytes.fromhex(given["digest"])
    begun = revaluing.approved(proposal)
    header = begun[1] if begun else _header(given, proposal)
    return {"may_be_booked": begun is not None, "what": json.loads(header)}


def _header(given: Json, proposal: bytes) -> str:
    asked, read = _asked(given), Reading()
    lines = [change.line for chunk in revaluing.changes(asked, read) for change in chunk]
    header = revaluing.header(asked, read)
    if revaluing.proposal(header, lines) != proposal:
        raise StateChanged(given["digest"][:12])
    return header


def _allow(given: Json) -> Json:
    proposal = bytes.fromhex(given["digest"])
    # Who is erased while it is read would be in what was decided, and gone before: nobody could book it any more.
    keep_erasing_out()
    header = _header(given, proposal)
    actions.approve(proposal, _asked(given), header, (given["reason_zh"], given["reason_en"]))
    return {}


def _approved_stands(given: Json, after: Json) -> bool:
    held = Revaluation.objects.filter(proposal=bytes.fromhex(given["digest"])).first()
    if held is None:
        return False
    words = (held.reason_zh, held.reason_en, held.header)
    return _asked(given) == Asked(held.behaviour, held.from_day, held.to_day) and words == (
        given["reason_zh"],
        given["reason_en"],
        json.dumps(after["what"], sort_keys=True),
    )


_ACTIONS = (
    Action(
        name="basis.adopt",
        zh="启用方法学、因子、数据包和设置",
        en="put methodologies, factors, pack and setting in force",
        fields={"digest": (str, "")},
        normal=_named,
        look=_in_force,
        after=lambda *_: {"basis": json.loads(basis.present()[1])},
        execute=_adopt,
        stands=_adopted,
        at_opening=True,
    ),
    Action(
        name="revalue.book",
        zh="更正以往核算量",
        en="correct past quantities",
        fields={
            "behaviour": (str, REQUIRED),
            "from_day": (str, REQUIRED),
            "to_day": (str, REQUIRED),
            "digest": (str, REQUIRED),
            "reason_zh": (str, REQUIRED),
            "reason_en": (str, REQUIRED),
        },
        normal=_readable,
        look=_state,
        after=lambda _, before: before | {"may_be_booked": True},
        execute=_allow,
        stands=_approved_stands,
    ),
)


def register() -> None:
    """Called once, when Django has started."""
    for action in _ACTIONS:
        changes.register(action)
