"""Review dates: a factor past its date is refused where the methodology says so, elsewhere shown as overdue.

A review date is the day by which whoever entered the factor wanted it looked at again. Whether a figure that
nobody looked at may still be credited with is the methodology's decision (`past_review: refuse`), never the
engine's.
"""

from __future__ import annotations

from datetime import date, timedelta

from abate.quantify.factors_registry import Chosen, Factor, Registry, Setting
from abate.quantify.method import Parameter, Selection, Text


def overdue_from(factor: Factor) -> date | None:
    """The first day on which `factor` is past its review date."""
    return factor.review_by + timedelta(1) if factor.review_by else None


def selectable(selection: Selection, registry: Registry) -> tuple[Factor, ...]:
    """Every factor the selection may ever take by itself."""
    named = tuple(registry.factors[n] for n in (selection.factor, selection.before) if n)
    return (*named, *(registry.family(selection.family) if selection.family else ()))


def past_review(parameter: Parameter, chosen: Chosen, setting: Setting, day: date) -> bool:
    """Whether the methodology refuses this figure on this day; an operator's own has no review date."""
    selection, factor = parameter.selection, chosen.factor
    if selection is None or selection.past_review == "keep" or factor is None or chosen.id != factor.id:
        return False
    start = overdue_from(factor)
    return start is not None and (setting.on or day) >= start


def review_note(parameter: Parameter, chosen: Chosen) -> Text:
    factor = chosen.factor
    assert factor is not None and factor.review_by is not None
    by = factor.review_by.isoformat()
    return Text(
        f"因子 {factor.id} 的复核期限为 {by}，方法学规定逾期不得采用",
        f"factor {factor.id} was to be reviewed by {by}, and the methodology does not take it after that day",
    )
