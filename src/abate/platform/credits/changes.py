"""The changes of this room that need three people (review/changes.py): rules of credits and caps."""

from __future__ import annotations

from datetime import date

from abate.bookkeeping.kinds import MILLION
from abate.platform.credits import actions
from abate.platform.credits.errors import RateUnfit
from abate.platform.credits.models import Cap, Rule
from abate.platform.review import changes
from abate.platform.review.changes import REQUIRED, Action, Json
from abate.platform.review.errors import ArgumentsMalformed

_RULE = ("credits_per_kg", "expiry_days", "expiry_years", "claim_days", "title_zh", "title_en")
_KIND = ("behaviour", "scope", "period", "field")
_CAP = (*_KIND, "max_mg", "reason_zh", "reason_en")


def _dated(given: Json, *names: str) -> Json:
    for name in names:
        try:
            given = given | {name: given[name] and date.fromisoformat(given[name]).isoformat()}
        except ValueError:
            raise ArgumentsMalformed(f"{name}: a day as 2026-07-01") from None
    return given


def _rule(given: Json) -> Json:
    """The rule for what is booked on that day."""
    found = Rule.objects.filter(from_day__lte=given["from_day"]).order_by("-from_day").first()
    if found is None:
        return {"rule": None}
    return {"rule": {"from_day": str(found.from_day), **{name: getattr(found, name) for name in _RULE}}}


def _sound_rule(given: Json) -> Json:
    """A rate that no account can count with is refused to who proposes it, not to who decides last."""
    rate = given["credits_per_kg"]
    if rate is not None and not 1 <= rate <= MILLION:
        raise RateUnfit(str(rate))
    return _dated(given, "from_day")


def _new_rule(given: Json, before: Json) -> Json:
    """The rate stays where none is given."""
    if given["credits_per_kg"] is not None:
        return {"rule": given}
    rate = (before["rule"] or {}).get("credits_per_kg")
    return {"rule": given | {"credits_per_kg": rate}}


def _add_rule(given: Json) -> Json:
    actions.add_rule(
        date.fromisoformat(given["from_day"]),
        (given["title_zh"], given["title_en"]),
        credits_per_kg=given["credits_per_kg"],
        expiry_days=given["expiry_days"],
        expiry_years=given["expiry_years"],
        claim_days=given["claim_days"],
    )
    return {}


def _cap(given: Json) -> Json:
    """The cap of this kind that holds on that day."""
    same = Cap.objects.filter(
        **{name: given[name] for name in _KIND}, from_day__lte=given["from_day"]
    ).order_by("-from_day")
    found = same.first()
    if found is None or (found.to_day is not None and str(found.to_day) < given["from_day"]):
        return {"cap": None}
    last = None if found.to_day is None else str(found.to_day)
    return {
        "cap": {
            "from_day": str(found.from_day),
            "to_day": last,
            **{name: getattr(found, name) for name in _CAP},
        }
    }


def _add_cap(given: Json) -> Json:
    actions.add_cap(
        given["behaviour"],
        date.fromisoformat(given["from_day"]),
        given["max_mg"],
        (given["reason_zh"], given["reason_en"]),
        given["to_day"] and date.fromisoformat(given["to_day"]),
        per=actions.Per(given["scope"], given["period"], given["field"]),
    )
    return {}


_ACTIONS = (
    Action(
        name="rule.add",
        zh="新增积分规则（换算率、有效期、领取期）",
        en="set a rule of credits: how many a kilogram makes, expiry, claim window",
        fields={
            "from_day": (str, REQUIRED),
            "title_zh": (str, REQUIRED),
            "title_en": (str, REQUIRED),
            "credits_per_kg": (int, None),
            "expiry_days": (int, None),
            "expiry_years": (int, None),
            "claim_days": (int, None),
        },
        normal=_sound_rule,
        look=_rule,
        after=_new_rule,
        execute=_add_rule,
    ),
    Action(
        name="cap.add",
        zh="新增积分上限",
        en="lay a cap on what earns credits",
        fields={
            "max_mg": (int, REQUIRED),
            "behaviour": (str, ""),
            "scope": (str, "person"),
            "period": (str, "day"),
            "field": (str, ""),
            "from_day": (str, REQUIRED),
            "to_day": (str, None),
            "reason_zh": (str, REQUIRED),
            "reason_en": (str, REQUIRED),
        },
        normal=lambda given: _dated(given, "from_day", "to_day"),
        look=_cap,
        after=lambda given, _: {"cap": given},
        execute=_add_cap,
    ),
)


def register() -> None:
    """Called once, when Django has started."""
    for action in _ACTIONS:
        changes.register(action)
