"""`abate methods`: what is computed, by which standard, and whether its worked cases hold."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import click

from abate.cli.lazy import LazyGroup
from abate.cli.methods_cases import ENGINES, run_cases
from abate.cli.methods_show import both, detail, lines
from abate.cli.setting import known_method, make_setting, refuse, setting_options
from abate.quantify import catalogue as catalogues
from abate.quantify import published
from abate.quantify.cases import read_cases
from abate.quantify.catalogue import Catalogue
from abate.quantify.factors import GRADES, Resolution, Setting, resolve
from abate.quantify.listing import CLAUSE
from abate.quantify.method import Method
from abate.quantify.reading import MethodError, read_method


class _Methods(LazyGroup):
    MODULE = "abate.cli.methods_change"
    LATER = ("diff", "derive-coef", "what-if", "publish", "schema")


@click.group(cls=_Methods, invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="The list as JSON.")
@click.pass_context
def command(context: click.Context, as_json: bool) -> None:
    """List, show and check methodologies, and run their worked cases."""
    if context.invoked_subcommand is None:
        _list(_load(), as_json, Setting())


@command.command("list")
@click.option("--json", "as_json", is_flag=True)
@setting_options
def list_methods(as_json: bool, **setting: Any) -> None:
    """All methodologies: what each needs, and whether it is open.

    With an operator pack, by its figures and its catalogue; without --on as of the last day that any of them knows.
    """
    catalogue = _load()
    _list(catalogue, as_json, make_setting(catalogue, **setting))


@command.command("show")
@click.argument("method_id", metavar="ID")
@click.option("--json", "as_json", is_flag=True)
@setting_options
def show(method_id: str, as_json: bool, **setting: Any) -> None:
    """One methodology: scenarios, boundary, record, figures with their documents, formulas, rules, overlaps."""
    catalogue = _load()
    method = catalogue.newest(known_method(catalogue, method_id))
    chosen = make_setting(catalogue, **setting)
    data = summary(catalogue, method, chosen) | detail(method, _figures(catalogue, method, chosen))
    click.echo(json.dumps(data, ensure_ascii=False, indent=2) if as_json else "\n".join(lines(data)))


@command.command("check")
@click.argument("path", type=click.Path(exists=True, path_type=Path))
@click.option("--json", "as_json", is_flag=True)
def check(path: Path, as_json: bool) -> None:
    """Read a methodology file, or a folder of versions, as strictly as the shipped ones."""
    files = sorted(path.glob("v*.yaml")) if path.is_dir() else [path]
    if not files:
        raise click.UsageError(f"{path} holds no v1.yaml, v2.yaml, ...")
    catalogue = _load()
    registry, frozen = catalogue.registry, published.read_published(catalogue.folder)
    refused = []
    for file in files:
        try:
            method = read_method(file, registry)
            changed = published.edited(method, frozen)
            if changed:
                raise changed
        except MethodError as error:
            refused.append(error)
            continue
        if not as_json:
            click.echo(
                f"{method.path}: {method.id} version {method.version} is in order ({method.hash[:12]})"
            )
    if as_json:
        click.echo(json.dumps([_error(e) for e in refused], ensure_ascii=False, indent=2))
    elif refused:
        click.echo("\n".join(str(e) for e in refused), err=True)
    sys.exit(1 if refused else 0)


@command.command("cases")
@click.argument("method_id", metavar="ID", required=False)
@click.option("--json", "as_json", is_flag=True)
@click.option("--engine", type=click.Choice([*ENGINES, "all"]), default="one", show_default=True)
@click.option("--master", default="local[1]", show_default=True, metavar="URL", help="Spark's master.")
def cases(method_id: str | None, as_json: bool, engine: str, master: str) -> None:
    """Run the worked cases of one methodology, or of all, with no tolerance.

    `one` computes a record with exact fractions, `duckdb` and `spark` compute columns; whatever the engine, its
    whole result must also be the exact one.
    """
    catalogue = _load()
    wanted = [known_method(catalogue, method_id)] if method_id else list(catalogue.methods)
    try:
        found = [case for name in wanted for case in read_cases(name, catalogue)]
        results = run_cases(found, catalogue, engine, master)
    except MethodError as error:
        refuse(str(error))
    failed = [r for r in results if r["differences"]]
    if as_json:
        click.echo(json.dumps(results, ensure_ascii=False, indent=2))
    else:
        for result in failed:
            click.echo(
                f"{result['method']}/cases.yaml:{result['line']}: {result['case']} [{result['engine']}]",
                err=True,
            )
            click.echo("".join(f"  {line}\n" for line in result["differences"]), err=True, nl=False)
        click.echo(f"{len(results)} cases, {len(failed)} differ")
    sys.exit(1 if failed else 0)


def _load() -> Catalogue:
    try:
        return catalogues.load()
    except MethodError as error:
        refuse(str(error))
        raise


def _error(error: MethodError) -> dict[str, Any]:
    return {"file": error.file, "line": error.line, "reason": error.reason, "remedy": error.remedy}


def _list(catalogue: Catalogue, as_json: bool, setting: Setting) -> None:
    rows = [summary(catalogue, versions[-1], setting) for versions in catalogue.methods.values()]
    if as_json:
        click.echo(json.dumps(rows, ensure_ascii=False, indent=2))
        return
    for row in rows:
        number = row["behaviour"] if row["behaviour"] is not None else "-"
        status = row["status"] if row["open"] else "closed"
        click.echo(f"{row['id']:<20} {number:>3}  v{row['version']}  {status:<13} {row['grade']:<17} "
                   f"{row['titles']['zh']} · {row['titles']['en']}")  # fmt: skip
        if not row["open"]:
            click.echo(f"{'':<26}{row['closed_because']['zh']} / {row['closed_because']['en']} [{CLAUSE.id}]")


def summary(catalogue: Catalogue, method: Method, setting: Setting) -> dict[str, Any]:
    """The contract's line of a methodology. `grade` is the lowest grade among the figures it would
    compute with today's newest figures, or among the best that were found where the operator must supply
    one. `open` says whether the operator's catalogue has it open, on the day of the setting or the last known."""
    listing, region = (
        setting.pack.listing if setting.pack else None,
        catalogue.registry.region(setting.region),
    )
    closed = listing.closed(method.id, region, setting.on or date.max) if listing else None
    newest = _figures(catalogue, method, setting)
    grades = {c.grade for c in newest.chosen.values() if c.id}
    for name in newest.missing:
        selection = method.parameters[name].selection
        candidates = selection.candidates if selection else ()
        grades |= {catalogue.registry.factors[c].grade for c in candidates} or {"operator"}
    return {
        "id": method.id,
        "behaviour": method.behaviour,
        "standard": method.standard,
        "version": method.version,
        "published": method.published.isoformat(),
        "grade": max(grades, key=GRADES.index) if grades else "standard",
        "status": "needs_figure" if newest.missing else "ready",
        "open": closed is None,
        "closed_because": both(closed) if closed else None,
        "titles": both(method.titles),
    }


def _figures(catalogue: Catalogue, method: Method, setting: Setting) -> Resolution:
    """What every parameter takes on the day of the setting or the last known, open or closed."""
    if setting.pack and setting.pack.listing:
        pack = replace(setting.pack, listing=None, hash=f"{setting.pack.hash} unlisted")
        setting = replace(setting, pack=pack)
    return resolve(method, catalogue.registry, setting, setting.on or date.max)
