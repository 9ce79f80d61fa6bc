"""`abate uncertainty`: intervals of the reduction, per record and for the portfolio."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
import pyarrow as pa
from pyarrow import csv, parquet

from abate.cli.setting import known_method, make_setting, refuse, setting_options
from abate.cli.showing import kilograms
from abate.quantify import catalogue as shipped
from abate.quantify.catalogue import Catalogue
from abate.quantify.columns import InputError, NotColumnar
from abate.quantify.distributions import Uncertainties, UncertaintyError
from abate.quantify.distributions_file import read_file
from abate.quantify.factors import FactorError, Setting
from abate.quantify.reading import MethodError

REFUSALS = (MethodError, FactorError, InputError, NotColumnar, UncertaintyError)
EXTRA = 'needs NumPy and SciPy, which are not installed\n  Install them with: pip install "abate[statistics]"'
OWN = "uncertainty.yaml"


def statements(catalogue: Catalogue, setting: Setting, files: tuple[Path, ...]) -> list[Uncertainties]:
    """Best first: the given files, the operator's pack, what the documents of the factors state."""
    titles = {key: document.title for key, document in catalogue.registry.documents.items()}
    found = [read_file(path, titles) for path in files]
    if setting.pack is not None and setting.pack.uncertainty is not None:
        found.append(setting.pack.uncertainty)
    shipped_file = catalogue.folder / "factors" / OWN
    return [*found, read_file(shipped_file, titles)] if shipped_file.exists() else found


def uncertainty_options(command: Any) -> Any:
    """--uncertainties, --draws, --seed, --interval, --percentile: the same for both commands."""
    for option in (
        click.option("--seed", type=click.IntRange(min=0), default=1, show_default=True,
                     help="The same seed gives the same draws."),
        click.option("--draws", type=click.IntRange(min=2), default=1000, show_default=True),
        click.option("--uncertainties", "files", multiple=True, metavar="FILE",
                     type=click.Path(path_type=Path), help="Distributions with their sources (YAML)."),
    ):  # fmt: skip
        command = option(command)
    return command


@click.command()
@click.argument("method_id", metavar="ID")
@click.argument("inputs", metavar="INPUT...", nargs=-1, required=True, type=click.Path(path_type=Path))
@uncertainty_options
@click.option(
    "--interval", type=float, default=95.0, show_default=True, help="Level of the intervals, in per cent."
)
@click.option(
    "--percentile", type=float, help="Percentile of the conservative figure (default: the methodology's)."
)
@click.option("-o", "--out", type=click.Path(path_type=Path), help="Write every record (Parquet or CSV).")
@click.option(
    "--key", "keys", multiple=True, metavar="COL", help="Pass an input column through (repeatable)."
)
@setting_options
@click.option("--json", "as_json", is_flag=True)
def command(
    method_id: str,
    inputs: tuple[Path, ...],
    files: tuple[Path, ...],
    draws: int,
    seed: int,
    interval: float,
    percentile: float | None,
    out: Path | None,
    keys: tuple[str, ...],
    as_json: bool,
    **setting: Any,
) -> None:
    """Uncertainty of the reduction, per record and for all records together.

    First-order propagation and Monte Carlo side by side. What no document states a distribution for is exact
    and is listed. Draws never feed a booked amount; the conservative figure is the percentile asked for, in
    whole milligrams, rounded down.
    """
    try:
        from abate.quantify import uncertainty  # lazy: needs the extra `statistics`
    except ModuleNotFoundError:
        refuse(f"abate uncertainty {EXTRA}")
    catalogue = shipped.load()
    known_method(catalogue, method_id)
    request = uncertainty.Request(draws, seed, interval, percentile, threads=os.cpu_count() or 1)
    try:
        made = make_setting(catalogue, **setting)
        told = statements(catalogue, made, files)
        with ExitStack() as stack:
            write = _writer(out, stack) if out else None
            found = uncertainty.assess(
                method_id, inputs, catalogue, made, told, request, write=write, keys=keys
            )
    except REFUSALS as error:
        refuse(str(error))
    click.echo(_json(found) if as_json else "\n".join(_text(found)))
    if out and not as_json:
        click.echo(f"wrote {out}")


def _writer(out: Path, stack: ExitStack) -> Callable[[Any], None]:
    """Writes tables one after another; the file takes its name only when it is whole."""
    if out.suffix.lower() not in (".parquet", ".csv"):
        raise InputError(f"{out}: the output must end in .parquet or .csv")
    made = csv.CSVWriter if out.suffix.lower() == ".csv" else parquet.ParquetWriter
    part = out.with_name(f".{out.name}.{os.getpid()}.part")
    opened: list[Any] = []

    def finish(kind: object, *_: object) -> None:
        if opened:
            opened[0].close()
            part.replace(out) if kind is None else part.unlink()

    stack.push(finish)

    def write(table: pa.Table) -> None:
        if not opened:
            opened.append(made(part, table.schema))
        opened[0].write_table(table)

    return write


def _json(found: Any) -> str:
    shown = asdict(found)
    shown["apart"] = [{"outcome": o, "reason": r, "records": n} for (o, r), n in found.apart.items()]
    shown["stated"] = [{"name": n, "distribution": d, "source": s} for n, d, s in found.stated]
    shown["portfolio"]["relative_half_width_percent"] = found.portfolio.relative
    for record, one in zip(shown["records"], found.records, strict=True):
        record["spread"]["relative_half_width_percent"] = one.spread.relative
    del shown["request"]["threads"]
    return json.dumps(shown, ensure_ascii=False, indent=2)


def _text(found: Any) -> list[str]:
    level = f"{found.request.interval:g} %"
    lines = [f"{'record':<24}{'ER (exact)':>18}{'mean':>18}{'sd':>16}   {level} interval of the draws"]
    if found.percentile is not None:
        lines[0] += f"{'conservative':>24}"
    lines += [_line("/".join(r.key), r.spread) for r in found.records]
    if found.rows - sum(found.apart.values()) > len(found.records):
        lines.append(f"... the first {len(found.records)}; --out FILE writes all")
    p = found.portfolio
    lines += [_line(f"portfolio of {found.counted:,}", p), ""]
    lines.append(f"Portfolio, {level}: draws {kilograms(round(p.low))} to {kilograms(round(p.high))}"
                 + (f" (±{p.relative:.2f} %)" if p.relative is not None else "")
                 + f"; first order ± {kilograms(round(p.first_order_half_width))}"
                 + (f" (±{p.first_order_half_width / abs(p.point) * 100:.2f} %)" if p.point else ""))  # fmt: skip
    if found.percentile is None:
        lines.append("No conservative figure: the methodology states no percentile; ask with --percentile P.")
    else:
        lines.append(f"保守值 / conservative, percentile {found.percentile:g} ({found.percentile_source}): portfolio "
                     f"{p.conservative:,} mg, record by record {found.conservative_sum:,} mg; the point value stays "
                     f"{p.point:,} mg")  # fmt: skip
    lines += [f"  {n} (uncertain: {d}; {s})" for n, d, s in found.stated]
    lines.append(f"未给出不确定性 / no uncertainty stated for: {', '.join(found.exact) or '-'}")
    for (outcome, reason), rows in found.apart.items():
        lines.append(f"Apart, without amounts: {outcome} {reason}: {rows:,}")
    for name, count in found.clipped.items():
        lines.append(f"Draws outside the declared range, set to its end: {name}: {count:,}")
    if found.unrecognised:
        lines.append(f"Draws in which a record would not be recognised, counted as 0: {found.unrecognised['draws']:,} "
                     f"of {found.unrecognised['records']:,} records")  # fmt: skip
    lines += [f"! {warning}" for warning in found.warnings]
    lines.append(f"{found.request.draws:,} draws, seed {found.request.seed}; draws are not booked amounts")
    if found.illustration:
        lines.append("示例数据，非真实数据 / uses illustrative figures: not a real result")
    return lines


def _line(name: str, s: Any) -> str:
    shown = [kilograms(round(v)) for v in (s.point, s.mean, s.sd, s.low, s.high)]
    tail = f"{kilograms(s.conservative):>20}" if s.conservative is not None else ""
    return f"{name:<24}{shown[0]:>18}{shown[1]:>18}{shown[2]:>16}   {shown[3]:>16} ..{shown[4]:>16}{tail}"
