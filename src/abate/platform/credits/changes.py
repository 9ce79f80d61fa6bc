"""The changes of this room that need three people (review/changes.py): rules of credits and caps."""

from __future__ import annotations

from datetime import date, timedelta

from abate.bookkeeping.kinds import MILLION
from abate.platform.credits import actions, queries
from abate.platform.credits.errors import NoRule, RateUnfit, RuleExists, RuleTooLate, TwoExpiries
from abate.platform.credits.models import CLAIM_DAYS, EXPIRY_DAYS, EXPIRY_YEARS, Cap, Rule
from abate.platform.review import changes
from abate.platform.review.changes import REQUIRED, Action, Json
from abate.platform.review.errors import ArgumentsMalformed

_RULE = ("credits_per_kg", "expiry_days", "expiry_years", "claim_days", "title_zh", "title_en")
_KIND = ("behaviour", "scope", "period", "field")
_CAP = (*_KIND, "max_mg", "reason_zh", "reason_en")


def _dated(given: Json, *names: str) -> Json:
    for name in names:
        if given[name] is None:
            continue
        try:
            given = given | {name: date.fromisoformat(given[name]).isoformat()}
        except ValueError:
            raise ArgumentsMalformed(f"{name}: a day as 2026-07-01") from None
    return given


def _rules(given: Json) -> Json:
    """What holds the day before, what holds on that day, and what is set to follow: each with its first and last day."""
    first = date.fromisoformat(given["from_day"])
    spans = queries.spans(first - timedelta(days=1))
    before = next((one for one in spans if one.covers(first - timedelta(days=1))), None)
    on_day = next((one for one in spans if one.covers(first)), None)
    later = {str(one.rule.from_day): _shown(one) for one in spans if one.rule.from_day > first}
    return {
        "day_before": before and _shown(before),
        "rule": on_day and _shown(on_day),
        "later": later or None,
    }


def _shown(span: queries.Span) -> Json:
    last = None if span.to_day is None else str(span.to_day)
    rule = {name: getattr(span.rule, name) for name in _RULE}
    return {"from_day": str(span.rule.from_day), "to_day": last, **rule}


def _sound_rule(given: Json) -> Json:
    """What no rule can be is refused to who proposes it, not to who decides last."""
    given = _dated(given, "from_day")
    if queries.begins_too_late(date.fromisoformat(given["from_day"])):
        raise RuleTooLate(given["from_day"])
    rate = given["credits_per_kg"]
    if rate is not None and not 1 <= rate <= MILLION:
        raise RateUnfit(str(rate))
    for name, lowest, highest in (
        ("expiry_days", *EXPIRY_DAYS),
        ("expiry_years", *EXPIRY_YEARS),
        ("claim_days", *CLAIM_DAYS),
    ):
        if given[name] is not None and not lowest <= given[name] <= highest:
            raise ArgumentsMalformed(f"{name}: {lowest} to {highest}")
    expiries = [name for name in ("expiry_days", "expiry_years", "never_expires") if _is_said(given[name])]
    if len(expiries) > 1:
        raise TwoExpiries(", ".join(expiries))
    if given["no_claim"] and given["claim_days"] is not None:
        raise ArgumentsMalformed("claim_days, no_claim")
    return given


def _is_said(value: object) -> bool:
    return value is not None and value is not False


def _whole(given: Json, standing: Json | None) -> Json:
    """The rule that is asked for, in full: what is left out is as the rule in force on that day says. Raises NoRule."""
    if standing is None:
        raise NoRule(given["from_day"])
    rule = {name: standing[name] if given[name] is None else given[name] for name in _RULE}
    if any(_is_said(given[name]) for name in ("expiry_days", "expiry_years", "never_expires")):
        rule |= {name: given[name] for name in ("expiry_days", "expiry_years")}
    if given["no_claim"]:
        rule["claim_days"] = None
    return rule


def _new_rules(given: Json, before: Json) -> Json:
    """The rule that held ends the day before; the new one holds until what was to follow."""
    standing = before["rule"]
    rule = _whole(given, standing)
    if standing["from_day"] == given["from_day"]:
        raise RuleExists(given["from_day"])
    last = date.fromisoformat(given["from_day"]) - timedelta(days=1)
    return before | {
        "day_before": before["day_before"] | {"to_day": str(last)},
        "rule": {"from_day": given["from_day"], "to_day": standing["to_day"], **rule},
    }


def _add_rule(given: Json) -> Json:
    rule = _whole(given, _rules(given)["rule"])
    actions.add_rule(
        date.fromisoformat(given["from_day"]),
        (rule["title_zh"], rule["title_en"]),
        credits_per_kg=rule["credits_per_kg"],
        expiry_days=rule["expiry_days"],
        expiry_years=rule["expiry_years"],
        claim_days=rule["claim_days"],
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


def _rule_stands(given: Json, after: Json) -> bool:
    """The rule of that first day; when it ends, later rules say."""
    held = Rule.objects.filter(from_day=given["from_day"]).values(*_RULE).first()
    return held is not None and changes.still(after["rule"], held)


_ACTIONS = (
    Action(
        name="rule.add",
        zh="新增积分规则（换算率、有效期、领取期；留空即沿用当日有效的规则）",
        en="set a rule of credits: how many a kilogram makes, expiry, claim window; what is left empty stays as it is",
        fields={
            "from_day": (str, REQUIRED),
            "title_zh": (str, REQUIRED),
            "title_en": (str, REQUIRED),
            "credits_per_kg": (int, None),
            "expiry_days": (int, None),
            "expiry_years": (int, None),
            "never_expires": (bool, False),
            "claim_days": (int, None),
            "no_claim": (bool, False),
        },
        normal=_sound_rule,
        look=_rules,
        after=_new_rules,
        execute=_add_rule,
        stands=_rule_stands,
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
        stands=lambda given, after: changes.still(after, _cap(given)),
    ),
)


def register() -> None:
    """Called once, when Django has started."""
    for action in _ACTIONS:
        changes.register(action)
