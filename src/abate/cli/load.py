"""`abate load`: a file of events of any size through the pipeline, in bounded memory, as often as one likes."""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import click

from abate.cli.installation import NewFile
from abate.platform.doors.errors import Problem, SetupError

if TYPE_CHECKING:
    from abate.platform.events.models import File


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--party", "code", required=True, help="Code of the partner whose events these are.")
@click.option(
    "--declare",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="JSON file: encoding, zone, sheet, columns, units, constants.",
)
@click.option("--dry-run", is_flag=True, help="Judge every row and book nothing.")
@click.option(
    "--back",
    type=NewFile(),
    help="Write the file again into a new file, with a column that says what is wrong with a row.",
)
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
def command(
    file: Path,
    code: str,
    declare: Path | None,
    dry_run: bool,
    back: Path | None,
    chunk: int,
    data_dir: Path,
    as_json: bool,
) -> None:
    """Book the events in FILE (.jsonl, .csv, .xlsx, .parquet).

    Events that are refused, or whose id stands for another event, are listed in FILE.errors.jsonl, each with its line,
    reason and remedy; they do not stop the others. Stopped in between, the same command goes on where it ended. Loading a
    file again books nothing twice. With ABATE_SCANNER the file is scanned first. It is the operator's own loading: the
    partner's quota of events is neither asked nor used. Exit 0: every event is booked; 1: some are in the error file.
    """
    from abate.platform.config import setup  # lazy: `abate load --help` must not start Django

    try:
        setup.environment(data_dir)
        setup.migrate()
        setup.become_application()
        text = declare.read_text(encoding="utf-8") if declare else ""
        counts = load(file, code, chunk, declared=text, rehearsal=dry_run, back=back)
    except SetupError as fault:
        click.echo(str(fault), err=True)
        sys.exit(1)
    except UnicodeDecodeError:
        raise click.UsageError("--declare is no UTF-8") from None
    except Problem as problem:
        tell(problem)
        sys.exit(1)
    wrong = counts["refused"] + counts["conflict"]
    errors = f"{file}.errors.jsonl" if wrong else None
    if as_json:
        found = {"events": counts.total(), "outcomes": dict(counts), "errors": errors, "dry_run": dry_run}
        click.echo(json.dumps(found))
    else:
        for outcome, number in counts.items():
            click.echo(f"{outcome:20} {number:>12,}")
        if dry_run:
            click.echo("nothing was booked")
        if errors:
            click.echo(f"reasons: {errors}")
    sys.exit(1 if wrong else 0)


def tell(problem: Problem) -> None:
    detail = f" ({problem.detail})" if problem.detail else ""
    click.echo(f"{problem.code}: {problem.en}{detail}\n  {problem.remedy_en}", err=True)
    click.echo(f"  {problem.zh}{problem.remedy_zh}", err=True)


def load(
    path: Path, code: str, size: int, *, declared: str = "", rehearsal: bool = False, back: Path | None = None
) -> Counter[str]:
    """Book the file chunk by chunk; returns how many events came to each outcome. Needs Django set up.

    Raises PartySuspended, FileHarmful, FileNotScanned, ScannerAway, FileRefused, SetupError where `back` cannot be written;
    what was booked before stays booked, and is gone on with by the next call.
    """
    from abate.platform import loading  # lazy: models exist once Django has started
    from abate.platform.events import actions_files as actions  # lazy: as above
    from abate.platform.events.files_errors import FileAtWork  # lazy: as above
    from abate.platform.parties import errors, queries  # lazy: as above

    party = queries.party(code)
    if party.status != "active":
        raise errors.PartySuspended(code)
    loading.require_clean(path, party)
    file = actions.open_file(
        party_id=party.pk,
        name=path.name[: actions.LONGEST_NAME],
        sha256=loading.sha256_of(path),
        size=path.stat().st_size,
        declaration=loading.declared(party, declared).text,
        rehearsal=rehearsal,
        via="command",
        client_id="load",
    )
    if file.rows:
        click.echo(f"going on after {file.rows:,} events that are booked", err=True)
    if not loading.load(
        file, path, party, size=size, told=lambda rows: click.echo(f"{rows:,} events", err=True)
    ):
        raise FileAtWork(path.name[:60])
    _list(file, path)
    if file.refusal:
        raise loading.refusal_of(file)
    if back is not None:
        try:
            loading.give_back(file, party, path, back)
        except OSError as fault:
            raise SetupError("back-not-written", back=back, strerror=fault.strerror) from None
    return Counter(file.counts)


def _list(file: File, path: Path) -> None:
    """The error file beside the loaded one; none where nothing is wrong."""
    from abate.platform.events import queries_files  # lazy: models exist once Django has started
    from abate.platform.events.outcomes import Outcome  # lazy: as above
    from abate.platform.events.reasons import REASONS  # lazy: as above

    listed = path.with_name(path.name + ".errors.jsonl")
    with listed.open("w", encoding="utf-8") as out:
        for line, event_id, outcome, reason in queries_files.all_wrong_rows(file):
            told = {"line": line, "id": event_id, "outcome": Outcome(outcome).text, "reason": reason}
            if known := REASONS.get(reason.partition(":")[0]):
                told |= {"detail": known.text("en"), "remedy": known.remedy_text("en")}
            out.write(json.dumps(told, ensure_ascii=False) + "\n")
    if not listed.stat().st_size:
        listed.unlink()
