"""`abate log`: the log as files, and who may look into it."""

from __future__ import annotations

import json
import os
import sys
from datetime import datetime
from pathlib import Path
from typing import Any, NoReturn

import click

from abate.cli import plain_file
from abate.cli.deciding import entitled
from abate.platform.doors.errors import Problem, SetupError

_data_dir = click.option(
    "--data-dir",
    type=click.Path(file_okay=False, path_type=Path),
    default=lambda: Path(os.environ.get("ABATE_DATA_DIR", ".abate")),
    show_default="ABATE_DATA_DIR or .abate",
    help="Where the installation keeps its secrets and, without DATABASE_URL, its database.",
)
_as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def _start(data_dir: Path) -> None:
    from abate.platform.config import setup  # lazy: `abate log --help` must not start Django

    try:
        setup.environment(data_dir)
        setup.migrate()
    except SetupError as fault:
        click.echo(str(fault), err=True)
        sys.exit(1)


def _refuse(problem: Problem) -> NoReturn:
    detail = f" ({problem.detail})" if problem.detail else ""
    click.echo(f"{problem.code}: {problem.en}{detail}\n  {problem.remedy_en}", err=True)
    click.echo(f"  {problem.zh}{problem.remedy_zh}", err=True)
    sys.exit(1)


@click.group()
def command() -> None:
    """Export the log, and let verifiers look into it. What is not for the public asks to sign in first: `abate staff sign-in`."""


@command.command()
@click.argument("folder", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
@click.option("--entries", is_flag=True, help="With the bundles of leaves: not for the public.")
@click.option(
    "--openings",
    "with_openings",
    is_flag=True,
    help="With bundles, what opens them (openings.jsonl), the approved rates (rules.jsonl) and zones (zones.jsonl), for a "
    "verifier of every figure.",
)
@click.option("--whole", is_flag=True, help="Write every file again, not only what is new.")
@_as_json
@_data_dir
def export(
    folder: Path, entries: bool, with_openings: bool, whole: bool, as_json: bool, data_dir: Path
) -> None:
    """Write the log to DIR as static files; run again, it adds what is new.

    Checkpoint and tiles are public. Bundles hold amounts and times of single persons' entries, openings say who by
    pseudonym, when and what: give those to verifiers only. They ask for a second factor shown only minutes ago, and who
    took what is written down; checkpoint and tiles need nobody.
    """
    _start(data_dir)
    from abate.platform.log import export as files  # lazy: models exist once Django has started
    from abate.platform.review import audit  # lazy: as above

    try:
        if entries or with_openings:
            entitled("view", "openings", fresh=True)
            audit.read("log.leaves")
        size = files.write_files(folder, entries=entries or with_openings, whole=whole)
    except Problem as problem:
        _refuse(problem)
    opened = _write_openings(folder, size) if with_openings else None
    if with_openings:
        _write_approved(folder, size)
    else:
        _tell_of_earlier(folder)
    if as_json:
        click.echo(json.dumps({"folder": str(folder), "size": size, "opened": opened}))
    else:
        more = "" if opened is None else f", {opened} of them opened"
        click.echo(f"{folder} holds the log of {size} entries{more}. Check it: abate verify {folder}")


def _tell_of_earlier(folder: Path) -> None:
    """What an earlier export with openings left there: it is older than this log, and not for everybody."""
    from abate.bookkeeping import openings, rules, zones  # lazy: only here

    left = [name for name in (openings.FILE, rules.FILE, zones.FILE) if (folder / name).exists()]
    if left:
        names = "、".join(left), ", ".join(left)
        click.echo(
            f"{folder} 中还有以前导出的 {names[0]}：不含此后的条目，且只给核查人员。请加 --openings 重写，或移走后再公开。\n"
            f"{folder} still holds {names[1]} of an earlier export: without the entries since, and for verifiers only. Write "
            "them again with --openings, or move them away before the folder is given to others.",
            err=True,
        )


def _write_openings(folder: Path, size: int) -> int:
    from django.db import transaction  # lazy: needs Django's settings

    from abate.bookkeeping.openings import FILE  # lazy: only here
    from abate.platform.log import actions  # lazy: models exist once Django has started
    from abate.platform.review import audit  # lazy: as above
    from abate.platform.web.openings import openings  # lazy: as above

    part, count = folder / f".{FILE}.part", 0
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        if size:
            with transaction.atomic():
                actions.note_reading("openings", 0, size - 1)
                audit.read("log.openings", f"0-{size - 1}")
        for count, one in enumerate(openings(0, size - 1), 1):  # noqa: B007 (the count is wanted after it)
            file.write(one.line() + "\n")
        file.flush()
        os.fsync(file.fileno())
    part.replace(folder / FILE)
    return count


def _write_approved(folder: Path, size: int) -> None:
    """The approved rules of conversion, against which a verifier holds every award's credits, and whose days were counted."""
    from abate.bookkeeping import rules, zones  # lazy: only here
    from abate.platform.review import queries as review  # lazy: models exist once Django has started

    made = {
        rules.FILE: [rules.line(document) for _, document in review.approved(rules.ACTION, size)],
        zones.FILE: [zones.line(at, document) for at, document in review.approved(zones.ACTION, size)],
    }
    for name, lines in made.items():
        part = folder / f".{name}.part"
        part.write_text("".join(f"{one}\n" for one in lines), encoding="utf-8")
        part.replace(folder / name)


@command.command()
@click.option("--from", "old", required=True, type=click.IntRange(min=1), help="Size of the older head.")
@click.option("--to", "new", type=click.IntRange(min=1), help="Size of the newer head; left out, the newest.")
@click.option("-o", "--out", type=click.Path(dir_okay=False, path_type=Path), help="File; left out, printed.")
@_data_dir
def prove(old: int, new: int | None, out: Path | None, data_dir: Path) -> None:
    """Prove that the log only grew between two signed heads. Check it: abate verify FILE"""
    if new is not None and new < old:
        raise click.BadParameter(f"{new} is below {old}: from the older head to the newer", param_hint="--to")
    _start(data_dir)
    from abate.bookkeeping import consistency  # lazy: only here
    from abate.platform.log import queries  # lazy: models exist once Django has started
    from abate.platform.log.errors import NoHead  # lazy: as above

    notes = [queries.checkpoint_of(size) for size in (old, new or queries.size())]
    if notes[0] is None or notes[1] is None:
        _refuse(NoHead(f"{old} to {new or queries.size()}"))
    text = json.dumps(consistency.document(notes[0], notes[1], queries.nodes()), ensure_ascii=False)
    if out is None:
        click.echo(text)
    else:
        out.write_text(text + "\n", encoding="utf-8")


@command.command()
@click.argument("code")
@click.option(
    "--entries", "span", required=True, metavar="FIRST-LAST", help="Numbers of entries, such as 0-99."
)
@click.option("--reason", required=True, help="The case: why this verifier looks into these entries.")
@click.option("--days", type=int, default=30, show_default=True, help="How long, in days.")
@_as_json
@_data_dir
def access(code: str, span: str, reason: str, days: int, as_json: bool, data_dir: Path) -> None:
    """Let the verifier CODE open entries FIRST to LAST, one by one, every reading written down.

    Asks for a second factor shown only minutes ago.
    """
    first, _, last = span.partition("-")
    if not (first.isdecimal() and last.isdecimal()):
        raise click.BadParameter(f"{span!r} is not like 0-99", param_hint="--entries")
    _start(data_dir)
    from abate.platform.log import actions  # lazy: models exist once Django has started
    from abate.platform.parties import queries as parties  # lazy: as above

    try:
        entitled("add", "openings", fresh=True)
        party = parties.verifier(code)
        given = actions.give_access(party.pk, int(first), int(last), reason, days)
    except Problem as problem:
        _refuse(problem)
    if as_json:
        click.echo(json.dumps({"access": given.pk, "party": code, "until": given.until.isoformat()}))
    else:
        click.echo(
            f"Access {given.pk}: {code} may open entries {first} to {last} until {given.until:%Y-%m-%d}."
        )


@command.command("end")
@click.argument("number", type=int)
@_data_dir
def end(number: int, data_dir: Path) -> None:
    """End the access NUMBER now."""
    _start(data_dir)
    from abate.platform.log import actions  # lazy: models exist once Django has started

    try:
        entitled("delete", "openings")
        actions.end_access(number)
    except Problem as problem:
        _refuse(problem)
    click.echo(f"Access {number} has ended.")


@command.command("sm2-key")
@click.option("--make", is_flag=True, help="Make the key and write it into the secret file; once.")
@_data_dir
def sm2_key(make: bool, data_dir: Path) -> None:
    """Print the log's SM2 verifier key, for `abate verify --sm2-key`."""
    _start(data_dir)
    from abate.bookkeeping import sm2  # lazy: only here
    from abate.platform.doors import keyring  # lazy: as above
    from abate.platform.log import national  # lazy: as above

    try:
        if make:
            private, public = sm2.new_key()
            keyring.add_sm2(Path(os.environ["ABATE_SECRET_FILE"]), private + public)
        key = national.key()
    except (SetupError, sm2.Sm2Missing) as fault:
        click.echo(f"Error: {fault}", err=True)
        sys.exit(1)
    if key is None:
        click.echo("Error: there is no SM2 key yet. Make one: abate log sm2-key --make", err=True)
        sys.exit(1)
    click.echo(str(key))


@command.command()
@click.option(
    "--check",
    "file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A file of anchors: is each a root that this log went through?",
)
@_as_json
@_data_dir
def anchors(file: Path | None, as_json: bool, data_dir: Path) -> None:
    """List the roots that were kept elsewhere, or check a file of them against the stored tree."""
    _start(data_dir)
    from abate.bookkeeping.anchors import see_anchors  # lazy: only here
    from abate.bookkeeping.statement import MAX_BYTES  # lazy: as above
    from abate.bookkeeping.verify import Verdict  # lazy: as above
    from abate.platform.log import queries  # lazy: models exist once Django has started

    if file is None:
        _show(queries.anchors(), ("size", "root", "at", "kept_at"), as_json)
        return
    verdict = Verdict()
    lines = plain_file.read(file, MAX_BYTES, "--check").splitlines(keepends=True)
    verdict.look("anchors", lambda: see_anchors(lines, queries.nodes(), queries.size()))
    one = verdict.checks[0]
    click.echo(
        json.dumps(verdict.document(), ensure_ascii=False) if as_json else f"{one.status}: {one.detail}"
    )
    sys.exit(0 if verdict.ok else 1)


@command.command()
@_as_json
@_data_dir
def accesses(as_json: bool, data_dir: Path) -> None:
    """List every access that was given."""
    _start(data_dir)
    from abate.platform.log import queries  # lazy: models exist once Django has started

    _show(
        queries.accesses(),
        ("id", "party_id", "first", "last", "given_at", "until", "ended_at", "reason"),
        as_json,
    )


@command.command()
@_as_json
@_data_dir
def readings(as_json: bool, data_dir: Path) -> None:
    """List who was shown which leaves and openings, the newest first."""
    _start(data_dir)
    from abate.platform.log import queries  # lazy: models exist once Django has started

    _show(
        queries.readings(),
        ("id", "at", "party_id", "client_id", "what", "first", "last", "access_id"),
        as_json,
    )


def _show(rows: list, names: tuple[str, ...], as_json: bool) -> None:
    from abate.platform.parties import queries as parties  # lazy: models exist once Django has started

    codes = parties.codes()
    shown: list[dict[str, Any]] = []
    for row in rows:
        one: dict[str, Any] = {name: getattr(row, name) for name in names}
        one |= {name: value.isoformat() for name, value in one.items() if isinstance(value, datetime)}
        one |= {
            name: bytes(value).hex() for name, value in one.items() if isinstance(value, bytes | memoryview)
        }
        if "party_id" in one:
            one["party"] = codes.get(one.pop("party_id"), "the operator's own command")
        shown.append(one)
    if as_json:
        click.echo(json.dumps(shown, ensure_ascii=False))
        return
    for one in shown:
        click.echo("  ".join(f"{name}={value}" for name, value in one.items() if value not in (None, "")))
