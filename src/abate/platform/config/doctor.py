"""What `abate doctor` looks at. Every finding names the remedy; nothing is repaired in silence."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path

from django.conf import settings
from django.db import DatabaseError, OperationalError, connection

from abate.platform.carbon import recomputing
from abate.platform.config import grants
from abate.platform.doors import clock, keyring, messages, private_postgres, rotation
from abate.platform.doors import schema as schemas
from abate.platform.doors.errors import SetupError
from abate.platform.log import anchoring, national
from abate.platform.log import queries as log
from abate.platform.people import recovering
from abate.platform.web import statement_pdf
from abate.quantify import anomalies, catalogue, same_act
from abate.quantify.reading import MethodError

MINIMUM_POSTGRES = 160000
MOST_LATE = 300
"""Seconds that an anchor may be overdue before it is a fault: our policy, a few tries of the adapter."""
LEAST_FREE_BYTES = 2 * 1024**3
UNTOLD = timedelta(hours=1)
"""How long a notice of a recovery may wait before it is named: our policy, three tries of the way it goes."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at. `state` is `ok`, `warning` (works, but not for a city) or `fault` (mend before serving)."""

    name: str
    state: str
    what: str
    remedy: str = ""

    def document(self) -> dict[str, str]:
        return asdict(self)


def secrets() -> Iterator[Finding]:
    path = Path(settings.ABATE_SECRET_FILE)
    try:
        keys = keyring.read(path)
    except SetupError as fault:
        yield Finding("secret file", "fault", f"{fault.what} {fault.why}", fault.remedy)
        return
    if keys.demo and not settings.ABATE_DEMO:
        yield Finding(
            "secret file", "fault", f"{path} holds a demo's secrets.", "Use another ABATE_DATA_DIR."
        )
    elif keys.log_origin.startswith("abate.invalid"):
        yield Finding("log origin", "warning", "The log has no name of its own yet.",
                      "Set log_origin in the secret file to a name you own before the first real receipt.")  # fmt: skip
    else:
        yield Finding("secret file", "ok", f"{path} is complete and closed to others.")


def transport() -> Iterator[Finding]:
    if settings.ABATE_ORIGIN.startswith("https://"):
        yield Finding("transport", "ok", f"{settings.ABATE_ORIGIN} is encrypted.")
    else:
        yield Finding("transport", "warning", f"{settings.ABATE_ORIGIN} is not encrypted; right on this machine only.",
                      "Put a TLS proxy in front; set ABATE_ORIGIN=https://... and ABATE_BEHIND_PROXY=1.")  # fmt: skip
    if settings.ABATE_MESSAGES.endswith((".Console", ".Files")):
        yield Finding("messages", "warning", "One-time codes and notices are written here and sent to nobody.",
                      "Name adapters that send them in ABATE_MESSAGES (docs/howto/notices.md).")  # fmt: skip
    elif none := [kind for kind in messages.KINDS[:2] if not messages.carries(kind)]:
        yield Finding("messages", "warning", f"Nothing is sent by {', '.join(none)}: who has no other contact cannot sign in.",
                      "Name an adapter for it in ABATE_MESSAGES (docs/howto/notices.md).")  # fmt: skip
    if ".push.Push" in settings.ABATE_MESSAGES and find_spec("webpush") is None:
        yield Finding("web push", "fault", "Notices to browsers need the extra `push`, which is not installed.",
                      'pip install "abate[platform,push]"')  # fmt: skip
    if settings.ABATE_REAL_NAME.endswith(".FormProvider"):
        yield Finding("real-name check", "warning", "The built-in check looks at form and check digit; it is no authority.",
                      "Name the adapter of an authority in ABATE_REAL_NAME before real people join.")  # fmt: skip


def server() -> Iterator[Finding]:
    try:
        connection.ensure_connection()
    except OperationalError as fault:
        yield Finding("database", "fault", f"PostgreSQL does not answer: {fault}".strip(),
                      "Check DATABASE_URL and that the server runs.")  # fmt: skip
        return
    with connection.cursor() as cursor:
        for name, wanted, why in (
            ("fsync", "on", "a power cut could lose or tear booked entries"),
            ("synchronous_commit", "on", "an acknowledged event could be lost in a crash"),
            ("full_page_writes", "on", "a power cut could tear a page"),
        ):
            cursor.execute(f"SHOW {name}")
            value = cursor.fetchone()[0]
            yield Finding(f"database {name}", "ok" if value == wanted else "fault",
                          f"{name} is {value}" + ("" if value == wanted else f": {why}"),
                          "" if value == wanted else f"ALTER SYSTEM SET {name} = {wanted}; then reload.")  # fmt: skip
        cursor.execute("SHOW server_version_num")
        number = int(cursor.fetchone()[0])
        state = "ok" if number >= MINIMUM_POSTGRES else "fault"
        yield Finding(
            "database version",
            state,
            f"PostgreSQL {number // 10000}",
            "" if state == "ok" else "Use 16 or newer.",
        )
        cursor.execute("SELECT extract(epoch FROM clock_timestamp())")
        apart = abs(float(cursor.fetchone()[0]) - clock.now().timestamp())
        yield Finding("clocks", "ok" if apart < 2 else "fault", f"Database and program are {apart:.1f} s apart.",
                      "" if apart < 2 else "Run a time service on both machines.")  # fmt: skip
    if private_postgres.address(Path(settings.ABATE_DATA_DIR)).endswith(
        f"host={settings.DATABASES['default']['HOST']}"
    ):
        yield Finding("database kind", "warning", "This is the private PostgreSQL, for trials.",
                      "Set DATABASE_URL to a server with backups before real people join.")  # fmt: skip


def schema() -> Iterator[Finding]:
    try:
        found = schemas.look()
        schemas.check(found)
    except OperationalError:
        return
    except SetupError as fault:
        yield Finding("schema", "fault", f"{fault.what} {fault.why}", fault.remedy)
        return
    if found.waiting:
        yield Finding(
            "schema", "fault", "The database is empty.", "Run `abate setup`, or `abate serve` for a trial."
        )
        return
    yield Finding("schema", "ok", "The schema is up to date.")
    if missing := recomputing.packs_missing():
        yield Finding("former packs", "fault", f"Booked on, and not at hand as they were: {', '.join(missing)}.",
                      "Put each file back to the letter and name it in ABATE_FORMER_PACKS (docs/howto/revalue.md).")  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [grants.ROLE])
        if cursor.fetchone() is None:
            yield Finding(
                "grants", "fault", "The application's own role is missing.", "Start `abate serve` once."
            )
            return
        open_tables = []
        for table in [*grants.append_only_tables(), *grants.partitions(connection)]:
            cursor.execute("SELECT has_table_privilege(%s, %s, 'UPDATE') OR has_table_privilege(%s, %s, 'DELETE')",
                           [grants.ROLE, table, grants.ROLE, table])  # fmt: skip
            if cursor.fetchone()[0]:
                open_tables.append(table)
    if open_tables:
        yield Finding("grants", "fault", f"The application may change what is append-only: {', '.join(open_tables)}.",
                      "Start `abate serve` once; it sets the grants anew.")  # fmt: skip
    else:
        yield Finding("grants", "ok", "What is append-only is so for the application's role.")


def months() -> Iterator[Finding]:
    try:
        ahead, turned = rotation.least_ahead(), rotation.turned()
    except DatabaseError:
        return
    enough = ahead >= 1 and turned
    yield Finding("months", "ok" if enough else "warning",
                  f"Partitions are ready for {ahead} months after this one"
                  + ("." if turned else "; new rows still go to a month before."),
                  "" if enough else "Run `abate months turn`; nothing is lost meanwhile.")  # fmt: skip


def _acts(loaded: catalogue.Catalogue) -> Finding:
    named = settings.ABATE_SAME_ACT
    if named == "none":
        return Finding("one act", "warning", "No two records are compared: an act that two partners tell of counts twice.",
                       "Unset ABATE_SAME_ACT, or name a file of rules (docs/howto/operator-pack.md).")  # fmt: skip
    try:
        rules = same_act.read(Path(named) if named else same_act.shipped(loaded), loaded)
    except (MethodError, OSError) as error:
        return Finding("one act", "fault", f"{error}.", "Mend the file that ABATE_SAME_ACT names.")
    return Finding("one act", "ok", f"{len(rules.rules)} rules compare {len(rules.behaviours)} behaviours.")


def _anomalies(loaded: catalogue.Catalogue) -> Finding:
    named = settings.ABATE_ANOMALIES
    if named == "none":
        return Finding("anomalies", "warning", "No booked record is looked at again.",
                       "Unset ABATE_ANOMALIES, or name a file of rules (docs/howto/anomalies.md).")  # fmt: skip
    try:
        rules = anomalies.read(Path(named) if named else anomalies.shipped(loaded), loaded)
    except (MethodError, OSError) as error:
        return Finding("anomalies", "fault", f"{error}.", "Mend the file that ABATE_ANOMALIES names.")
    idle = len(rules.rules) - len(rules.active)
    said = f"{len(rules.active)} rules look at what is booked" + (
        f"; {idle} are idle until you give their limit." if idle else "."
    )
    return Finding("anomalies", "ok", said)


def methods() -> Iterator[Finding]:
    try:
        loaded = catalogue.load()
    except MethodError as error:
        yield Finding("methodologies", "fault", f"{error.file}:{error.line}: {error.reason}.", error.remedy)
        return
    yield Finding(
        "methodologies", "ok", f"{len(loaded.methods)} methodologies read and checked, as published."
    )
    yield _acts(loaded)
    yield _anomalies(loaded)
    if settings.ABATE_OPERATOR_PACK:
        try:
            pack = loaded.pack(settings.ABATE_OPERATOR_PACK)
        except MethodError as error:
            yield Finding(
                "operator pack", "fault", f"{error.file}:{error.line}: {error.reason}.", error.remedy
            )
            return
        illustration = pack.illustration and not settings.ABATE_DEMO
        yield Finding("operator pack", "fault" if illustration else "ok", f"{pack.id} supplies {len(pack.figures)} figures.",
                      "An illustration must not credit real people: give your own figures." if illustration else "")  # fmt: skip
    else:
        yield Finding("operator pack", "warning", "No operator figures: behaviours without a national factor credit nothing.",
                      "Write a pack (docs/howto/operator-pack.md) and set ABATE_OPERATOR_PACK.")  # fmt: skip


def place() -> Iterator[Finding]:
    free = shutil.disk_usage(settings.ABATE_DATA_DIR).free
    yield Finding("disk", "ok" if free > LEAST_FREE_BYTES else "fault", f"{free // 1024**3} GiB free.",
                  "" if free > LEAST_FREE_BYTES else "Free space before PostgreSQL stops writing.")  # fmt: skip
    family = statement_pdf.font()
    if family:
        yield Finding("fonts", "ok", f"PDF statements are set in {family}.")
    else:
        yield Finding("fonts", "warning", "No font with Chinese: statements come as JSON only.",
                      "Install one (Debian: fonts-noto-cjk) and start again.")  # fmt: skip
    yield Finding("python", "ok", f"Python {sys.version.split()[0]}")


def algorithms() -> Iterator[Finding]:
    if settings.ABATE_LOG_SM:
        try:
            national.check()
        except SetupError as fault:
            yield Finding("national algorithms", "fault", fault.what, fault.remedy)
        else:
            yield Finding("national algorithms", "ok", "Leaves carry SM3, heads are signed by SM2 too.")


def anchors() -> Iterator[Finding]:
    if not settings.ABATE_ANCHOR:
        return
    try:
        anchoring.configured()
        late = log.anchor_late(settings.ABATE_ANCHOR_SECONDS)
    except SetupError as fault:
        yield Finding("anchors", "fault", fault.what, fault.remedy)
    except DatabaseError:
        return
    else:
        if late < MOST_LATE:
            yield Finding("anchors", "ok", f"{settings.ABATE_ANCHOR} keeps the log's roots.")
        else:
            yield Finding("anchors", "fault", f"The log's next anchor is {late:.0f} s overdue.",
                          "Let `abate serve` run; its log (abate.log.anchoring) says why an anchor was not kept.")  # fmt: skip


def recoveries() -> Iterator[Finding]:
    """Recoveries that rest because their owner was told nowhere: without a word to them none takes effect."""
    try:
        untold = recovering.untold(UNTOLD)
    except DatabaseError:
        return
    if untold:
        named = ", ".join(str(number) for number in untold[:10]) + (", ..." if len(untold) > 10 else "")
        yield Finding("recoveries", "warning", f"{len(untold)} rest, for the account's owner was told nowhere: notices {named}.",
                      "`abate notices list --unsent` says why. Mend it and `abate notices resend N`, or see papers.")  # fmt: skip
    else:
        yield Finding("recoveries", "ok", "Whose account is being recovered was told.")


CHECKS: tuple[Callable[[], Iterator[Finding]], ...] = (
    place,
    secrets,
    transport,
    server,
    schema,
    months,
    recoveries,
    methods,
    algorithms,
    anchors,
)


def examine() -> list[Finding]:
    """Everything, in order; a check that cannot look because the database is away stays silent about it."""
    return [finding for check in CHECKS for finding in check()]
