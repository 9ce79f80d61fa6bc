"""What `abate doctor` looks at. Every finding names the remedy; nothing is repaired in silence."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path

from django.conf import settings
from django.db import DatabaseError, OperationalError, connection

from abate.platform.carbon import basis, recomputing
from abate.platform.config import exchanging, grants, watching
from abate.platform.config.findings import Finding, found
from abate.platform.doors import clock, keyring, logins, messages, private_postgres, rotation, scanner
from abate.platform.doors import schema as schemas
from abate.platform.doors.errors import SetupError
from abate.platform.log import anchoring, national
from abate.platform.log import queries as log
from abate.platform.people import recovering, requests
from abate.platform.review import queries as review
from abate.platform.review import rights
from abate.platform.review.models import User
from abate.platform.signin import factors
from abate.platform.signin import queries as sign_in
from abate.platform.web import forwarded, statement_pdf
from abate.quantify import anomalies, catalogue, same_act
from abate.quantify.factors_registry import FactorError
from abate.quantify.reading import MethodError

MINIMUM_POSTGRES = 160000
MOST_LATE = 300
"""Seconds that an anchor may be overdue before it is a fault: our policy, a few tries of the adapter."""
LEAST_FREE_BYTES = 2 * 1024**3
SUSPICIOUS = 10
"""Tries from one address and no other that are no longer chance: our policy."""
SHOWN = 5
"""Differences that one line names."""
UNTOLD = timedelta(hours=1)
"""How long a notice of a recovery may wait before it is named: our policy, three tries of the way it goes."""
_CHANNELS = {"email": ("邮件", "email"), "phone": ("短信", "phone")}


def secrets() -> Iterator[Finding]:
    path = Path(settings.ABATE_SECRET_FILE)
    try:
        keys = keyring.read(path)
    except SetupError as fault:
        yield found("secret file", "unusable", **fault.words)
        return
    if keys.demo and not settings.ABATE_DEMO:
        yield found("secret file", "demo", path=path)
    elif keys.log_origin.startswith("abate.invalid"):
        yield found("log origin", "unnamed")
    else:
        yield found("secret file", path=path)


def transport() -> Iterator[Finding]:
    encrypted = settings.ABATE_ORIGIN.startswith("https://")
    yield found("transport", "ok" if encrypted else "plain", origin=settings.ABATE_ORIGIN)
    name, contact = settings.ABATE_OPERATOR_NAME, settings.ABATE_OPERATOR_CONTACT
    yield found("operator", "ok" if name and contact else "unnamed", who=name, contact=contact)
    yield from _sent()
    if ".push.Push" in settings.ABATE_MESSAGES and find_spec("webpush") is None:
        yield found("web push", "missing")
    if settings.ABATE_REAL_NAME.endswith(".FormProvider"):
        yield found("real-name check", "form")


def _sent() -> Iterator[Finding]:
    """By what codes and notices leave."""
    try:
        messages.check()
    except SetupError as fault:
        yield found("messages", "unusable", **fault.words)
        return
    if settings.ABATE_MESSAGES.endswith((".Console", ".Files")):
        yield found("messages", "kept")
    elif none := [kind for kind in messages.KINDS[:2] if not messages.carries(kind)]:
        zh, en = (sep.join(_CHANNELS[kind][at] for kind in none) for at, sep in enumerate(("、", ", ")))
        yield found("messages", "partly", channels_zh=zh, channels_en=en)


def proxies() -> Iterator[Finding]:
    """Whether senders' addresses are their own: lists of addresses and limits on signing in count by them."""
    try:
        forwarded.networks(settings.ABATE_TRUSTED_PROXIES)
    except SetupError as fault:
        yield found("proxies", "unusable", **fault.words)
        return
    try:
        tries, addresses = sign_in.tries()
    except DatabaseError:
        tries, addresses = 0, 0
    noted = forwarded.noted()
    if noted is not None and noted[0] > clock.now() - timedelta(days=1):
        zh, en = (noted[1], noted[1]) if noted[1] else ("一个公网地址", "a public address")
        yield found("proxies", "untrusted", where_zh=zh, where_en=en)
    elif tries >= SUSPICIOUS and addresses == 1:
        yield found("proxies", "alike", tries=tries)
    else:
        yield found("proxies")


def server() -> Iterator[Finding]:
    try:
        connection.ensure_connection()
    except OperationalError as fault:
        yield found("database", "silent", said=str(fault).strip())
        return
    with connection.cursor() as cursor:
        for name in ("fsync", "synchronous_commit", "full_page_writes"):
            cursor.execute(f"SHOW {name}")
            value = cursor.fetchone()[0]
            yield found(f"database {name}", "ok" if value == "on" else "off", value=value)
        cursor.execute("SHOW server_version_num")
        number = int(cursor.fetchone()[0])
        yield found(
            "database version", "ok" if number >= MINIMUM_POSTGRES else "old", version=number // 10000
        )
    apart = abs((clock.of_database() - clock.now()).total_seconds())
    yield found("clocks", "ok" if apart < clock.MOST_APART else "apart", apart=f"{apart:.1f}")
    if private_postgres.address(Path(settings.ABATE_DATA_DIR)).endswith(
        f"host={settings.DATABASES['default']['HOST']}"
    ):
        yield found("database kind", "private")


def schema() -> Iterator[Finding]:
    try:
        seen = schemas.look()
        schemas.check(seen)
    except OperationalError:
        return
    except SetupError as fault:
        yield found("schema", "unusable", **fault.words)
        return
    if seen.waiting:
        yield found("schema", "empty")
        return
    yield found("schema")
    if missing := recomputing.packs_missing():
        yield found("former packs", "missing", names=", ".join(missing))
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [logins.ROLE])
        if cursor.fetchone() is None:
            yield found("grants", "missing")
            return
        stands = logins.standing(cursor, str(settings.DATABASES["default"]["USER"]))
        open_tables = []
        for table in [*grants.append_only_tables(), *grants.partitions(connection)]:
            # Of several rights any one.
            cursor.execute(
                "SELECT has_table_privilege(%s, %s, 'UPDATE, DELETE, TRUNCATE, TRIGGER')",
                [logins.ROLE, table],
            )
            if cursor.fetchone()[0]:
                open_tables.append(table)
    yield found("grants", "open" if open_tables else "ok", tables=", ".join(open_tables))
    case = "ok" if stands.walled else "open" if os.environ.get(logins.OWNER) else "one"
    yield found("logins", case, login=stands.login, more=stands.more, role=logins.ROLE)


def months() -> Iterator[Finding]:
    try:
        ahead, turned = rotation.least_ahead(), rotation.turned()
    except DatabaseError:
        return
    yield found("months", "unturned" if not turned else "ok" if ahead >= 1 else "few", ahead=ahead)


def _acts(loaded: catalogue.Catalogue) -> Finding:
    named = settings.ABATE_SAME_ACT
    if named == "none":
        return found("one act", "none")
    try:
        rules = same_act.read(Path(named) if named else same_act.shipped(loaded), loaded)
    except (MethodError, OSError) as error:
        return found("one act", "unusable", said=error)
    return found("one act", rules=len(rules.rules), behaviours=len(rules.behaviours))


def _anomalies(loaded: catalogue.Catalogue) -> Iterator[Finding]:
    named = settings.ABATE_ANOMALIES
    if named == "none":
        yield found("anomalies", "none")
        return
    try:
        rules = anomalies.read(Path(named) if named else anomalies.shipped(loaded), loaded)
    except (MethodError, OSError) as error:
        yield found("anomalies", "unusable", said=error)
        return
    idle = len(rules.rules) - len(rules.active)
    yield found("anomalies", "idle" if idle else "ok", active=len(rules.active), idle=idle)
    if rules.active:
        yield from _reviewers()


def _reviewers() -> Iterator[Finding]:
    """Whether those who may decide on anomalies are as many as the steps of a case (decision 31)."""
    try:
        opened, count = review.opened_at(), rights.humans("change", "anomalies")
    except DatabaseError:
        return
    if opened is not None:
        case = "alone" if count < 2 else "pair" if count == 2 else "ok"
        yield found("anomaly reviewers", case, count=count)


def _unusable(name: str, error: MethodError) -> Finding:
    return found(name, "unusable", file=error.file, line=error.line, reason=error.reason, remedy=error.remedy)


def methods() -> Iterator[Finding]:
    try:
        loaded = catalogue.load()
    except MethodError as error:
        yield _unusable("methodologies", error)
        return
    yield found("methodologies", count=len(loaded.methods))
    yield _acts(loaded)
    yield from _anomalies(loaded)
    if not settings.ABATE_OPERATOR_PACK:
        yield found("operator pack", "none")
        return
    try:
        pack = loaded.pack(settings.ABATE_OPERATOR_PACK)
    except MethodError as error:
        yield _unusable("operator pack", error)
        return
    illustration = pack.illustration and not settings.ABATE_DEMO
    case = "illustration" if illustration else "ok"
    yield found("operator pack", case, pack=pack.id, figures=len(pack.figures))


def in_force() -> Iterator[Finding]:
    """Whether quantities would rest on what three people put in force: otherwise no event is taken."""
    try:
        told = basis.apart()
    except FactorError as error:
        yield found("in force", "unusable", reason=error.reason, remedy=error.remedy)
        return
    except (DatabaseError, SetupError, MethodError):
        return
    shown = "; ".join(told[:SHOWN]) + (f"; +{len(told) - SHOWN}" if len(told) > SHOWN else "")
    yield found("in force", "apart" if told else "ok", what=shown)


def disk() -> Iterator[Finding]:
    free = shutil.disk_usage(settings.ABATE_DATA_DIR).free
    yield found("disk", "ok" if free > LEAST_FREE_BYTES else "low", free=free // 1024**3)


def place() -> Iterator[Finding]:
    family = statement_pdf.font()
    yield found("fonts", "ok" if family else "none", family=family)
    yield found("python", version=sys.version.split()[0])


def algorithms() -> Iterator[Finding]:
    if settings.ABATE_LOG_SM:
        try:
            national.check()
        except SetupError as fault:
            yield found("national algorithms", "missing", **fault.words)
        else:
            yield found("national algorithms")


def scanners() -> Iterator[Finding]:
    """Whether files that are sent are looked at; while the scanner is away none is taken."""
    try:
        version = scanner.version()
    except SetupError as fault:
        yield found("scanner", "unusable", **fault.words)
    except scanner.ScannerAway as away:
        yield found("scanner", "away", said=away.detail)
    else:
        yield found("scanner", "ok" if version else "none", version=version)


def anchors() -> Iterator[Finding]:
    if not settings.ABATE_ANCHOR:
        yield found("anchors", "none")
        return
    try:
        anchoring.configured()
        late = log.anchor_late(settings.ABATE_ANCHOR_SECONDS)
    except SetupError as fault:
        yield found("anchors", "unusable", **fault.words)
    except DatabaseError:
        return
    else:
        case = "ok" if late < MOST_LATE else "late"
        yield found("anchors", case, adapter=settings.ABATE_ANCHOR, late=f"{late:.0f}")


def recoveries() -> Iterator[Finding]:
    """Recoveries that rest because their owner was told nowhere: without a word to them none takes effect."""
    try:
        untold = recovering.untold(UNTOLD)
    except DatabaseError:
        return
    named = ", ".join(str(number) for number in untold[:10]) + (", ..." if len(untold) > 10 else "")
    yield found("recoveries", "untold" if untold else "ok", count=len(untold), numbers=named)


def coming_back() -> Iterator[Finding]:
    """Whether a security administrator can sign in again without a link, which nobody else could make (decision 43)."""
    try:
        guards = list(User.objects.filter(pk__in=review.holders("security_admin")))
        begun = [user for user in guards if factors.has_factor(user)]
        able = sum(factors.comes_back(user) for user in begun)
    except DatabaseError:
        return
    if begun:
        yield found("coming back", "ok" if able else "nobody", count=able)


def holidays() -> Iterator[Finding]:
    """Whether the days within which people's requests are answered can be counted. (PIPL article 50)"""
    try:
        year = requests.untold(clock.today())
    except SetupError as fault:
        yield found("holidays", "unusable", **fault.words)
        return
    yield found("holidays", "missing" if year else "ok", year=year)


Check = Callable[[], Iterator[Finding]]
INSTALLED: tuple[Check, ...] = (
    disk,
    place,
    secrets,
    transport,
    proxies,
    server,
    schema,
    exchanging.findings,
    recoveries,
    coming_back,
    holidays,
    methods,
    in_force,
    algorithms,
)
RUNNING: tuple[Check, ...] = (disk, months, recoveries, anchors, scanners, *watching.CHECKS)
"""What changes while the platform runs: the findings that alarms are raised of (alarming.py)."""


def examine(*, running: bool = True) -> list[Finding]:
    """Everything, in order; a check that cannot look because the database is away stays silent about it.

    Without `running` nothing that a stopped server is late with.
    """
    later = [check for check in RUNNING if check not in INSTALLED] if running else []
    return [finding for check in (*INSTALLED, *later) for finding in check()]
