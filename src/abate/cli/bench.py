"""`abate bench`: every figure is a ratio against something else in the same run, held against benchmarks/aims.toml."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

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
@click.option(
    "--check", is_flag=True, help="Hold the figures against their aims; exit 1 where one has regressed."
)
@click.option(
    "--small", is_flag=True, help="As few rows as there can be: see that the figures are there, judge none."
)
def command(
    names: tuple[str, ...],
    as_json: bool,
    rows: int | None,
    rounds: int,
    only_list: bool,
    check: bool,
    small: bool,
) -> None:
    """Run benchmarks (all of them where no NAME is given).

    Exit 1: with --check a figure is past its floor or was not given, with --small one was not given.
    """
    found = _benchmarks()
    if only_list:
        click.echo("\n".join(f"{name:<12} {module.ABOUT}" for name, module in found.items()))
        return
    unknown = [n for n in names if n not in found]
    if unknown:
        raise click.UsageError(f"no benchmark {unknown[0]!r}; there are: {', '.join(found)}")
    if check and small:
        raise click.UsageError("what runs on so few rows says nothing of speed: --check or --small")
    chosen = names or tuple(found)
    results = {}
    for name in chosen:
        options = _aims().read()[1].get(name, {}) if small else {"rows": rows, "rounds": rounds}
        if len(chosen) == 1:
            click.echo(f"{name}: {found[name].ABOUT}", err=True)
            results[name] = found[name].run(dict(options))
        else:
            results[name] = _apart(name, rows, rounds, small)
    click.echo(json.dumps(results, ensure_ascii=False, indent=None if as_json else 2))
    if (check or small) and not _holds(results, judged=check):
        sys.exit(1)


def _apart(name: str, rows: int | None, rounds: int, small: bool) -> dict[str, Any]:
    """The same in a process of its own: what one benchmark set up or warmed is not there for the next."""
    command = [sys.executable, "-m", "abate", "bench", name, "--json", "--rounds", str(rounds)]
    command += ["--rows", str(rows)] if rows else []
    done = subprocess.run(
        [*command, *(["--small"] if small else [])], stdout=subprocess.PIPE, text=True, check=False
    )
    lines = done.stdout.splitlines()
    found: dict[str, Any] = json.loads(lines[-1])[name] if lines else {"failed": done.returncode}
    return found


def _holds(results: Mapping[str, Mapping[str, Any]], *, judged: bool) -> bool:
    """Tell of each aim what was found, on the standard error; False where the run fails by one."""
    aims = _aims()
    failed = [name for name, found in results.items() if "failed" in found]
    for name in failed:
        click.echo(f"FAILED: {name}", err=True)
    fails = bool(failed)
    for aim in aims.read()[0]:
        if aim.bench in results:
            told, bad = aim.line(results[aim.bench])
            if not judged:
                verdict = aim.judge(results[aim.bench])[0]
                bad = verdict == aims.MISSING
                told = told if verdict in (aims.MISSING, aims.SKIPPED) else f"given: {aim.bench} {aim.figure}"
            click.echo(told, err=True)
            fails = fails or bad
    return not fails


def _aims() -> Any:
    return importlib.import_module("benchmarks.aims")


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
