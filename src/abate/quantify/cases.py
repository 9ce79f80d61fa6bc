"""The worked cases that live beside a methodology, and their check against an engine. Tolerance is always
zero."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from abate.quantify.catalogue import Catalogue
from abate.quantify.factors_registry import GRADES, Setting
from abate.quantify.outcome import Outcome, Quantity
from abate.quantify.reading_yaml import MethodError, Table, Value, read_yaml

AMOUNTS = ("be_mg", "pe_mg", "le_mg", "er_mg")


@dataclass(frozen=True, slots=True)
class Case:
    """One record under one setting and what must come of it; only what `expect` names is compared."""

    method: str
    name: str
    setting: Setting
    record: dict[str, object]
    expect: dict[str, object]
    line: int


def read_cases(method_id: str, catalogue: Catalogue) -> tuple[Case, ...]:
    """The cases of cases.yaml. Raises MethodError; a methodology without cases is refused."""
    path = catalogue.folder / method_id / "cases.yaml"
    top = read_yaml(path, f"{method_id}/cases.yaml")
    table = top.table()
    found = tuple(_case(method_id, value, catalogue) for value in table["cases"].items())
    table.done()
    outcomes = {case.expect["outcome"] for case in found}
    if Outcome.REFUSED not in outcomes or Outcome.COUNTED not in outcomes:
        raise top.error("no refusal or no counted case among the cases", "write at least one of each")
    return found


def differences(case: Case, quantity: Quantity) -> list[str]:
    """What an engine's result has otherwise than the case says; empty where they agree."""
    found = []
    for key, expected in case.expect.items():
        actual = getattr(quantity, key)
        if actual != expected:
            found.append(f"{key}: expected {expected}, computed {actual}")
    return found


def _case(method_id: str, value: Value, catalogue: Catalogue) -> Case:
    table = value.table()
    case = Case(
        method=method_id,
        name=table["name"].text(),
        setting=_setting(table.get("setting"), catalogue),
        record={key: _plain(inner) for key, inner in table["record"].table()},
        expect=_expect(table["expect"]),
        line=value.line,
    )
    table.done()
    return case


def _setting(value: Value | None, catalogue: Catalogue) -> Setting:
    if value is None:
        return Setting()
    table = value.table()
    region, floor, pack, on = (table.get(key) for key in ("region", "floor", "pack", "on"))
    if floor and floor.text() not in GRADES:
        raise floor.error(f"grade {floor.text()} is not known", f"choose one of: {', '.join(GRADES)}")
    setting = Setting(
        region=region.text() if region else None,
        floor=floor.text() if floor else "standard",
        pack=catalogue.pack(pack.text()) if pack else None,
        on=_day(on),
    )
    table.done()
    return setting


def _day(value: Value | None) -> date | None:
    return value.day() if value else None


def _expect(value: Value) -> dict[str, object]:
    table = value.table()
    outcome = table["outcome"]
    if outcome.text() not in set(Outcome):
        raise outcome.error(f"{outcome.text()} is no outcome", f"choose one of: {', '.join(Outcome)}")
    expect: dict[str, object] = {"outcome": Outcome(outcome.text())}
    with_amounts = expect["outcome"] in (Outcome.COUNTED, Outcome.NOT_BELOW_BASELINE)
    for key in AMOUNTS:
        expect[key] = table[key].integer() if with_amounts else None
    expect |= _texts(table, required=not with_amounts)
    table.done()
    return expect


def _texts(table: Table, required: bool) -> dict[str, object]:
    found: dict[str, object] = {}
    reason = table["reason"] if required else table.get("reason")
    found |= {"reason": reason.text()} if reason else {}
    factors = table.get("factors")
    return found | ({"factors": factors.text()} if factors else {})


def _plain(value: Value) -> object:
    """A record's value as JSON would bring it: text, whole number, list or table."""
    if value.node.id == "mapping":
        return {key: _plain(inner) for key, inner in value.table()}
    if value.node.id == "sequence":
        return [_plain(inner) for inner in value.items()]
    if value.is_null:
        return None
    if value.node.tag.endswith(":int"):
        return value.integer()
    if value.node.tag.endswith(":str"):
        return str(value.node.value)
    raise value.error(f"{value.node.value} is neither text nor a whole number", "put it in quotes")


def failures(cases: Iterable[tuple[Case, Quantity]]) -> list[MethodError]:
    """The cases an engine disagrees with, as errors that name file and line."""
    found = []
    for case, quantity in cases:
        wrong = differences(case, quantity)
        if wrong:
            reason = f"{case.name}: {'; '.join(wrong)}"
            remedy = "correct the case or the methodology; both are never adjusted to each other"
            found.append(MethodError(f"{case.method}/cases.yaml", case.line, reason, remedy))
    return found
