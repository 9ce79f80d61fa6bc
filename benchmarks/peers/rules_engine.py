"""openfisca-core and policyengine-core, which share their interface: `rules_engine.py PACKAGE COMMAND FOLDER`."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

from task import Task, answer

PACKAGE = sys.argv[1]
entities, parameters, periods, simulations, systems, variables = (
    import_module(f"{PACKAGE}.{part}")
    for part in ("entities", "parameters", "periods", "simulations", "taxbenefitsystems", "variables")
)
YEAR = periods.DateUnit.YEAR if hasattr(periods, "DateUnit") else periods.YEAR
PERIOD = "2026"


def variable(name: str, entity: Any, unit: str, formula: Any = None) -> Any:
    body = {"value_type": float, "entity": entity, "definition_period": YEAR, "unit": unit, "label": name}
    return type(name, (variables.Variable,), body | ({"formula": formula} if formula else {}))


def system(modes: dict[str, str], grid: str, document: str, until: str | None = None) -> Any:
    """A factor ends where its value is null, which is how these tools write it."""

    def dated(value: str, unit: str) -> dict[str, Any]:
        values: dict[str, Any] = {"2020-01-01": {"value": float(value)}}
        if until:
            values[until] = {"value": None}
        return {"values": values, "metadata": {"unit": unit, "reference": document}}

    meeting = entities.build_entity(key="meeting", plural="meetings", label="meeting", is_person=True)
    made = systems.TaxBenefitSystem([meeting])
    data = {"ef": {m: dated(v, "kg/pkm") for m, v in modes.items()}, "grid": dated(grid, "kg/kWh")}
    made.parameters = parameters.ParameterNode("", data=data)

    def be(meetings: Any, period: Any, parameter: Any) -> Any:
        ef = parameter(period).ef
        return sum(meetings(f"km_{mode}", period) * getattr(ef, mode) for mode in modes)

    def pe(meetings: Any, period: Any, parameter: Any) -> Any:
        return meetings("kwh", period) * parameter(period).grid

    def er(meetings: Any, period: Any) -> Any:
        return (meetings("be", period) - meetings("pe", period)) * meetings("r", period)

    def wrong(meetings: Any, period: Any) -> Any:
        return meetings("be", period) + meetings("kwh", period)

    names = {f"km_{mode}": "pkm" for mode in modes} | {"kwh": "kWh", "r": "1"}
    for name, unit in names.items():
        made.add_variable(variable(name, meeting, unit))
    for formula in (be, pe, er, wrong):
        made.add_variable(variable(formula.__name__, meeting, "kg", formula))
    return made


def simulate(made: Any, columns: dict[str, Any], rows: int, trace: bool = False) -> Any:
    simulation = simulations.SimulationBuilder().build_default_simulation(made, count=rows)
    simulation.trace = trace
    for name, values in columns.items():
        simulation.set_input(name, PERIOD, values)
    return simulation


def prepare(task: Task) -> Any:
    import numpy

    made = system(task.modes, task.grid, task.document)
    columns = {f"km_{mode}": numpy.array(task.floats(mode)) for mode in task.modes}
    columns |= {name: numpy.array(task.floats(name)) for name in ("kwh", "r")}
    return lambda: simulate(made, columns, len(task.rows)).calculate("er", PERIOD)


def explain(task: Task, row: int) -> str:
    import numpy

    one = task.rows[row]
    columns = {f"km_{mode}": numpy.array([float(one[mode])]) for mode in task.modes}
    columns |= {name: numpy.array([float(one[name])]) for name in ("kwh", "r")}
    simulation = simulate(system(task.modes, task.grid, task.document), columns, 1, trace=True)
    simulation.calculate("er", PERIOD)
    return "\n".join([*simulation.tracer.computation_log.lines(), str(simulation.tracer.get_flat_trace())])


def _one(until: str | None, name: str) -> float:
    made = system({"rail": "0.03546"}, "0.5306", "", until)
    columns = {"km_rail": [100.0], "kwh": [1.0], "r": [1.0]}
    return float(simulate(made, columns, 1).calculate(name, PERIOD)[0])


answer(prepare, explain, lambda: _one(None, "wrong"), lambda: _one("2025-01-01", "er"))
