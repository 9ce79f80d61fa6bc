"""`abate factors`: the registry, every figure with its document, table and how it was seen."""

from __future__ import annotations

import json
from dataclasses import fields
from typing import Any

import click

from abate.cli.lazy import LazyGroup
from abate.cli.setting import refuse
from abate.quantify import catalogue as catalogues
from abate.quantify.factors import KINDS, Factor, Registry
from abate.quantify.method import Text
from abate.quantify.reading import MethodError


class _Factors(LazyGroup):
    MODULE = "abate.cli.factors_change"
    LATER = ("import", "diff", "where")


@click.group(cls=_Factors, invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="The list as JSON.")
@click.pass_context
def command(context: click.Context, as_json: bool) -> None:
    """List and show emission factors with their sources."""
    if context.invoked_subcommand is None:
        _list(None, None, None, as_json)


@command.command("list")
@click.option("--kind", type=click.Choice(KINDS))
@click.option("--family", help="Only one family, like cn-grid-average.")
@click.option("--region", help="Only one region, like CN-北京 or beijing.")
@click.option("--json", "as_json", is_flag=True)
def list_factors(kind: str | None, family: str | None, region: str | None, as_json: bool) -> None:
    """All factors, or those of a kind, family or region."""
    _list(kind, family, region, as_json)


@command.command("show")
@click.argument("factor_id", metavar="ID")
@click.option("--json", "as_json", is_flag=True)
def show(factor_id: str, as_json: bool) -> None:
    """One factor with everything that is known about it."""
    factor = _registry().factors.get(factor_id)
    if factor is None:
        raise click.UsageError(f"There is no factor {factor_id!r}. See `abate factors list`.")
    data = as_data(factor)
    if as_json:
        click.echo(json.dumps(data, ensure_ascii=False, indent=2))
        return
    for key, value in data.items():
        if value not in (None, ""):
            click.echo(f"{key:<14} {value['zh'] + ' · ' + value['en'] if isinstance(value, dict) else value}")


def _registry() -> Registry:
    try:
        return catalogues.load().registry
    except MethodError as error:
        refuse(str(error))
        raise


def as_data(factor: Factor) -> dict[str, Any]:
    """Plain data; the value as its source prints it."""
    data: dict[str, Any] = {}
    for column in fields(factor):
        value = getattr(factor, column.name)
        if column.name == "value_text":
            continue
        if column.name == "value":
            data["value"] = factor.value_text
        elif isinstance(value, Text):
            data[column.name] = {"zh": value.zh, "en": value.en}
        else:
            data[column.name] = value if isinstance(value, str) or value is None else value.isoformat()
    return data


def _list(kind: str | None, family: str | None, region: str | None, as_json: bool) -> None:
    registry = _registry()
    code = registry.region(region)
    found = [
        f
        for f in registry.factors.values()
        if kind in (None, f.kind) and family in (None, f.family) and code in (None, f.region)
    ]
    if as_json:
        click.echo(json.dumps([as_data(f) for f in found], ensure_ascii=False, indent=2))
        return
    for f in found:
        click.echo(f"{f.id:<40} {f.value_text:>10} {f.unit:<18} {f.region:<9} {f.kind:<17} {f.grade:<17} "
                   f"{f.published or '-'}  {f.name.en}")  # fmt: skip
    click.echo(f"{len(found)} factors", err=True)
