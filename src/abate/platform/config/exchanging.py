"""The exchange of the master key: step by step, each of which may be cut off and done again. (P-8.3; decision 0048)

1. a next master is written beside the present one, and the secret file is copied to where its copies are;
2. it seals from then on, what sealed before is leaving, and every text under that is sealed anew;
3. nothing is under it any more: it is retired, and opens backups of before until somebody forgets it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import DatabaseError, DataError, connection, transaction

from abate.platform.config import rewrapping
from abate.platform.config.errors import (
    ExchangeUnderWay,
    MasterNeeded,
    MasterStillUsed,
    MasterUnknown,
    SealedTextNotSpoilt,
    SealedTextUnknown,
)
from abate.platform.config.findings import Finding, found
from abate.platform.doors import backup, clock, keyring, masters, randomness
from abate.platform.doors.errors import SetupError
from abate.platform.review import audit

LONG = timedelta(days=730)
"""Beyond it a master key is old: our policy."""
LONGEST_SESSION = timedelta(days=1)
"""Sessions hold a sealed text too and end within twelve hours (signin/policy.py): no master is forgotten sooner than this."""
_COPY = (
    "Copy the secret file to where its copy lies and to every machine that runs Abate, "
    "then run: abate secrets rotate-master --copied"
)
_DONE = "Copy the secret file once more. A retired master opens older backups: `abate secrets forget-master` ends that."

_NOTHING = (
    "No key is prepared and nothing is left to do. For another exchange run: abate secrets rotate-master"
)
_RESTART = "Copy the secret file to where its copy lies and to every machine that runs Abate, and start Abate again on each."


@contextmanager
def _alone() -> Iterator[None]:
    """Raises ExchangeUnderWay where another command is at it. A lock of the connection: who is killed holds none."""
    with connection.cursor() as cursor:
        cursor.execute("select pg_try_advisory_lock(4912026, 22)")
        if cursor.fetchone() != (True,):
            raise ExchangeUnderWay
        try:
            yield
        finally:
            cursor.execute("select pg_advisory_unlock(4912026, 22)")


def _file() -> Path:
    return Path(settings.ABATE_SECRET_FILE)


def _in(held: masters.Masters, state: str) -> list[masters.Master]:
    return [one for one in held if one.state == state]


def _write(what: str, kept: masters.Masters, subject: str, **detail: Any) -> None:
    """The row first: what is in no trail is not done."""
    with transaction.atomic():
        audit.note(what, subject, **detail)
    keyring.keep_masters(_file(), kept)


def exchange(*, copied: bool, told: rewrapping.Told) -> dict[str, Any]:
    """Do the next step, or go on with the one that was cut off; what was done and what comes next.

    `copied`: the file with the next master lies where it has to. Raises ExchangeUnderWay, MasterStillUsed, SetupError.
    """
    with _alone():
        held = keyring.reread().masters
        coming, leaving = _in(held, masters.NEXT), _in(held, masters.LEAVING)
        if coming and copied:
            held = masters.begun(held)
            _write("secrets.exchange", held, held[0].id, former=held[1].id)
        elif coming:
            return {"prepared": coming[0].id, "next": _COPY}
        elif not leaving and not behind(held, rewrapping.totals()):
            if copied:
                # Run once more, it must not make the key that the next run would use uncopied.
                return {"present": held[0].id, "next": _NOTHING}
            held = masters.prepared(held, randomness.token_bytes(32), clock.now().isoformat())
            _write("secrets.prepare", held, held[-1].id)
            return {"prepared": held[-1].id, "next": _COPY}
        return _finish(held, told)


def behind(held: masters.Masters, rows: Mapping[str, int]) -> int:
    """Texts under a retired master, as a restored backup has them. One that names none is its, where another has sealed."""
    sealed_once = any(one.state in (masters.LEAVING, masters.RETIRED) for one in held)
    named = sum(rows.get(one.id, 0) for one in _in(held, masters.RETIRED))
    return named + (rows.get("", 0) if sealed_once else 0)


def missing(held: masters.Masters, rows: Mapping[str, int]) -> dict[str, int]:
    """Id -> how many texts lie under a master that the file does not hold."""
    known = {"", masters.SETTLED, *(one.id for one in held)}
    return {name: count for name, count in rows.items() if name not in known}


def _sealed_anew(held: masters.Masters, told: rewrapping.Told) -> tuple[masters.Masters, dict[str, Any]]:
    """Seal anew and prove it; the masters, those retired ones from now on that had texts until now, and what was done.

    Raises MasterStillUsed.
    """
    done: dict[str, int] = {}

    def count(place: str, rows: int) -> None:
        done[place] = rows
        told(place, rows)

    before = rewrapping.totals()
    shut = rewrapping.seal_anew(count)
    if left := rewrapping.left(shut):
        raise MasterStillUsed(", ".join(f"{place}: {rows}" for place, rows in left.items()))
    after = rewrapping.totals()
    detail = {
        "sealed_anew": done,
        "unreadable": {place: len(ids) for place, ids in shut.items()},
        "rows_of_missing_masters": missing(held, after),
    }
    # Copies of until now may hold such texts, however long ago the exchange was.
    return masters.needed(held, before - after, clock.now().isoformat()), detail


def _finish(held: masters.Masters, told: rewrapping.Told) -> dict[str, Any]:
    """Seal anew, prove it, and only then retire what was leaving."""
    kept, detail = _sealed_anew(held, told)
    detail["retired"] = [one.id for one in _in(kept, masters.LEAVING)]
    kept = masters.finished(kept, clock.now().isoformat())
    _write("secrets.exchanged", kept, kept[0].id, **detail)
    return {"present": kept[0].id, **detail, "next": _DONE}


def forget(name: str, *, despite_backups: bool, told: rewrapping.Told) -> dict[str, Any]:
    """Take a master out of the file for ever; what still lies under it is sealed anew before, and then it is needed on.

    Raises ExchangeUnderWay, MasterUnknown, MasterNeeded, MasterStillUsed, SetupError.
    """
    with _alone():
        held = keyring.reread().masters
        one = _named(held, name)
        if one.state == masters.RETIRED:
            _check_not_needed(one, despite_backups)
        elif one.state != masters.NEXT:
            raise MasterNeeded(f"it is {one.state}")
        kept, detail = _sealed_anew(held, told)
        if kept != held:
            _write("secrets.exchanged", kept, kept[0].id, **detail)
        if one.state == masters.RETIRED:
            _check_not_needed(_named(kept, name), despite_backups)
        _write("secrets.forget", masters.without(kept, name), name, despite_backups=despite_backups)
        return {
            "forgotten": name,
            "next": "Copy the secret file to where its copy lies; older copies still hold that key.",
        }


def settle(name: str, number: str, why: str) -> dict[str, Any]:
    """Say of one text that it opens under no master and is held for lost: it counts as one of a retired master no more. What
    it was stays behind its new head. Raises ExchangeUnderWay, SealedTextUnknown, SealedTextNotSpoilt.
    """
    at = f"{name} {number}"[:120]
    place = next((one for one in rewrapping.places() if one.name == name), None)
    with _alone():
        try:
            with transaction.atomic():
                done = rewrapping.settle(place, number) if place else None
                if done is None:
                    raise SealedTextUnknown(at)
                if not done:
                    raise SealedTextNotSpoilt(at)
                audit.note("secrets.settle", at, why=why)
        except DataError:
            raise SealedTextUnknown(at) from None
    return {"settled": at, "spoilt": rewrapping.spoilt()}


def _named(held: masters.Masters, name: str) -> masters.Master:
    """Raises MasterUnknown."""
    one = next((one for one in held if one.id == name), None)
    if one is None:
        raise MasterUnknown(name[:60])
    return one


def _check_not_needed(one: masters.Master, despite_backups: bool) -> None:
    retired = datetime.fromisoformat(one.retired_at)
    if clock.now() < retired + LONGEST_SESSION:
        raise MasterNeeded(
            f"sessions may hold texts under it until {retired + LONGEST_SESSION:%Y-%m-%d %H:%M}Z"
        )
    copies = backup.bases(Path(settings.ABATE_BACKUP)) if settings.ABATE_BACKUP else []
    older = [copy for copy in copies if copy.at <= retired]
    if older and not despite_backups:
        raise MasterNeeded(f"{len(older)} base copies are older than {retired:%Y-%m-%d %H:%M}Z")


def exchange_django(*, leaked: bool) -> dict[str, Any]:
    """Another key for sessions, forms and links; those of the former hold on unless it `leaked`. Raises ExchangeUnderWay."""
    with _alone():
        with transaction.atomic():
            audit.note("secrets.django", leaked=leaked)
        keyring.exchange_django(_file(), leaked=leaked)
    return {"django": "exchanged", "leaked": leaked, "next": _RESTART}


def show() -> dict[str, Any]:
    """Each master with its id, age and how many texts lie under it, and those that lie under none of them; no key."""
    held, by_place = keyring.reread().masters, rewrapping.counts()
    rows = rewrapping.totals()
    told = [
        {
            "id": one.id,
            "state": one.state,
            "made_at": one.made_at or None,
            "retired_at": one.retired_at or None,
            "rows": rows[one.id],
        }
        for one in held
    ]
    named = {place: dict(found) for place, found in by_place.items() if found}
    return {
        "masters": told,
        "rows_that_name_no_master": rows[""],
        "rows_of_missing_masters": missing(held, rows),
        "spoilt": rewrapping.spoilt() if behind(held, rows) else {},
        "rows_settled": rows[masters.SETTLED],
        "places": named,
    }


def findings() -> Iterator[Finding]:
    """How the master key stands: its age, an exchange that is half done, texts that nothing here opens."""
    try:
        held, rows = keyring.reread().masters, rewrapping.totals()
    except (DatabaseError, SetupError):
        return  # Other checks name what is away.
    if lost := missing(held, rows):
        yield found("master key", "missing", ids=", ".join(sorted(lost)), rows=sum(lost.values()))
    if leaving := _in(held, masters.LEAVING):
        yield found("master key", "leaving", id=leaving[0].id, rows=rows[leaving[0].id] + rows[""])
    elif coming := _in(held, masters.NEXT):
        yield found("master key", "next", id=coming[0].id, at=coming[0].made_at[:10])
    elif former := behind(held, rows):
        yield from _behind(former)
    yield _age(held)


def _behind(former: int) -> Iterator[Finding]:
    """What sealing anew takes from under a retired master, and what it can not."""
    shut = [f"{place} {number}" for place, ids in rewrapping.spoilt().items() for number in ids]
    if shut:
        yield found("master key", "spoilt", rows=len(shut), names=", ".join(shut[:5]), first=shut[0])
    if former > len(shut):
        yield found("master key", "behind", rows=former - len(shut))


def _age(held: masters.Masters) -> Finding:
    first, retired = held[0], len(_in(held, masters.RETIRED))
    if not first.made_at:
        return found("master key", "ageless", id=first.id, retired=retired)
    made = datetime.fromisoformat(first.made_at)
    case = "old" if clock.now() - made > LONG else "ok"
    days = (clock.now() - made).days
    return found("master key", case, id=first.id, days=days, retired=retired)
