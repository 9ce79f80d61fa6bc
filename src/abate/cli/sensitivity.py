"""`abate sensitivity`: a ranking of inputs and figures by their effect on the reduction."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from abate.cli.setting import known_method, make_setting, refuse, setting_options
from abate.cli.showing import kilograms
from abate.cli.uncertainty import EXTRA, REFUSALS, statements
from abate.quantify import catalogue as shipped

WIDTH = 40


@click.command()
@click.argument("method_id", metavar="ID")
@click.argument("inputs", metavar="INPUT...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--uncertainties",
    "files",
    multiple=True,
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Distributions with their sources (YAML).",
)
@click.option(
    "--interval",
    type=float,
    default=95.0,
    show_default=True,
    help="Stated quantities move to the ends of this interval, in per cent.",
)
@click.option(
    "--change",
    type=float,
    default=10.0,
    show_default=True,
    help="Other quantities move by this many per cent, and are marked so.",
)
@click.option(
    "--draws",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Also rank by share of the variance, with this many draws.",
)
@click.option("--seed", type=click.IntRange(min=0), default=1, show_default=True)
@click.option("--top", type=click.IntRange(min=1), default=15, show_default=True, help="Bars to show.")
@setting_options
@click.option("--json", "as_json", is_flag=True)
def command(
    method_id: str,
    inputs: tuple[Path, ...],
    files: tuple[Path, ...],
    interval: float,
    change: float,
    draws: int,
    seed: int,
    top: int,
    as_json: bool,
    **setting: Any,
) -> None:
    """Tornado ranking: each input and figure moved low and high, by its effect on the reduction of all records.

    With --draws, first-order and total Sobol indices of what is uncertain as well.
    """
    try:
        from abate.quantify import sensitivity  # lazy: needs the extra `statistics`
    except ModuleNotFoundError:
        refuse(f"abate sensitivity {EXTRA}")
    catalogue = shipped.load()
    known_method(catalogue, method_id)
    try:
        made = make_setting(catalogue, **setting)
        told = statements(catalogue, made, files)
        ask = sensitivity.Ask(interval, change, draws, seed)
        found = sensitivity.rank(method_id, inputs, catalogue, made, told, ask)
    except REFUSALS as error:
        refuse(str(error))
    click.echo(
        json.dumps(asdict(found), ensure_ascii=False, indent=2) if as_json else "\n".join(_text(found, top))
    )


def _text(found: Any, top: int) -> list[str]:
    lines = [f"ER of {found.counted:,} counted records: {kilograms(found.point)}"]
    moving = [bar for bar in found.bars if round(bar.swing)]
    widest = max((max(abs(b.low_effect), abs(b.high_effect)) for b in moving), default=0)
    for bar in moving[:top]:
        ends = sorted((bar.low_effect, bar.high_effect))
        left, right = (round(max(0.0, x) / widest * WIDTH / 2) for x in (-ends[0], ends[1]))
        drawn = " " * (WIDTH // 2 - left) + "█" * left + "│" + "█" * right
        lines.append(f"{bar.name:<28}{drawn:<{WIDTH + 2}}{kilograms(round(bar.low_effect)):>14} /"
                     f"{kilograms(round(bar.high_effect)):>14}  {bar.moved}")  # fmt: skip
    still = [bar.name for bar in found.bars if not round(bar.swing)]
    if len(moving) > top:
        lines.append(f"... {len(moving) - top} more; --top N or --json shows them")
    lines.append("effect at the low / at the high end, everything else as it is")
    if still:
        lines.append(f"no effect: {', '.join(still)}")
    if found.indices:
        lines += [
            "",
            f"Share of the variance ({found.draws:,} draws, seed {found.ask.seed}): first order, total",
        ]
        lines += [f"  {', '.join(i.names):<40}{i.first:>8.3f}{i.total:>8.3f}" for i in found.indices]
    elif found.ask.draws:
        lines.append("nothing is uncertain by a statement, so there is no variance to share")
    if found.illustration:
        lines.append("示例数据，非真实数据 / uses illustrative figures: not a real result")
    return lines
