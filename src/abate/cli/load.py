"""`abate load`: a file of events of any size through the pipeline, in bounded memory, as often as one
likes.
"""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from pathlib import Path

import click

from abate.platform.doors.errors import Problem, SetupError


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--party", "code", required=True, help="Code of the partner whose events these are.")
@click.option(
    "--chunk",
    type=click.IntRange(1, 50_000),
    default=20_000,
    show_default=True,
    help="Events in one transaction.",
)
@click.option(
    "--data-dir",
    type=click.Path(file_okay=False, path_type=Path),
    default=lambda: Path(os.environ.get("ABATE_DATA_DIR", ".abate")),
    show_default="ABATE_DATA_DIR or .abate",
)
@click.option("--json", "as_json", is_flag=True, help="Print the counts as JSON.")
def command(file: Path, code: str, chunk: int, data_dir: Path, as_json: bool) -> None:
    """Book the events in FILE (.jsonl, .csv, .parquet).

    Events that are refused, or whose id stands for another event, are listed in FILE.errors.jsonl, each
    with its line, reason and remedy; they do not stop the others. Loading a file again books nothing
    twice. Exit 0: every event is booked; 1: some are in the error file.
    """
    from abate.platform.config import setup  # lazy: `abate load --help` must not start Django

    try:
        setup.environment(data_dir)
        setup.migrate()
        setup.become_application()
        counts = load(file, code, chunk)
    except SetupError as fault:
        click.echo(str(fault), err=True)
        sys.exit(1)
    except Problem as problem:
        detail = f" ({problem.detail})" if problem.detail else ""
        click.echo(f"{problem.code}: {problem.en}{detail}\n  {problem.remedy_en}", err=True)
        click.echo(f"  {problem.zh}{problem.remedy_zh}", err=True)
        sys.exit(1)
    wrong = counts["refused"] + counts["conflict"]
    errors = f"{file}.errors.jsonl" if wrong else None
    if as_json:
        click.echo(json.dumps({"events": counts.total(), "outcomes": dict(counts), "errors": errors}))
    else:
        for outcome, number in counts.items():
            click.echo(f"{outcome:20} {number:>12,}")
        if errors:
            click.echo(f"reasons: {errors}")
    sys.exit(1 if wrong else 0)


def load(file: Path, code: str, size: int) -> Counter[str]:
    """Book the file chunk by chunk; returns how many events came to each outcome. Needs Django set up."""
    from abate.platform import pipeline  # lazy: models exist once Django has started
    from abate.platform.carbon.basis import catalogue  # lazy: as above
    from abate.platform.doors import clock  # lazy: as above
    from abate.platform.events import files  # lazy: as above
    from abate.platform.events.actions import Arrival  # lazy: as above
    from abate.platform.events.envelope import Reader, Sender  # lazy: as above
    from abate.platform.events.outcomes import Outcome, Result  # lazy: as above
    from abate.platform.events.reasons import REASONS  # lazy: as above
    from abate.platform.parties import errors, queries  # lazy: as above

    party = queries.party(code)
    if party.status != "active":
        raise errors.PartySuspended(code)
    sender = Sender(party.pk, party.code, frozenset(queries.behaviours(party.pk)), "load")
    reader = Reader(sender, catalogue().methods, clock.now())
    counts: Counter[str] = Counter()
    listed = file.with_name(file.name + ".errors.jsonl")

    def line_of(result: Result, line: int) -> str:
        known = REASONS.get((result.reason or "").partition(":")[0])
        told = {"line": line, "id": result.id, "outcome": result.outcome.text, "reason": result.reason}
        if known:
            told |= {"detail": known.text("en"), "remedy": known.remedy_text("en")}
        return json.dumps(told, ensure_ascii=False) + "\n"

    try:
        with listed.open("w", encoding="utf-8") as out:
            for chunk in files.chunks(file, sender, reader, size):
                arrival = Arrival(sender, "file", clock.now(), chunk.digest, len(chunk.read))
                results = pipeline.run_batch(arrival, chunk.read, everything=False)
                counts[Outcome.CREDITED.text] += len(chunk.read) - len(results)
                for result in results:
                    counts[result.outcome.text] += 1
                    if result.outcome in (Outcome.REFUSED, Outcome.CONFLICT):
                        out.write(line_of(result, chunk.lines[result.place]))
                click.echo(f"{counts.total():,} events", err=True)
    except files.FileRefused as fault:
        click.echo(str(fault), err=True)
        sys.exit(1)
    if not listed.stat().st_size:
        listed.unlink()
    return +counts
