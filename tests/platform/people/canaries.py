"""Planted people: what names each of them, every way to write it, and every place that is searched for it."""

from __future__ import annotations

import base64
import json
import re
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import astuple, dataclass
from datetime import date, timedelta
from pathlib import Path
from urllib.parse import quote
from uuid import uuid4

from django.conf import settings
from django.contrib.sessions.models import Session
from django.db import connection
from tests.platform.web import city as stage

from abate.platform.doors import clock, private_postgres
from abate.platform.people import actions, identity
from abate.platform.people.models import Person
from abate.platform.signin.models import Kept

NAME, NUMBER, PHONE, MAIL = BEGINNINGS = ("鑫鼎羲", "99999919770707", "17700660", "canary-of-")
"""What every canary's name, number, phone and address begin with: found even where the rest of it was cut off."""
WRITTEN = "17700661"
"""With which her number begins that a partner wrote into a record: records lie in clear, on the disk of a server that other
tests search after that."""
_NAMED = re.compile(f"{NAME}(.)|{NUMBER}(\\d{{3}})|{PHONE}(\\d{{3}})|{WRITTEN}(\\d{{3}})|{MAIL}(\\d+)@")
MESSAGES = "messages.jsonl"


@dataclass(frozen=True)
class Canary:
    name: str
    number: str
    phone: str
    mail: str


def canary(order: int) -> Canary:
    """The one of this order, 0 to 999."""
    return Canary(
        f"{NAME}{chr(0x4E00 + order)}",
        identity.made_up_number(date(1977, 7, 7), order),
        f"{PHONE}{order:03d}",
        f"{MAIL}{order}@example.org",
    )


def written(order: int) -> str:
    """The number of the one of this order, as a partner wrote it into a record."""
    return f"{WRITTEN}{order:03d}"


def plant(order: int, contact: str | None = None) -> Person:
    """Open the account of the one of this order; `contact` is there for who calls as if for any made-up person."""
    one = canary(order)
    return actions.register(one.name, one.number, [one.phone, one.mail], "notice-1", True)


def book(city: stage.City, person: Person) -> None:
    """A credited behaviour of hers, authorised the day before."""
    with clock.frozen(clock.now() - timedelta(days=1)):
        actions.authorise(person, city.partner, ["online-meeting"], stage.NOTICE)
    (booked,) = stage.send(city.partner, [stage.meeting(city.partner, person, "of-a-canary", clock.now())])
    assert booked.outcome.text == "credited"


def forms(plain: str) -> list[bytes]:
    """In clear (every encoding), as hexadecimal and as base64 at each alignment."""
    raw = plain.encode()
    cut = (base64.b64encode(b"\0" * shift + raw)[4:-4] for shift in range(3))
    return [
        raw,
        plain.encode("utf-16-le"),
        plain.encode("gb18030"),
        json.dumps(plain)[1:-1].encode(),
        quote(plain).encode(),
        raw.hex().encode(),
        *(b for b in cut if len(b) >= 8),
    ]


def found(data: bytes, plains: Iterable[str] = BEGINNINGS) -> list[str]:
    """Which of `plains` are in `data`, however written."""
    return [plain for plain in plains if any(form in data for form in forms(plain))]


def whose(data: bytes, orders: Iterable[int]) -> set[int]:
    """Which of these canaries are named in `data`, by anything of theirs."""
    return {order for order in orders if found(data, (*astuple(canary(order)), written(order)))}


def dump() -> bytes:
    """A real pg_dump of the test database."""
    told = connection.settings_dict
    place = ["-h", str(told["HOST"]), "-U", str(told["USER"]), "-d", str(told["NAME"])]
    program = str(private_postgres.programs() / "pg_dump")
    return subprocess.run([program, *place], capture_output=True, check=True).stdout


def files(folder: Path) -> Iterator[Path]:
    """Every file below; of the messages that were sent `misdirected` says whether each is where it belongs."""
    for path in folder.rglob("*"):
        if path.is_file() and path.name != MESSAGES:
            yield path


def in_files(folder: Path, plains: Iterable[str] = BEGINNINGS) -> dict[str, list[str]]:
    return {
        str(p.relative_to(folder)): seen for p in files(folder) if (seen := found(p.read_bytes(), plains))
    }


def on_disk(plains: Iterable[str] = BEGINNINGS) -> dict[str, list[str]]:
    """The data folder: tables, WAL, the server's own log, files of partners and of the log."""
    with connection.cursor() as cursor:
        cursor.execute("checkpoint")
    return in_files(Path(settings.ABATE_DATA_DIR), plains)


def stray() -> str:
    """What a test puts in a wrong place to see that the search finds it: no canary's, for it stays in the server's log and
    WAL, where later tests of the same server search."""
    return f"stray-{uuid4()}"


def kept() -> bytes:
    """What Django's caches and sessions hold, read: a session's row is packed and signed, and hides what is in it from a
    search. That these are all the caches there are, tests/platform/web/test_caches.py sees to."""
    sessions = [one.get_decoded() for one in Session.objects.all()]
    assert sessions, "somebody signed in"
    return repr([sessions, list(Kept.objects.values_list("value", flat=True))]).encode()


def messages() -> list[dict[str, str]]:
    """What was sent, in the order of sending."""
    path = Path(settings.ABATE_DATA_DIR) / MESSAGES
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def misdirected(sent: list[dict[str, str]]) -> list[dict[str, str]]:
    """The messages that name a canary who is not their addressee."""
    return [one for one in sent if not _orders(json.dumps(one, ensure_ascii=False)) <= _orders(one["to"])]


def _orders(text: str) -> set[int]:
    told = (one.groups() for one in _NAMED.finditer(text))
    return {
        ord(name) - 0x4E00 if name else int(next(order for order in orders if order))
        for name, *orders in told
    }
