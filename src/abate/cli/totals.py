"""`abate totals`: records together, by year, under the rules that no record alone can keep."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import date, datetime
from pathlib import Path
from typing import Any

import click

from abate.cli.setting import known_method, make_setting, refuse, setting_options
from abate.cli.showing import kilograms
from abate.quantify import catalogue as shipped
from abate.quantify.columns import InputError, NotColumnar
from abate.quantify.factors import FactorError
from abate.quantify.portfolio import Line, Portfolio, TotalError, total_files
from abate.quantify.project_document import read_project
from abate.quantify.reading import MethodError


@click.command()
@click.argument("method_id", metavar="ID")
@click.argument("inputs", metavar="INPUT...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("-o", "--out", type=click.Path(path_type=Path), help="Write the whole answer as JSON here.")
@click.option(
    "--project",
    "projects",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Declaration of a project (repeatable): boundary, functional units, baselines, factors.",
)
@click.option("--reported", type=click.DateTime(["%Y-%m-%d"]), metavar="DATE",
              help="The day of the report, against which baselines are overdue; with --project.")  # fmt: skip
@setting_options
@click.option("--json", "as_json", is_flag=True)
def command(
    method_id: str,
    inputs: tuple[Path, ...],
    out: Path | None,
    projects: tuple[Path, ...],
    reported: datetime | None,
    as_json: bool,
    **setting: Any,
) -> None:
    """Totals by year over activity records (CSV, JSON Lines or Parquet), and the net of each source and gas.

    A total is the rounded exact sum, never a sum of rounded amounts. What must not be added is kept apart,
    what would be counted twice is refused, and a year that is negative stays so. Exit code 1 where no record
    enters a total.
    """
    try:
        catalogue = shipped.load()
        known_method(catalogue, method_id)
        found = total_files(
            method_id,
            inputs,
            catalogue,
            make_setting(catalogue, **setting),
            [read_project(path) for path in projects],
            reported.date() if reported else None,
        )
    except (TotalError, InputError, NotColumnar, MethodError, FactorError) as error:
        refuse(str(error))
    if out:
        if out.exists():
            refuse(f"{out} is there already\n  Name a new file.")
        out.write_text(_json(found) + "\n", "utf-8")
    click.echo(_json(found) if as_json else "\n".join(_text(found)))
    if not found.totals:
        refuse("没有可合计的记录，原因见上 / no record enters a total; the reasons stand above\n"
               "  Mend the records or leave out what they name; `abate explain` says what each lacks.")  # fmt: skip


def _json(found: Portfolio) -> str:
    shown = asdict(found)
    for key in ("totals", "projects", "net"):
        for line, one in zip(shown[key], getattr(found, key), strict=True):
            line["negative"] = one.negative
    shown["left_out"] = [{"outcome": o, "reason": r, "records": n} for o, r, n in found.left_out]
    return json.dumps(shown, ensure_ascii=False, indent=2, default=date.isoformat)


def _text(found: Portfolio) -> list[str]:
    named = ", ".join(f"{name} {value}" for name, value in found.one.items())
    lines = [f"{found.method}: {found.rows:,} records" + (f"; {named}" if named else "")]
    if not found.complete:
        lines.append("不完整：有记录没有结果（见下） / NOT COMPLETE: records without amounts, listed below")
    lines += _table("合计 / total", found.totals)
    if len({tuple(line.per.values()) for line in found.projects}) > 1:
        lines += _table("各项目 / each project", found.projects)
    if found.net:
        lines += _table("逐源逐气体净额 / net of each source and gas", found.net)
    for v in found.voided:
        lines.append(
            f"! {v.of} {v.value}: {v.records:,} records not counted [{v.clause}]: {v.why.zh} / {v.why.en} "
            f"({v.where}; until no record of it says so / 直至其下没有记录如此声明)"
        )
    for s in found.stated:
        alike = " ".join(s.fields.values())
        lines.append(f"! {s.between} {s.values[0]} and {s.values[1]} overlap in {alike} [{s.clause}]: "
                     f"{s.why.zh} / {s.why.en}")  # fmt: skip
    lines += _declared(found)
    for outcome, reason, records in found.left_out:
        lines.append(f"- {records:,} records {outcome} {reason}")
    lines.append("因子 / factors: " + (", ".join(found.factors) or "-"))
    if found.illustration:
        lines.append("示例数据，非真实数据 / uses illustrative figures: not a real result")
    return lines


def _declared(found: Portfolio) -> list[str]:
    if found.net and not found.declared:
        return [
            "未附项目说明：边界、功能单位、基准线回顾与因子依据未经核对（--project） / no declaration of the projects: "
            "boundary, functional unit, reviews of baselines and fitness of factors were not checked (--project)"
        ]
    lines = []
    for one in found.declared:
        lines.append(
            f"项目说明 / declaration {one.project}: {one.file} sha256:{one.sha256[:16]}; "
            f"基准线须于此日前回顾 / baselines are to be reviewed by {one.overdue_on}"
        )
        for solution, day in one.due:
            lines.append(
                f"! {one.project} {solution}: 基准线上次回顾于 {day}，建议每年回顾 / the baseline was last looked at "
                f"on {day}; a review every year is recommended [S-5.5.4]"
            )
    return lines


def _table(title: str, found: tuple[Line, ...]) -> list[str]:
    names = [" ".join([*line.apart.values(), *line.per.values()]) for line in found]
    wide = max([len(name) for name in names], default=0) + 2
    head = f"{'':<{wide}}{'year':<6}{'records':>9}{'BE':>20}{'PE':>20}{'LE':>16}{'ER':>20}"
    return [
        "",
        title,
        head,
        *(f"{name:<{wide}}{_line(line)}" for name, line in zip(names, found, strict=True)),
    ]


def _line(line: Line) -> str:
    year = str(line.year) if line.year is not None else "all"
    columns = ((line.be_mg, 20), (line.pe_mg, 20), (line.le_mg, 16), (line.er_mg, 20))
    amounts = "".join(f"{kilograms(mg):>{width}}" for mg, width in columns)
    mark = "  负值，如实列示 / negative, reported as it is" if line.negative else ""
    return f"{year:<6}{line.records:>9,}{amounts}{mark}"
