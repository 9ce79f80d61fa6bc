"""What must be done to a restored database before anybody uses it: the past must not undo what was promised since."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import django
import psycopg
from cryptography.exceptions import InvalidTag
from django.db import transaction

from abate.platform.doors import keyring, logins, private_postgres, recovery, schema, sealed, settings_file
from abate.platform.doors.database import EMBEDDED
from abate.platform.doors.errors import SetupError

# What ended, by rows that both histories have: their ids are the same up to the moment gone back to.
_ENDED = {
    "authorisations": "select id, withdrawn_at from people_authorisation where withdrawn_at is not null order by id",
    "consents": "select id, withdrawn_at from people_consent where withdrawn_at is not null order by id",
    "clients": "select client_id from parties_client where revoked_at is not null",
    "public_keys": "select id from parties_public_key where revoked_at is not null",
    "suspended": "select id from parties_party where status = 'suspended'",
    "left": "select id from parties_party where status = 'left'",
    "accounts": "select id from review_user where not is_active",
    "second": "select id from review_user where always_second",
    "memberships": "select id, left_at from people_member where left_at is not null order by id",
    # An invitation or a seat; accounts and seats stand below too, of a row that is cleared by now.
    "tills": "select id from parties_till where until <= now()",
    "endpoints": "select id from parties_endpoint where ended_at is not null",
    # Of these the rows that are gone say what ended.
    "roles": "select user_id, role from review_grant",
    "seats": "select user_id, party_id, role from parties_member",
}


@dataclass(frozen=True, slots=True)
class Later:
    """What the database knew at the end of its changes: its newest signed head, who was erased, who left and is kept
    (person, until, grounds), and the rows of what ended, by the names of `_ENDED`."""

    head: tuple[int, bytes, str, datetime] | None
    erased: frozenset[int]
    frozen: tuple[tuple[int, date, list[tuple[str, str]]], ...]
    ended: Mapping[str, Sequence[tuple[Any, ...]]]


def take_settings(into: Path) -> None:
    """Put the settings of the new folder into the environment: where the secrets lie, and when a day begins, for whoever is
    erased again. Raises SetupError where they name a database: it is another one, which the next command would open.
    """
    file = into / settings_file.NAME
    held = settings_file.read(file)
    named = [name for name in ("DATABASE_URL", logins.OWNER) if held.get(name, "") not in ("", EMBEDDED)]
    if named:
        raise SetupError("restore-settings-elsewhere", file=file, named=", ".join(named))
    settings_file.load(into)


def secrets_fit(into: Path) -> Path:
    """The secret file that the restored installation will use. Raises SetupError where there is none."""
    path = Path(os.environ.get("ABATE_SECRET_FILE") or into / "secrets.json")
    if not path.exists():
        raise SetupError("restore-no-secret-file", path=path)
    keyring.read(path)
    return path


def make_safe(url: str, into: Path, later: Later | None) -> dict[str, object]:
    """Check the keys, end all sessions, links and tokens; of what was `later` than the moment gone back to: erase again who was
    erased, end again what ended, remember the newest head that was signed.

    Returns what was found and done. Raises SetupError where the secret file is another installation's, or the schema another
    program's.
    """
    os.environ |= {"DATABASE_URL": url, logins.OWNER: "", "ABATE_DATA_DIR": str(into.resolve())}
    os.environ["ABATE_SECRET_FILE"] = str(secrets_fit(into).resolve())
    os.environ["DJANGO_SETTINGS_MODULE"] = "abate.platform.config.settings"
    django.setup()
    schema.check_copy(schema.look())
    from abate.platform.ledger import erasing  # lazy: needs Django set up
    from abate.platform.log import actions as log  # lazy: as above
    from abate.platform.log import queries as tree  # lazy: as above
    from abate.platform.people import freezing  # lazy: as above
    from abate.platform.people.models import Person  # lazy: as above

    behind, lost = _keys_open_something()
    alive = Person.objects.filter(pk__in=later.erased if later else ()).exclude(status=Person.Status.ERASED)
    again = [erasing.erase(person) for person in alive]
    for person_id, until, grounds in later.frozen if later else ():
        for person in Person.objects.filter(pk=person_id, status=Person.Status.ACTIVE):
            freezing.freeze(person, until, grounds)
    found: dict[str, object] = {
        "entries_in_the_log": tree.size(),
        "erased_again": len(again),
        "sessions_ended": _let_nobody_in(),
    }
    if behind:
        found["master_key"] = (
            f"{behind} texts lie under a retired master key; run `abate secrets rotate-master`"
        )
    if lost:
        named = ", ".join(f"{place}: {count}" for place, count in lost.items())
        found["missing_master_keys"] = (
            f"texts lie under keys that the secret file does not hold ({named}); if it is not its newest copy, "
            "put that in its place"
        )
    if later:
        found["ended_again"] = _end_again(later.ended)
    if later and later.head and later.head[0] > tree.size():
        log.remember_head(*later.head)
        found["log"] = (
            f"halted: a head of {later.head[0]} entries was signed after the moment gone back to; "
            "restore everything instead, or give the log a new name"
        )
    return found


def _let_nobody_in() -> int:
    """End all that lets somebody in who came in before; returns how many sessions. Also after a restore of everything that
    was received: what was ended last may not have been received.
    """
    from abate.platform.parties import telling  # lazy: needs Django set up
    from abate.platform.review.actions import end_links  # lazy: as above
    from abate.platform.signin import actions as signin  # lazy: as above

    with transaction.atomic():
        telling.end_all()
        end_links()
        return signin.end_everybodys()


def _end_again(ended: Mapping[str, Sequence[tuple[Any, ...]]]) -> int:
    """What ended: withdrawals, keys, suspensions, accounts, tills, roles and seats taken away, coming in with one factor; how
    many were open again.
    """
    from abate.platform.parties import actions as parties  # lazy: needs Django set up
    from abate.platform.parties import standing, tills, webhooks  # lazy: as above
    from abate.platform.parties.models import Client, Endpoint, Member, Party, PublicKey  # lazy: as above
    from abate.platform.people.ended import end_again  # lazy: as above
    from abate.platform.review.actions import deactivate, withdraw  # lazy: as above
    from abate.platform.review.models import Grant, User  # lazy: as above
    from abate.platform.signin import factors  # lazy: as above

    ids = {name: [row[0] for row in rows] for name, rows in ended.items()}
    live = Party.objects.exclude(status=Party.Status.LEFT)
    left = list(live.filter(pk__in=ids["left"]))
    suspended = list(live.filter(pk__in=ids["suspended"]).exclude(status=Party.Status.SUSPENDED))
    keys = list(
        PublicKey.objects.filter(pk__in=ids["public_keys"], revoked_at=None).values_list("pk", flat=True)
    )
    clients = list(Client.objects.filter(pk__in=ids["clients"], revoked_at=None).values_list("pk", flat=True))
    accounts = list(User.objects.filter(pk__in=ids["accounts"], is_active=True))
    endpoints = list(
        Endpoint.objects.filter(pk__in=ids["endpoints"], ended_at=None).values_list("pk", flat=True)
    )
    chose = User.objects.filter(pk__in=ids["second"], always_second=False)
    # Who made the factor since as well has none here to be asked for.
    seconds = [one for one in chose if factors.has_factor(one)]
    over = tills.open_of(ids["tills"])
    kept, seated = set(ended["roles"]), set(ended["seats"])
    roles = [one for one in Grant.objects.select_related("user") if (one.user.pk, one.role) not in kept]
    held = Member.objects.select_related("user", "party")
    seats = [one for one in held if (one.user.pk, one.party.pk, one.role) not in seated]
    with transaction.atomic():
        rows = end_again(*(ended[name] for name in ("authorisations", "consents", "memberships")))
        for role in roles:
            withdraw(role.user, role.role)
        for till in over:
            tills.end(till)
        for seat in seats:
            parties.remove_member(seat.user, seat.party, seat.role)
        for endpoint in endpoints:
            webhooks.end_endpoint(endpoint)
        for key in keys:
            parties.revoke_public_key(key)
        for client in clients:
            parties.revoke_client(client)
        for party in left:
            standing.leave(party)
        for party in suspended:
            parties.suspend(party)
        for account in accounts:
            deactivate(account)
        for account in seconds:
            factors.ask_always(account, True)
    again = (keys, clients, left, suspended, accounts, seconds, endpoints, over, roles, seats)
    return rows + sum(map(len, again))


def at_the_end(folder: Path, beside: Path, wait: Callable[[float], object]) -> Later:
    """Recover everything into `beside`, from the newest copy, read what must outlive a step back, and remove it. Raises as
    recovery.recover."""
    try:
        with psycopg.connect(
            recovery.recover(folder, recovery.choose(folder, None), beside, None, wait=wait)
        ) as connection:
            head = connection.execute(
                "select size, root, note, at from log_checkpoint order by size desc limit 1"
            ).fetchone()
            erased = connection.execute("select id from people_person where status = 'erased'").fetchall()
            kept = connection.execute(
                "select person_id, until, grounds from people_freeze where ended_at is null order by at, person_id desc"
            ).fetchall()
            ended = {name: connection.execute(asked).fetchall() for name, asked in _ENDED.items()}
        return Later(
            head and (head[0], bytes(head[1]), head[2], head[3]),
            frozenset(row[0] for row in erased),
            tuple((person, until, [(zh, en) for zh, en in grounds]) for person, until, grounds in kept),
            ended,
        )
    except (psycopg.errors.UndefinedTable, psycopg.errors.UndefinedColumn) as fault:
        raise SetupError("restored-schema", apart=fault.diag.message_primary) from fault
    finally:
        private_postgres.stop(beside)
        shutil.rmtree(beside, ignore_errors=True)


_TRIED = 100


def _keys_open_something() -> tuple[int, dict[str, int]]:
    """How many texts lie under a retired master, and place -> how many under one that the file does not hold.

    Raises SetupError where the file opens none of the first persons' keys, which an exchange seals before the others;
    single rows that name an unknown master stand in no restore's way.
    """
    from abate.platform.config import exchanging, rewrapping  # lazy: needs Django set up
    from abate.platform.people.models import Person  # lazy: as above

    held, places = keyring.keyring().masters, rewrapping.counts()
    rows = sum(places.values(), Counter[str]())
    lost = {place: sum(exchanging.missing(held, found).values()) for place, found in places.items()}
    wrapped = (
        Person.objects.filter(wrapped_key__isnull=False).order_by("pk").values_list("wrapped_key", flat=True)
    )
    first = list(wrapped[:_TRIED])
    if not (any(map(_opens, first)) if first else not any(lost.values())):
        named = ", ".join(sorted(exchanging.missing(held, rows)))
        raise SetupError("secret-file-other", named=named or "?")
    return exchanging.behind(held, rows), {place: count for place, count in lost.items() if count}


def _opens(wrapped: bytes) -> bool:
    try:
        sealed.unwrap(wrapped, sealed.KEY)
    except (InvalidTag, sealed.MasterMissing):
        return False
    return True
