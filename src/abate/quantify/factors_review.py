"""Review dates: a factor past its date is refused where the methodology says so, elsewhere shown as overdue.

A review date is the day by which whoever entered the factor wanted it looked at again. Whether a figure that
nobody looked at may still be credited with is the methodology's decision (`past_review: refuse`), never the
engine's.
"""

from __future__ import annotations

from datetime import date, timedelta

from abate.quantify.factors_registry import Chosen, Factor, Registry, Setting
from abate.quantify.figure_clause import shown_clause
from abate.quantify.method import Method, Parameter, Selection, Text


def overdue_from(factor: Factor) -> date | None:
    """The first day on which `factor` is past its review date."""
    return factor.review_by + timedelta(1) if factor.review_by else None


def selectable(selection: Selection, registry: Registry) -> tuple[Factor, ...]:
    """Every factor the selection may ever take by itself."""
    named = tuple(registry.factors[n] for n in (selection.factor, selection.before) if n)
    return (*named, *(registry.family(selection.family) if selection.family else ()))


def past_review(parameter: Parameter, chosen: Chosen, setting: Setting, day: date) -> bool:
    """Whether the methodology refuses this figure on this day. A figure that an operator states has no review
    date; an estimate of the operator's has."""
    selection, by = parameter.selection, _review_by(chosen)
    if selection is None or selection.past_review == "keep" or by is None:
        return False
    return (setting.on or day) > by


def _review_by(chosen: Chosen) -> date | None:
    factor = chosen.factor
    return factor.review_by if factor is not None and chosen.id == factor.id else chosen.review_by


def review_note(method: Method, parameter: Parameter, chosen: Chosen) -> Text:
    review_by = _review_by(chosen)
    assert review_by is not None
    name, by = chosen.id or parameter.name, review_by.isoformat()
    clause = shown_clause(method, parameter)
    advice = parameter.selection.advice if parameter.selection else None
    return Text(
        f"因子 {name} 的复核期限为 {by}，方法学规定逾期不得采用{clause}"
        + (f"。{advice.zh}" if advice else ""),
        f"factor {name} was to be reviewed by {by}, and the methodology does not take it after that day{clause}"
        + (f". {advice.en}" if advice else ""),
    )
