"""An operator's pack against the methodologies: every figure has its parameter, unit, range and decimals."""

from __future__ import annotations

from collections.abc import Mapping

from abate.quantify import units
from abate.quantify.factors_registry import Figure, Pack, Registry
from abate.quantify.figure_clause import shown_clause
from abate.quantify.method import Method, Parameter
from abate.quantify.reading_yaml import MethodError

Methods = Mapping[str, tuple[Method, ...]]


def check_pack(pack: Pack, methods: Methods, registry: Registry) -> None:
    """Raises MethodError for the first thing that is not in order."""
    for figure in pack.figures:
        readers = [m for m in methods.get(figure.method, ()) if figure.parameter in m.parameters]
        if not readers:
            reason = f"{figure.method}.{figure.parameter} is no parameter"
            raise MethodError(f"pack {pack.id}", 0, reason, "see `abate methods show ID`")
        for method in readers:
            _check_figure(pack, figure, method, method.parameters[figure.parameter], registry)
    for switch in pack.listing.switches if pack.listing else ():
        if switch.behaviour not in methods:
            reason = f"catalogue: there is no methodology {switch.behaviour}"
            raise MethodError(f"pack {pack.id}", 0, reason, "`abate methods list` names them all")


def _check_figure(
    pack: Pack, figure: Figure, method: Method, parameter: Parameter, registry: Registry
) -> None:
    where, clause = f"{figure.method}.{figure.parameter}", shown_clause(method, parameter)

    def refusal(reason: str, remedy: str) -> MethodError:
        return MethodError(f"pack {pack.id}", 0, f"{where}{reason}{clause}", remedy)

    if parameter.selection is None:
        raise refusal(" is not the operator's to set", "remove the figure")
    if figure.estimate and figure.estimate.quantity != parameter.selection.estimate:
        reason = f": {figure.estimate.id} is an estimate of {figure.estimate.quantity}"
        raise refusal(reason, "name the estimate of this parameter")
    try:
        ratio = units.ratio(figure.unit, parameter.unit)
    except units.UnitError as error:
        raise refusal(f": {error}", f"give it in {parameter.unit}") from error
    factor = registry.factors.get(figure.factor)
    if factor and factor.kind != "emission-factor":
        raise refusal(f": {factor.id} is a {factor.kind}", "kinds never mix")
    value = (factor.value if factor else figure.value or 0) * ratio
    fine = (value * 10**parameter.decimals).denominator == 1
    if not (parameter.low <= value <= parameter.high and fine):
        low, high = units.decimal_text(parameter.low), units.decimal_text(parameter.high)
        remedy = f"from {low} to {high} with at most {parameter.decimals} decimals"
        raise refusal(": the figure does not fit", remedy)
