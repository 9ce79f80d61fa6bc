"""The change of a what-if: one figure replaced everywhere it is taken, under the id it already has."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction

from abate.quantify import units
from abate.quantify.catalogue import Catalogue
from abate.quantify.factors import FactorError, Figure, Pack, Setting, timeline
from abate.quantify.method import Method, Parameter, Text
from abate.quantify.record_values import DECIMAL

MADE_UP = Text("假设", "what if")


@dataclass(frozen=True, slots=True)
class Changed:
    """What to compute with instead. `ids`: factors and figures of which the value is another; `own`:
    parameters whose
    own value is; `supplied`: parameters that the operator's pack now supplies."""

    catalogue: Catalogue
    setting: Setting
    ids: frozenset[str]
    own: frozenset[str]
    supplied: frozenset[str]


def change(method_id: str, catalogue: Catalogue, setting: Setting, sets: Mapping[str, str]) -> Changed:
    """`sets`: factor id or parameter -> value, in the unit of that factor or parameter. Raises
    FactorError."""
    found = Changed(catalogue, setting, frozenset(), frozenset(), frozenset())
    for name, text in sets.items():
        if not DECIMAL.fullmatch(text):
            raise FactorError(f"{name}={text}", "is not a plain decimal", "write it like 0.5703")
        if name in catalogue.registry.factors:
            found = _factor(found, name, Fraction(text), text)
        else:
            found = _parameter(found, method_id, name, Fraction(text), text)
    return found


def _factor(before: Changed, factor_id: str, value: Fraction, text: str) -> Changed:
    registry = before.catalogue.registry
    factors = dict(registry.factors)
    factors[factor_id] = replace(factors[factor_id], value=value, value_text=text)
    digest = hashlib.sha256(f"{registry.hash} {factor_id}={text}".encode()).hexdigest()
    catalogue = replace(before.catalogue, registry=registry.with_factors(factors.values(), digest))
    return replace(before, catalogue=catalogue, ids=before.ids | {factor_id})


def _parameter(before: Changed, method_id: str, name: str, value: Fraction, text: str) -> Changed:
    methods = before.catalogue.methods[method_id]
    parameters = [m.parameters[name] for m in methods if name in m.parameters]
    if not parameters:
        known = ", ".join(methods[-1].parameters)
        raise FactorError(name, "is neither a factor nor a parameter", f"parameters of {method_id}: {known}")
    for parameter in parameters:
        _fits(parameter, value)
    if parameters[-1].values:
        changed = tuple(_own(m, name, value) for m in methods)
        catalogue = replace(before.catalogue, methods={**before.catalogue.methods, method_id: changed})
        return replace(before, catalogue=catalogue, own=before.own | {name})
    taken = _taken(before, methods, name)
    if taken is None:
        return _pack(before, method_id, parameters[-1], value, text)
    for factor_id in sorted(taken):
        factor = before.catalogue.registry.factors[factor_id]
        own_unit = value / units.ratio(factor.unit, parameters[-1].unit)
        before = _factor(before, factor_id, own_unit, units.decimal_text(own_unit))
    return before


def _fits(parameter: Parameter, value: Fraction) -> None:
    fine = (value * 10**parameter.decimals).denominator == 1
    if not (parameter.low <= value <= parameter.high and fine):
        low, high = units.decimal_text(parameter.low), units.decimal_text(parameter.high)
        raise FactorError(
            f"{parameter.name}={units.decimal_text(value)}",
            "does not fit the methodology",
            f"from {low} to {high} {parameter.unit}, at most {parameter.decimals} decimals",
        )


def _own(method: Method, name: str, value: Fraction) -> Method:
    parameter = method.parameters.get(name)
    if parameter is None:
        return method
    values = tuple(replace(v, value=value) for v in parameter.values)
    digest = hashlib.sha256(f"{method.hash} {name}={value}".encode()).hexdigest()
    return replace(
        method, parameters={**method.parameters, name: replace(parameter, values=values)}, hash=digest
    )


def _taken(before: Changed, methods: tuple[Method, ...], name: str) -> set[str] | None:
    """The factors that the parameter takes, or None where its figure is the operator's or missing.
    Raises FactorError
    where another parameter takes one of them too: a change of one would change both."""
    found: set[str] = set()
    others: set[str] = set()
    for method in methods:
        for period in timeline(method, before.catalogue.registry, before.setting):
            chosen = period.resolution.chosen
            if name not in chosen and name in method.parameters:
                return None
            for parameter, figure in chosen.items():
                if figure.id is not None:
                    (found if parameter == name else others).add(figure.id)
    if any(i.startswith("pack:") for i in found):
        return None
    if found & others:
        shared = ", ".join(sorted(found & others))
        raise FactorError(name, f"another parameter takes {shared} too", "set the factor itself, by its id")
    return found


def _pack(before: Changed, method_id: str, parameter: Parameter, value: Fraction, text: str) -> Changed:
    """The operator's pack with this figure for every day and region."""
    old = before.setting.pack or Pack("what-if", MADE_UP, True, (), "")
    figure = Figure(
        method_id,
        parameter.name,
        None,
        None,
        None,
        value,
        text,
        "",
        parameter.unit,
        MADE_UP.en,
        MADE_UP.en,
        None,
    )
    kept = tuple(f for f in old.figures if (f.method, f.parameter) != (method_id, parameter.name))
    digest = hashlib.sha256(f"{old.hash} {method_id}.{parameter.name}={text}".encode()).hexdigest()
    pack = replace(old, figures=(*kept, figure), hash=digest)
    name = parameter.name
    return replace(
        before,
        setting=replace(before.setting, pack=pack),
        ids=before.ids | {f"pack:{pack.id}/{method_id}.{name}"},
        supplied=before.supplied | {name},
    )
