"""`abate bench`: every figure is a ratio against something else in the same run."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from types import ModuleType

import click

CHECKOUT = Path(__file__).resolve().parents[3]


@click.command()
@click.argument("names", metavar="[NAME]...", nargs=-1)
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
@click.option(
    "--rows", type=click.IntRange(min=1000), help="Rows of the larger run, where a benchmark has one."
)
@click.option("--rounds", type=click.IntRange(min=1), default=3, show_default=True)
@click.option("--list", "only_list", is_flag=True, help="List the benchmarks.")
def command(names: tuple[str, ...], as_json: bool, rows: int | None, rounds: int, only_list: bool) -> None:
    """Run benchmarks (all of them where no NAME is given)."""
    found = _benchmarks()
    if only_list:
        click.echo("\n".join(f"{name:<12} {module.ABOUT}" for name, module in found.items()))
        return
    unknown = [n for n in names if n not in found]
    if unknown:
        raise click.UsageError(f"no benchmark {unknown[0]!r}; there are: {', '.join(found)}")
    results = {}
    for name in names or tuple(found):
        click.echo(f"{name}: {found[name].ABOUT}", err=True)
        results[name] = found[name].run({"rows": rows, "rounds": rounds})
    click.echo(json.dumps(results, ensure_ascii=False, indent=None if as_json else 2))


def _benchmarks() -> dict[str, ModuleType]:
    """Every module of `benchmarks/` that has NAME, ABOUT and run(options)."""
    folder = CHECKOUT / "benchmarks"
    if not (folder / "__init__.py").is_file():
        raise click.ClickException(
            "the benchmarks are not part of the installed package; run this from a checkout of the source"
        )
    if str(CHECKOUT) not in sys.path:
        sys.path.insert(0, str(CHECKOUT))
    modules = [
        importlib.import_module(f"benchmarks.{p.stem}")
        for p in sorted(folder.glob("*.py"))
        if not p.stem.startswith("_")
    ]
    return {m.NAME: m for m in modules if hasattr(m, "NAME")}
