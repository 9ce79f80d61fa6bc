"""Records of a Scope 3+ run against the declarations of their projects, and the calendar of baselines.

The records are the table `rated` of a portfolio. What contradicts a declaration is refused by name before anything
is shown; a baseline that is due for its yearly review is stated.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import duckdb

from abate.quantify.method import Clause, Text
from abate.quantify.outcome import Outcome
from abate.quantify.portfolio_errors import TotalError
from abate.quantify.project_document import Project, Solution

FIELDS = ("project_id", "solution_id", "source_id", "flow", "phase", "period_start", "period_end")
LATEST_YEARS, USUAL_YEARS = 3, 1
"""At least every three years, every year recommended (note to 5.5.4)."""


@dataclass(frozen=True, slots=True)
class Declared:
    """A project's declaration as used, and the baselines whose yearly review is due: (solution, last looked at)."""

    project: str
    file: str
    sha256: str
    due: tuple[tuple[str, date], ...]
    overdue_on: date


def check(
    con: duckdb.DuckDBPyConnection, projects: Sequence[Project], reported: date | None
) -> tuple[Declared, ...]:
    """`reported`: the day of the report. Raises TotalError."""
    declared = _by_id(projects)
    if reported is None:
        raise _error("report_day_needed", "S-5.5.4", "5.5.4", "没有报告日，无法判断基准线是否过期",
                     "without the day of the report nobody can tell whether a baseline is overdue",
                     "用 --reported 给出", "give it by --reported")  # fmt: skip
    columns = {str(row[0]) for row in con.execute("SELECT column_name FROM (DESCRIBE rated)").fetchall()}
    if not {f"g_{name}" for name in FIELDS} <= columns:
        raise _error("no_projects", "S-5.5.1", "5.5.1", "该方法学没有项目、解决方案和源",
                     "this methodology has no projects, solutions and sources",
                     "去掉 --project", "leave --project out")  # fmt: skip
    for row in con.execute(_ROWS).fetchall():
        _row(declared, row)
    _complete(con, declared)
    return tuple(_calendar(project, reported) for project in declared.values())


_ROWS = (
    f"SELECT {', '.join(f'g_{name}' for name in FIELDS[:5])}, min(g_period_start), max(g_period_end) FROM rated "
    f"WHERE outcome <> '{Outcome.REFUSED.value}' GROUP BY ALL ORDER BY ALL"
)
_HELD = (
    f"SELECT DISTINCT g_project_id, g_phase, g_source_id, g_flow FROM rated "
    f"WHERE outcome <> '{Outcome.REFUSED.value}' ORDER BY ALL"
)


def _by_id(projects: Sequence[Project]) -> dict[str, Project]:
    found: dict[str, Project] = {}
    for project in projects:
        if project.id in found:
            raise _error("declared_twice", "S-5.5.1", "5.5.1", f"项目 {project.id} 有两份说明",
                         f"project {project.id} is declared twice", "只给一份", "give one of them")  # fmt: skip
        found[project.id] = project
    return found


def _row(declared: Mapping[str, Project], row: tuple[object, ...]) -> None:
    project_id, solution_id, source_id, flow = (str(part) for part in row[:4])
    first, last = row[5], row[6]
    assert isinstance(first, date) and isinstance(last, date)
    project = declared.get(project_id)
    if project is None:
        raise _error("project_not_declared", "S-5.5.1", "5.5.1", f"记录中的项目 {project_id} 没有说明文件",
                     f"the records name project {project_id}, which no document declares",
                     "用 --project 给出它的说明文件", "give its document by --project")  # fmt: skip
    solution = project.solutions.get(solution_id)
    if solution is None:
        raise _error("solution_not_declared", "S-5.5.3", "5.5.3",
                     f"{project.file}: 解决方案 {solution_id} 没有功能单位和基准线",
                     f"{project.file}: solution {solution_id} has no functional unit and no baseline",
                     "在 solutions 中补上", "add it under solutions")  # fmt: skip
    source = project.sources.get((source_id, flow))
    if source is None:
        raise _error("outside_boundary", "S-5.5.2", "5.5.2",
                     f"{project.file}: {source_id}（{flow}）不在边界内",
                     f"{project.file}: {source_id} ({flow}) is outside the boundary",
                     "把它列入 boundary.sources，或从记录中去掉并列入 excluded 说明理由",
                     "add it to boundary.sources, or take it out of the records and say why under excluded")  # fmt: skip
    _within(project, "outside_function", "S-5.5.3", solution.time, (first, last), solution_id,
            Text("功能单位的时间范围", "the time of the functional unit"))  # fmt: skip
    _within(project, "factor_not_timely", "S-5.5.9", source.factor_valid, (first, last), source_id,
            Text("因子的适用时间", "the time for which the factor is valid"))  # fmt: skip


def _within(
    project: Project,
    code: str,
    clause: str,
    span: tuple[date, date],
    records: tuple[date, date],
    name: str,
    what: Text,
) -> None:
    if records[0] < span[0] or records[1] > span[1]:
        raise _error(code, clause, clause.removeprefix("S-"),
                     f"{project.file}: {name} 的记录为 {records[0]} 至 {records[1]}，超出{what.zh} {span[0]} 至 {span[1]}",
                     f"{project.file}: records of {name} are of {records[0]} to {records[1]}, outside {what.en}, "
                     f"{span[0]} to {span[1]}",
                     "改用适用于该期的，或改正说明或记录",
                     "use one that covers the period, or correct the document or the records")  # fmt: skip


def _complete(con: duckdb.DuckDBPyConnection, declared: Mapping[str, Project]) -> None:
    """Nothing inside the boundary is left out: in a phase that has records every source has one."""
    held: dict[tuple[str, str], set[tuple[str, str]]] = {}
    for project_id, phase, source_id, flow in con.execute(_HELD).fetchall():
        held.setdefault((str(project_id), str(phase)), set()).add((str(source_id), str(flow)))
    for (project_id, phase), sources in held.items():
        for source_id, flow in declared[project_id].sources:
            if (source_id, flow) not in sources:
                raise _error("source_left_out", "S-5.5.2", "5.5.2",
                             f"项目 {project_id} 的 {phase} 没有 {source_id}（{flow}）的记录",
                             f"project {project_id}, {phase}: no record of {source_id} ({flow}), inside its boundary",
                             "补上该源的记录（没有排放则活动水平为 0），或列入 excluded 说明理由",
                             "add its records (activity level 0 where it had none), or exclude it with a reason")  # fmt: skip


def _calendar(project: Project, reported: date) -> Declared:
    due = []
    for solution in project.solutions.values():
        looked = _looked_at(project, solution, reported)
        if _later(looked, LATEST_YEARS) < reported:
            raise _error("baseline_overdue", "S-5.5.4", "5.5.4",
                         f"{project.file}: {solution.id} 的基准线自 {looked} 起未回顾，已超过三年",
                         f"{project.file}: the baseline of {solution.id} was last looked at on {looked}, over three years "
                         f"before {reported}",
                         "回顾并验证基准线，把日期写入 reviews", "review it and write the day under reviews")  # fmt: skip
        if _later(looked, USUAL_YEARS) < reported:
            due.append((solution.id, looked))
    last = min(_later(s.looked_at, LATEST_YEARS) for s in project.solutions.values())
    return Declared(project.id, project.file, project.sha256, tuple(due), last)


def _looked_at(project: Project, solution: Solution, reported: date) -> date:
    if solution.looked_at > reported:
        raise _error("review_in_future", "S-5.5.4", "5.5.4",
                     f"{project.file}: {solution.id} 的基准线日期 {solution.looked_at} 晚于报告日 {reported}",
                     f"{project.file}: the baseline of {solution.id} is of {solution.looked_at}, after the report of {reported}",
                     "写已经完成的回顾", "write reviews that were made")  # fmt: skip
    return solution.looked_at


def _later(day: date, years: int) -> date:
    """The same day so many years on; 29 February becomes 28 February."""
    try:
        return day.replace(year=day.year + years)
    except ValueError:
        return day.replace(year=day.year + years, day=28)


def _error(code: str, clause: str, place: str, zh: str, en: str, do_zh: str, do_en: str) -> TotalError:
    return TotalError(code, Text(zh, en), Clause(clause, place), Text(do_zh, do_en))
