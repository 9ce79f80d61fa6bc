"""`abate estimate`: R of online meetings and eta of digital reading, from a sample to the bound that is used."""

from __future__ import annotations

import hashlib
import importlib.util
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from abate.cli.setting import refuse
from abate.quantify.catalogue import SHIPPED
from abate.quantify.estimate_document import Estimate, read_document
from abate.quantify.estimate_input import EstimateError
from abate.quantify.estimate_policy import read_policy
from abate.quantify.reading_yaml import MethodError

F = TypeVar("F", bound=Callable[..., Any])
PARAMETER = {"rate": ("online-meeting", "rate"), "eta": ("digital-reading", "eta")}


@click.group()
def command() -> None:
    """Estimate R or eta from a sample; the lower confidence bound is what an operator's pack takes."""
    if not all(map(_installed, ("numpy", "scipy", "statsmodels"))):
        raise click.ClickException(
            "`abate estimate` needs statistics packages that are not installed.\n"
            '  Install them with: pip install "abate[statistics]"'
        )


def _installed(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:
        return False


def _options(command: F) -> F:
    path = click.Path(path_type=Path)
    for option in (
        click.option("--json", "as_json", is_flag=True, help="Print the result as JSON."),
        click.option("--id", "identity", help="Name of the estimate; else that of the output file."),
        click.option("--precision", type=float, help="Half width for which the sample needed is computed."),
        click.option("--level", type=float, help="Level of confidence, from 0.5 to below 1."),
        click.option(
            "--population", type=click.IntRange(1), help="How many there are to ask (simple sample)."
        ),
        click.option("--strata", type=path, metavar="CSV", help="Columns stratum, population."),
        click.option("-o", "--out", type=path, required=True, help="The YAML file to write."),
    ):
        command = option(command)
    return command


@command.command("rate")
@click.argument("file", metavar="CSV", type=click.Path(path_type=Path))
@click.option(
    "--method", "way", type=click.Choice(("survey", "parallel", "duration", "places")), required=True
)
@click.option("--longer-than", type=float, metavar="MINUTES", help="From which length people would have met.")
@click.option(
    "--longer-than-source", default="", metavar="TEXT", help="The document that states that length."
)
@_options
def rate(file: Path, way: str, **options: Any) -> None:
    """R of online meetings, in one of the four ways of 2.3.6."""
    if (way == "duration") != (options["longer_than"] is not None):
        raise click.UsageError("--longer-than belongs to --method duration, and that needs it.")
    _make(way, file, options, surveyed=way == "survey")


@command.command("eta")
@click.argument("file", metavar="CSV", type=click.Path(path_type=Path))
@click.option("--method", "way", type=click.Choice(("survey", "regression")), required=True)
@_options
def eta(file: Path, way: str, **options: Any) -> None:
    """Eta of digital reading, by survey or by regression on history (6.6.2)."""
    _make(f"eta-{way}", file, options, surveyed=way == "survey")


@command.command("check")
@click.argument("file", metavar="ESTIMATE", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.argument("sample", metavar="CSV", type=click.Path(path_type=Path))
@click.option(
    "--strata", type=click.Path(path_type=Path), metavar="CSV", help="That of the survey, if stratified."
)
def check(file: Path, sample: Path, strata: Path | None) -> None:
    """Compute an estimate again from its sample, and compare every line of the document."""
    from abate.quantify import estimate_run  # lazy: the extra `statistics`

    try:
        known = read_document(file)
        found = estimate_run.differences(known, file.read_text("utf-8"), sample, strata, read_policy(SHIPPED))
    except (MethodError, EstimateError) as error:
        refuse(str(error))
    for one, two in found:
        click.echo(f"- {one}\n+ {two}", err=True)
    if found:
        refuse(f"not_proved: {file} is not what {sample} gives\n  Make the estimate again from its sample.")
    click.echo(f"{file}: every line is what {sample} gives; used is {known.value_text} [{known.clause}]")


def _make(way: str, file: Path, options: dict[str, Any], *, surveyed: bool) -> None:
    from abate.quantify import estimate_run  # lazy: the extra `statistics`
    from abate.quantify.estimate_bounds import Asked  # lazy: the extra `statistics`
    from abate.quantify.estimate_write import document  # lazy: the extra `statistics`

    if not surveyed and (options["strata"] or options["population"]):
        raise click.UsageError("--strata and --population belong to --method survey.")
    if options["strata"] and options["population"]:
        raise click.UsageError("--strata has the populations; --population is for a simple sample.")
    policy = read_policy(SHIPPED)
    level, precision = (
        float(getattr(policy, name).value) if options[name] is None else options[name]
        for name in ("level", "precision")
    )
    if not (0.5 <= level < 1 and 0 < precision < 1):
        raise click.UsageError("--level is from 0.5 to below 1, --precision between 0 and 1.")
    out: Path = options["out"]
    if out.exists():
        refuse(f"{out} is there already, and an estimate is never overwritten\n  Name a new file.")
    told = estimate_run.Told(
        options["strata"],
        options["population"],
        options.get("longer_than"),
        options.get("longer_than_source", ""),
    )
    identity = options["identity"] or out.stem
    try:
        made = estimate_run.make(way, file, identity, Asked(level, precision), told, policy)
    except EstimateError as error:
        refuse(str(error))
    text = document(made)
    out.write_text(text, "utf-8")
    digest = hashlib.sha256(text.encode()).hexdigest()
    click.echo(_json(made, digest) if options["as_json"] else "\n".join(_lines(made, out, digest)))


def _json(e: Estimate, digest: str) -> str:
    data = {
        "id": e.id, "quantity": e.quantity, "way": e.way, "clause": e.clause, "value": e.value_text,
        "point": e.point, "standard_error": e.standard_error, "level": e.level, "two_sided": e.two_sided,
        "one_sided": e.one_sided, "asked": e.asked, "units": e.units, "population": e.population,
        "required": e.required, "precision": e.precision, "period": [str(d) for d in e.period],
        "review_by": str(e.review_by), "input_sha256": e.input_sha256, "sha256": digest,
    }  # fmt: skip
    return json.dumps(data, ensure_ascii=False, indent=2)


def _lines(e: Estimate, out: Path, digest: str) -> list[str]:
    percent = f"{float(e.level) * 100:g} %"
    needed = "enough" if e.units >= e.required else f"{e.units} are not enough for that"
    method, parameter = PARAMETER[e.quantity]
    return [
        f"{e.design.zh} · {e.design.en}  [{e.clause}]",
        f"  点估计 / point estimate      {e.point}   标准误 / standard error {e.standard_error}",
        f"  双侧 {percent} / two-sided     {e.two_sided[0]} .. {e.two_sided[1]}",
        f"  单侧下限 / one-sided lower   {e.one_sided[0]}   {e.statistics.zh} · {e.statistics.en}",
        f"  采用 / used                  {e.value_text}",
        f"  样本 / sample                {e.units} of {e.asked} asked; for ±{e.precision}: {e.required} ({needed})",
        f"  时期 / period                {e.period[0]} .. {e.period[1]}   复审 / review by {e.review_by}",
        *(f"  {remark.zh} · {remark.en}" for remark in e.remarks),
        "",
        f"wrote {out}. In the operator's pack beside it:",
        f"  - method: {method}",
        f"    parameter: {parameter}",
        f"    estimate: {{file: {out.name}, sha256: {digest}}}",
    ]
