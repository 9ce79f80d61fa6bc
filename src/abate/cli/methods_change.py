"""`abate methods diff`, `derive-coef`, `what-if`, `publish`, `schema`: comparing and changing a
methodology."""

from __future__ import annotations

import json
import tempfile
import time
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from abate.cli.factors_change import load, pairs
from abate.cli.setting import data_options, known_method, make_setting, refuse, setting_options
from abate.cli.showing import effect_data, effect_lines, kilograms
from abate.quantify import coefficient, coefficient_document, methods_diff, published, schema, whatif
from abate.quantify.columns import InputError, NotColumnar, quantify_file
from abate.quantify.factors import FactorError
from abate.quantify.polynomial import NotPolynomial
from abate.quantify.reading import MethodError, read_method
from abate.quantify.units import decimal_text
from abate.quantify.whatif_change import change

REFUSALS = (MethodError, FactorError, InputError, NotColumnar, NotPolynomial)


@click.command("diff")
@click.argument("a", metavar="A")
@click.argument("b", metavar="B")
@click.option("--json", "as_json", is_flag=True)
@data_options
def diff(a: str, b: str, data: tuple[Path, ...], as_json: bool, **setting: Any) -> None:
    """Two versions section by section: ID@1 ID@2, or files; and their effect on recorded data."""
    catalogue = load()
    effect = None
    try:
        one, two = (methods_diff.read_version(name, catalogue) for name in (a, b))
        changes = methods_diff.diff(one, two)
        if data:
            effect = methods_diff.effect(one, two, data, catalogue, make_setting(catalogue, **setting))
    except REFUSALS as error:
        refuse(str(error))
    if as_json:
        shown = {"changes": [asdict(c) for c in changes], "effect": effect_data(effect) if effect else None}
        click.echo(json.dumps(shown, ensure_ascii=False, indent=2))
        return
    section = ""
    for c in changes:
        if c.section != section:
            section = c.section
            click.echo(section)
        click.echo(f"  {c.name}")
        click.echo(
            "".join(f"    {sign} {text}\n" for sign, text in (("-", c.before), ("+", c.after)) if text),
            nl=False,
        )
    if not changes:
        click.echo("no difference")
    if effect:
        click.echo("\n".join(effect_lines(effect)))


@click.command("derive-coef")
@click.argument("method_id", metavar="ID")
@click.option(
    "--fix", "fixes", multiple=True, metavar="NAME=VALUE", help="A parameter or field; `absent` for a field."
)
@click.option(
    "--from", "start", type=click.DateTime(["%Y-%m-%d"]), required=True, help="Day it comes into force."
)
@click.option("-o", "--out", type=click.Path(path_type=Path), help="Write the new version to this file.")
@setting_options
def derive_coef(
    method_id: str, fixes: tuple[str, ...], start: datetime, out: Path | None, **setting: Any
) -> None:
    """Formula (4), ER = COEF * AD, from (1) to (3) for fixed parameters, with proof that both agree."""
    catalogue = load()
    method = catalogue.newest(known_method(catalogue, method_id))
    made = make_setting(catalogue, **setting)
    try:
        found = coefficient.derive(method, catalogue.registry, made, pairs(fixes), start.date())
        source = catalogue.folder / method_id / f"v{method.version}.yaml"
        text = coefficient_document.document(found, source, method.version + 1)
        pack = coefficient_document.pack(found)
        checked = _prove(found, text, catalogue.registry)
    except REFUSALS as error:
        refuse(str(error))
    for stretch in found.stretches:
        values = ", ".join(f"{k} {decimal_text(v)}" for k, v in stretch.coefficients.items())
        click.echo(f"from {stretch.start}{f' to {stretch.end}' if stretch.end else ''}: per {found.unit} of "
                   f"{found.quantity}: {values} kgCO2e")  # fmt: skip
    click.echo(f"COEF * AD agrees with (1) to (3): as polynomials, and on {checked} sample records exactly")
    if not found.own:
        click.echo(
            "The figures behind it are the operator's, so the coefficient is a figure of the operator too."
        )
    if out is None:
        return
    for path, content in ((out, text), (out.with_suffix(".pack.yaml"), pack)):
        if content is not None:
            if path.exists():
                refuse(f"{path} is there already\n  Name a new file.")
            path.write_text(content, "utf-8")
            click.echo(f"wrote {path}")
    click.echo(
        f"End {method.id} v{method.version} on the day before {start.date()} when you put it beside it."
    )


def _prove(found: coefficient.Derivation, text: str, registry: Any) -> int:
    with tempfile.TemporaryDirectory(prefix="abate-coef-") as folder:
        path = Path(folder) / "derived.yaml"
        path.write_text(text, "utf-8")
        return coefficient.agree(found, read_method(path, registry))


@click.command("what-if")
@click.argument("method_id", metavar="ID")
@click.argument("data", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--set", "sets", multiple=True, required=True, metavar="NAME=VALUE", help="A factor id or a parameter."
)
@click.option("--base", type=click.Path(path_type=Path), help="The stored result of the same data (Parquet).")
@click.option(
    "-o", "--out", type=click.Path(path_type=Path), help="Write the whole new result here (Parquet)."
)
@click.option("--json", "as_json", is_flag=True)
@setting_options
def what_if(
    method_id: str,
    data: tuple[Path, ...],
    sets: tuple[str, ...],
    base: Path | None,
    out: Path | None,
    as_json: bool,
    **setting: Any,
) -> None:
    """Compute again only the rows that depend on one figure."""
    catalogue = load()
    known_method(catalogue, method_id)
    made = make_setting(catalogue, **setting)
    with tempfile.TemporaryDirectory(prefix="abate-what-if-") as folder:
        try:
            changed = change(method_id, catalogue, made, pairs(sets))
            if base is None:
                base = Path(folder) / "base.parquet"
                quantify_file(method_id, data, base, catalogue, made)
            began = time.monotonic()
            found = whatif.what_if(data, base, method_id, catalogue, made, changed, out)
        except REFUSALS as error:
            refuse(str(error))
    if as_json:
        click.echo(json.dumps(asdict(found), ensure_ascii=False, indent=2))
        return
    click.echo(
        f"{found.recomputed:,} of {found.rows:,} rows computed again in {time.monotonic() - began:.2f} s"
    )
    click.echo(f"ER {kilograms(found.before_mg)} -> {kilograms(found.after_mg)}")
    for before, after, rows in found.transitions:
        if before != after:
            click.echo(f"  {before} -> {after}: {rows:,} records")


@click.command("publish")
@click.argument("method_id", metavar="ID", required=False)
@click.option("--all", "everything", is_flag=True, help="Every version of every methodology.")
def publish(method_id: str | None, everything: bool) -> None:
    """Freeze versions by their hash; from then on an edit is refused and a new version is written."""
    if (method_id is None) is not everything:
        raise click.UsageError("Name one methodology, or --all.")
    catalogue = load()
    ids = [known_method(catalogue, method_id)] if method_id else list(catalogue.methods)
    try:
        new = published.publish(catalogue.folder, [m for i in ids for m in catalogue.methods[i]])
    except MethodError as error:
        refuse(str(error))
    for method in new:
        click.echo(f"{method.id} v{method.version} {method.hash}")
    click.echo(f"{len(new)} newly published")


@click.command("schema")
@click.argument("method_id", metavar="ID")
def show_schema(method_id: str) -> None:
    """The activity record as JSON Schema 2020-12, for partners."""
    catalogue = load()
    method = catalogue.newest(known_method(catalogue, method_id))
    click.echo(json.dumps(schema.json_schema(method), ensure_ascii=False, indent=2))


COMMANDS = (diff, derive_coef, what_if, publish, show_schema)
