"""The clause that asks for a figure: the one its parameter names, else that of the first formula which reads it."""

from __future__ import annotations

from abate.quantify.formula import Param
from abate.quantify.method import Clause, Method, Parameter
from abate.quantify.reading_checks import parts


def figure_clause(method: Method, parameter: Parameter) -> Clause | None:
    if parameter.named_by:
        return parameter.named_by
    readers = [(f.clause, f.expr) for f in method.formulas.values()]
    readers += [(r.clause, r.test) for r in method.recognition]  # type: ignore[misc]
    for clause, tree in readers:
        if any(isinstance(p, Param) and p.name == parameter.name for p in parts(tree)):
            return clause
    return None


def shown_clause(method: Method, parameter: Parameter) -> str:
    """` [id, place]`, as refusals end; empty where no clause reads the figure."""
    clause = figure_clause(method, parameter)
    return f" [{clause.id}, {clause.place}]" if clause else ""
