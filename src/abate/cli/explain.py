"""`abate explain`: one record, every step of its calculation."""

from __future__ import annotations

import json
import sys
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import click

from abate.cli.setting import known_method, make_setting, refuse, setting_options
from abate.quantify import catalogue as catalogues
from abate.quantify import explain
from abate.quantify.one import quantify_one
from abate.quantify.outcome import Outcome
from abate.quantify.reading import MethodError

FORMATS = ("text", "json", "html")


@click.command()
@click.argument("method_id", metavar="ID")
@click.option(
    "--record", required=True, metavar="JSON", help="The activity record: JSON, @FILE, or - for stdin."
)
@click.option("--format", "shape", type=click.Choice(FORMATS), default="text", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
@click.option("--lang", type=click.Choice(("zh", "en")), default="zh", show_default=True)
@setting_options
def command(
    method_id: str,
    record: str,
    shape: str,
    as_json: bool,
    lang: str,
    region: str | None,
    on: datetime | None,
    operator_pack: str | None,
    floor: str,
) -> None:
    """Quantify one record and show every step.

    Exit code 1 where the record is refused, and where it is a project's and may not be counted in its total.
    """
    try:
        catalogue = catalogues.load()
    except MethodError as error:
        refuse(str(error))
    known_method(catalogue, method_id)
    setting = make_setting(catalogue, region, on, operator_pack, floor)
    quantity, explanation = quantify_one(_read(record), method_id, catalogue, setting)
    render = {"text": explain.render_text, "json": explain.render_json, "html": explain.render_html}
    click.echo(render["json" if as_json else shape](explanation, lang), nl=False)
    left_out = quantity.outcome is Outcome.NOT_COUNTED and catalogue.newest(method_id).project_total
    sys.exit(1 if left_out or quantity.outcome is Outcome.REFUSED else 0)


def _read(text: str) -> Any:
    """The record as written: decimals stay decimals, and a key that stands twice is refused."""
    if text == "-":
        text = sys.stdin.read()
    elif text.startswith("@"):
        path = Path(text[1:])
        if not path.is_file():
            raise click.UsageError(f"{path} is not a file.")
        text = path.read_text("utf-8")
    try:
        return json.loads(text, parse_float=Decimal, object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        refuse(f"malformed: the record is not JSON: {error}\n  Send one JSON object of fields and values.")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice")
    return found
