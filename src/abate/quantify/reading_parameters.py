"""The parameters of a methodology: dated values with sources, or a selection that fits the registry."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from fractions import Fraction
from typing import Literal

from abate.quantify import units
from abate.quantify.factors_registry import GRADES, Factor, Registry
from abate.quantify.method import DatedValue, Parameter, Selection
from abate.quantify.reading_activity import TakeClause
from abate.quantify.reading_yaml import Table, Value


def read_parameters(value: Value, registry: Registry, clause: TakeClause) -> dict[str, Parameter]:
    return {name: _parameter(name, at, registry, clause) for name, at in value.table()}


def _parameter(name: str, value: Value, registry: Registry, clause: TakeClause) -> Parameter:
    table = value.table()
    values, select, named_by = table.get("values"), table.get("select"), table.get("named_by")
    if (values is None) == (select is None):
        raise value.error("has neither or both of `values` and `select`", "give dated values, or a selection")
    parameter = Parameter(
        name=name,
        unit=_unit(table["unit"]),
        meaning=table["meaning"].both(),
        decimals=table["decimals"].integer(),
        low=table["low"].number(),
        high=table["high"].number(),
        values=_values(values, registry) if values else (),
        selection=_selection(select, registry) if select else None,
        grade=_grade(table),
        named_by=clause(named_by) if named_by else None,
        policy=(v.truth() if (v := table.get("policy")) else False),
        only_where_read=(late.truth() if (late := table.get("only_where_read")) else False),
    )
    table.done()
    if parameter.low > parameter.high or parameter.decimals < 0 or parameter.decimals > 12:
        raise value.error("its range or decimals make no sense", "low not above high, decimals from 0 to 12")
    if parameter.grade and parameter.named_by is None:
        raise value.error("`grade` is raised without `named_by`", "name the clause that names the document")
    if parameter.only_where_read and parameter.values:
        raise value.error("has values of its own, which never lack", "remove `only_where_read`")
    for dated in parameter.values:
        _fits(value, parameter, dated.value, f"the value from {dated.start}")
    if select and parameter.selection:
        _check_selection(select, parameter, parameter.selection, registry)
    return parameter


def _unit(value: Value) -> str:
    try:
        units.parse(value.text())
    except units.UnitError as error:
        raise value.error(str(error), 'use a unit of the vocabulary, or "1" for a plain number') from error
    return value.text()


def _grade(table: Table, key: str = "grade") -> str:
    value = table.get(key)
    if value is None:
        return ""
    if value.text() not in GRADES:
        raise value.error(f"grade {value.text()} is not known", f"choose one of: {', '.join(GRADES)}")
    return value.text()


def _values(value: Value, registry: Registry) -> tuple[DatedValue, ...]:
    found: list[DatedValue] = []
    for item in value.items():
        table = item.table()
        number = table["value"]
        start, end = table["from"].day(), table.get("to")
        if not table.has("source"):
            raise item.error(
                f"has no source for its value from {start}",
                "an unsourced value cannot be verified; add `source: <key of sources.yaml>` and `place`",
            )
        source = table["source"]
        if source.text() not in registry.documents:
            raise source.error(f"source {source.text()} is not in sources.yaml", "add the document there")
        dated = DatedValue(
            start=start,
            end=end.day() if end else None,
            value=number.number(),
            decimals=number.decimals(),
            source=source.text(),
            place=table["place"].text(),
        )
        _follows(item, found, dated)
        found.append(dated)
        table.done()
    if not found:
        raise value.error("has no value", "give at least one dated value with its source")
    return tuple(found)


def _follows(item: Value, before: list[DatedValue], dated: DatedValue) -> None:
    if dated.end is not None and dated.end < dated.start:
        raise item.error(f"ends on {dated.end} before it starts on {dated.start}", "correct the dates")
    if not before:
        return
    last = before[-1].end
    if last is None or dated.start <= last:
        raise item.error(
            f"the dates overlap: the value before holds until {last or 'further notice'}, "
            f"this one starts {dated.start}",
            "end the earlier value on the day before the later one starts",
        )
    if dated.start != last + timedelta(1):
        raise item.error(
            f"the dates leave a gap: no value from {last + timedelta(1)} to {dated.start - timedelta(1)}",
            "let each value start on the day after the one before ends",
        )


def _selection(value: Value, registry: Registry) -> Selection:
    table = value.table()
    rule = table["rule"].text()
    advice, candidates = table.get("advice"), table.get("candidates")
    own, past_review = _exceptions(table, rule)
    match rule:
        case "fixed":
            found = Selection("fixed", factor=table["factor"].text(), own_values=own, past_review=past_review)
        case "newest_published":
            before = table.get("before")
            regional = table.get("regional")
            found = Selection(
                "newest_published",
                family=table["family"].text(),
                before=before.text() if before else "",
                regional=regional.truth() if regional else False,
                own_values=own,
                past_review=past_review,
            )
        case "operator":
            conservative = table["conservative"].text() if candidates else ""
            if conservative not in ("low", "high", ""):
                raise value.error(
                    f"conservative: {conservative} is not known", "low in a baseline, high in a project"
                )
            found = Selection(
                "operator",
                candidates=candidates.texts() if candidates else (),
                conservative="low" if conservative == "low" else "high" if conservative else "",
                advice=advice.both() if advice else None,
                least=_grade(table, "least"),
                estimate=_estimate(table),
                past_review=past_review,
            )
        case _:
            raise table["rule"].error(
                f"rule {rule} is not known", "choose fixed, newest_published or operator"
            )
    table.done()
    for name in (found.factor, found.before, *found.candidates):
        if name and name not in registry.factors:
            raise value.error(f"factor {name} is not in the registry", "see `abate factors list`")
    if rule == "newest_published" and not registry.family(found.family):
        raise value.error(f"family {found.family} has no factor", "see `abate factors list`")
    return found


def _estimate(table: Table) -> Literal["rate", "eta", ""]:
    value = table.get("estimate")
    if value is None:
        return ""
    if value.text() not in ("rate", "eta"):
        raise value.error(f"estimate {value.text()} is not known", "choose rate or eta")
    return "rate" if value.text() == "rate" else "eta"


def _exceptions(table: Table, rule: str) -> tuple[bool, Literal["keep", "refuse"]]:
    """Whether the operator's own figure goes first, and what a passed review date does."""
    own, review = table.get("own_values"), table.get("past_review")
    if own is not None and rule == "operator":
        raise own.error("belongs to a selected factor", "remove it: the operator's figure is asked for")
    if review is not None and review.text() not in ("keep", "refuse"):
        raise review.error(f"past_review: {review.text()} is not known", "choose keep or refuse")
    refuse = review is not None and review.text() == "refuse"
    return (own.truth() if own else False), ("refuse" if refuse else "keep")


def _check_selection(value: Value, parameter: Parameter, selection: Selection, registry: Registry) -> None:
    """Every factor it may ever take is of the right kind, unit and size."""
    named = [registry.factors[n] for n in (selection.factor, selection.before, *selection.candidates) if n]
    found: Iterable[Factor] = (*named, *registry.family(selection.family)) if selection.family else named
    for factor in found:
        allowed = (
            factor.kind == "emission-factor"
            or (
                factor.kind == "market-reporting"
                and factor.id == selection.before
                and parameter.named_by is not None
            )
            or (factor.kind == "gwp" and selection.rule == "fixed" and parameter.named_by is not None)
            or (factor.kind == "efficiency-limit" and parameter.named_by is not None)
        )
        if not allowed:
            raise value.error(
                f"{factor.id} is a {factor.kind}, not an emission-factor",
                "kinds are never mixed; choose an emission factor, or name the clause in `named_by`",
            )
        try:
            ratio = units.ratio(factor.unit, parameter.unit)
        except units.UnitError as error:
            raise value.error(
                f"{factor.id} is in {factor.unit}: {error}", "choose a factor in a unit that fits"
            ) from error
        _fits(value, parameter, factor.value * ratio, factor.id)


def _fits(value: Value, parameter: Parameter, number: Fraction, what: str) -> None:
    if not parameter.low <= number <= parameter.high:
        raise value.error(f"{what} is outside low..high", "widen the range or correct the value")
    if (number * 10**parameter.decimals).denominator != 1:
        raise value.error(
            f"{what} has more digits than `decimals`", "raise `decimals`; values are never rounded"
        )
