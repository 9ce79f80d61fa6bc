"""`abate factors import`, `diff` and `where`: figures from outside, two sets side by side, where a
number comes from."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from fractions import Fraction
from pathlib import Path
from typing import Any

import click

from abate.cli.setting import data_options, known_method, make_setting, refuse
from abate.cli.showing import effect_data, effect_lines
from abate.quantify import catalogue as catalogues
from abate.quantify import factors_diff, factors_import
from abate.quantify.catalogue import Catalogue
from abate.quantify.columns import InputError, NotColumnar
from abate.quantify.factors import FactorError
from abate.quantify.factors_where import Place, places
from abate.quantify.reading import MethodError


def load() -> Catalogue:
    try:
        return catalogues.load()
    except MethodError as error:
        refuse(str(error))
        raise


def pairs(texts: tuple[str, ...]) -> dict[str, str]:
    """NAME=VALUE options as a table."""
    found = {}
    for text in texts:
        name, sign, value = text.partition("=")
        if not sign or not name:
            raise click.UsageError(f"{text!r} is not NAME=VALUE.")
        found[name] = value
    return found


@click.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--mapping", default="house", show_default=True, help="A mapping file, or `uk-flat`, or `house`."
)
@click.option("--set", "given", multiple=True, metavar="NAME=VALUE", help="What the mapping asks for.")
@click.option("--revision", default="", help="A word for ids of values that differ from a shipped one.")
@click.option("--write", type=click.Path(path_type=Path), help="Write the new factors to this new CSV file.")
@click.option(
    "--supersede", is_flag=True, help="With --write: mark the older factors beside it as superseded."
)
@click.option("--json", "as_json", is_flag=True)
def import_factors(
    file: Path,
    mapping: str,
    given: tuple[str, ...],
    revision: str,
    write: Path | None,
    supersede: bool,
    as_json: bool,
) -> None:
    """Show what importing FILE would add; write nothing unless --write is given. Exit code 1 where rows are
    refused."""
    catalogue = load()
    try:
        mapped = factors_import.read_mapping(mapping, catalogue.folder)
        found = factors_import.propose(file, mapped, catalogue.registry, pairs(given), revision)
    except MethodError as error:
        refuse(str(error))
    if as_json:
        data = {
            "added": list(found.rows),
            "unchanged": list(found.unchanged),
            "refused": [asdict(r) for r in found.refused],
            "supersedes": dict(found.supersedes),
            "skipped": dict(found.skipped),
        }
        click.echo(json.dumps(data, ensure_ascii=False, indent=2))
    else:
        _show_proposal(found)
    if write is not None and found.added:
        if write.exists():
            refuse(f"{write} is there already: a factor file is never overwritten\n  Name a new file.")
        write.write_text(found.csv(), "utf-8")
        if supersede:
            click.echo(
                f"{factors_import.apply_supersessions(write.parent, found.supersedes)} marked as superseded",
                err=True,
            )
    sys.exit(1 if found.refused else 0)


def _show_proposal(found: factors_import.Proposal) -> None:
    for factor in found.added:
        click.echo(
            f"+ {factor.id:<44} {factor.value_text:>10} {factor.unit:<18} {factor.published}  "
            f"{factor.name.en}"
        )
    for older, newer in found.supersedes.items():
        click.echo(f"> {older} would be superseded by {newer}")
    for refused in found.refused:
        click.echo(f"! line {refused.line}: {refused.code}: {refused.reason}\n    {refused.remedy}", err=True)
    for why, count in found.skipped.items():
        click.echo(f"- {count} rows left out: {why}")
    click.echo(f"{len(found.added)} new, {len(found.unchanged)} unchanged, {len(found.refused)} refused, "
               f"{len(found.supersedes)} supersessions")  # fmt: skip


@click.command("diff")
@click.argument("a", metavar="A")
@click.argument("b", metavar="B")
@click.option("--method", "method_id", metavar="ID", help="The methodology of the recorded data.")
@click.option("--json", "as_json", is_flag=True)
@data_options
def diff(
    a: str, b: str, data: tuple[Path, ...], method_id: str | None, as_json: bool, **setting: Any
) -> None:
    """What changed between two sets, like uk-2023 and uk-2025, or two factor files."""
    catalogue = load()
    effect = None
    try:
        found = factors_diff.diff(a, b, catalogue.registry)
        if data:
            if method_id is None:
                raise click.UsageError("Name the methodology of the data: --method ID.")
            made = make_setting(catalogue, **setting)
            effect = factors_diff.effect(found, data, known_method(catalogue, method_id), catalogue, made)
    except (MethodError, FactorError, InputError, NotColumnar) as error:
        refuse(str(error))
    if as_json:
        shown = {
            "changed": [_pair(p) for p in found.changed],
            "same": sum(1 for p in found.pairs if p.same),
            "removed": [f.id for f in found.removed],
            "added": [f.id for f in found.added],
            "effect": effect_data(effect) if effect else None,
        }
        click.echo(json.dumps(shown, ensure_ascii=False, indent=2))
        return
    for p in found.changed:
        mark = "superseded" if p.superseded else ""
        click.echo(
            f"{p.key:<36} {p.a.value_text:>10} -> {p.b.value_text:>10} {p.b.unit:<17} "
            f"{percent(p.change):>9}  {mark}"
        )
    click.echo(f"{len(found.changed)} changed, {len(found.pairs) - len(found.changed)} the same, "
               f"{len(found.removed)} only in {a}, {len(found.added)} only in {b}")  # fmt: skip
    if effect:
        click.echo("\n".join(effect_lines(effect)))


def percent(change: Fraction | None) -> str:
    return "-" if change is None else f"{float(change) * 100:+.1f} %"


def _pair(p: factors_diff.Pair) -> dict[str, Any]:
    return {"key": p.key, "a": p.a.id, "b": p.b.id, "before": p.a.value_text, "after": p.b.value_text,
            "unit": [p.a.unit, p.b.unit], "change": percent(p.change),
            "superseded": p.superseded}  # fmt: skip


@click.command("where")
@click.argument("value_or_id", metavar="VALUE|ID")
@click.option("--json", "as_json", is_flag=True)
def where(value_or_id: str, as_json: bool) -> None:
    """Where a number comes from: document, table, how it was seen, and which methodologies take it."""
    catalogue = load()
    found = places(value_or_id, catalogue)
    if not found:
        refuse(
            f"{value_or_id} stands nowhere in the factors, methodologies or shipped packs\n"
            "  Give a factor id, a figure's id as a result names it, or a value as it is printed."
        )
    if as_json:
        click.echo(json.dumps([asdict(p) for p in found], ensure_ascii=False, indent=2))
        return
    click.echo("\n\n".join("\n".join(_place_lines(p)) for p in found))


def _place_lines(p: Place) -> list[str]:
    lines = [f"{p.id}: {p.value} {p.unit}", f"  {p.what}", f"  document: {p.document}", f"  place: {p.place}"]
    lines += [f"  seen: {p.seen}"] if p.seen else []
    lines += [f"  {p.dates}"] if p.dates else []
    return [*lines, f"  taken by: {', '.join(p.taken_by) or 'no methodology'}"]


COMMANDS = (import_factors, diff, where)
