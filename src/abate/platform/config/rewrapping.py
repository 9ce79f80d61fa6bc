"""Texts under a master key, wherever they lie (fields.toml, `sealed`): how many under which, and sealing them anew.

Only the few bytes that the master seals are written again; what lies under those keys in turn stays as it is. (P-8.3)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidTag
from django.apps import apps
from django.db import connection, transaction
from psycopg import sql

from abate.platform.config import fields
from abate.platform.doors import masters, sealed
from abate.platform.doors.keyring import keyring

BATCH = 1_000
"""Rows of one transaction: some milliseconds in which a writer of one of them waits."""
Told = Callable[[str, int], None]
"""Called with a place's name and how many rows of it are done."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where texts of one purpose lie: a column, or (`inside`) a key of a JSON column, there in base64."""

    table: str
    column: str
    inside: str
    purpose: bytes

    @property
    def name(self) -> str:
        return ".".join(filter(None, (self.table, self.column, self.inside)))

    @property
    def number(self) -> str:
        """The type of the table's `id`, in SQL."""
        (model,) = [one for one in apps.get_models() if one._meta.db_table == self.table]
        return str(model._meta.pk.rel_db_type(connection))

    def statement(self, text: str, waiting: str = "") -> str:
        """`text` with the names of this place in it; `{held}` is the sealed text as bytes, `{anew}` its writing anew."""
        column, inside = sql.Identifier(self.column), sql.Literal(self.inside)
        held, anew = column, sql.SQL("{} = anew.sealed").format(column)
        if self.inside:
            held = sql.SQL("decode({} ->> {}, 'base64')").format(column, inside)
            # Base64 comes in lines; one text of it has none.
            said = sql.SQL("to_jsonb(translate(encode(anew.sealed, 'base64'), chr(10), ''))")
            path = sql.SQL("array[{}]").format(inside)
            anew = sql.SQL("{} = jsonb_set({}, {}, {})").format(column, column, path, said)
        words = {"held": held, "anew": anew, "table": sql.Identifier(self.table)}
        words |= {"number": sql.SQL(self.number), "waiting": sql.SQL(waiting)}
        return sql.SQL(text).format(**words).as_string()


def places() -> list[Place]:
    """Every place of fields.toml where a text lies under a master."""
    return [
        Place(table.name, *_parts(column), purpose)
        for table in fields.tables().values()
        for column, purpose in table.sealed.items()
    ]


def _parts(column: str) -> tuple[str, str]:
    name, _, inside = column.partition(".")
    return name, inside


_COUNT = """
select case when substring(text for octet_length(%(mark)s)) = %(mark)s then substring(text for %(head)s) else '' end, count(*)
  from (select {held} as text from {table}) as one where octet_length(text) > 0 group by 1
"""


def counts() -> dict[str, Counter[str]]:
    """Place -> id of the master that texts there name -> how many; the id is empty for those from before texts named one."""
    found = {}
    with connection.cursor() as cursor:
        for place in places():
            cursor.execute(place.statement(_COUNT), {"mark": masters.MARK, "head": masters.HEAD_BYTES})
            found[place.name] = Counter(
                {masters.named(bytes(head)) or "": rows for head, rows in cursor.fetchall()}
            )
    return found


def totals() -> Counter[str]:
    """The same over all places."""
    return sum(counts().values(), Counter())


_ELSEWHERE = "octet_length({held}) > 0 and substring({held} for %(bytes)s) <> all(%(heads)s::bytea[])"
_OTHERS = f"""
select id, {{held}} from {{table}}
 where {_ELSEWHERE} and (%(last)s::{{number}} is null or id > %(last)s::{{number}})
 order by id limit %(most)s for no key update {{waiting}}
"""
_WRITE = """
update {table} as one set {anew}
  from unnest(%(ids)s::{number}[], %(texts)s::bytea[]) as anew (id, sealed) where one.id = anew.id
"""


def _elsewhere() -> dict[str, Any]:
    """What _ELSEWHERE is asked with: the heads of what is under the present master, and of what is settled."""
    return {"bytes": masters.HEAD_BYTES, "heads": [keyring().masters[0].head, masters.SETTLED_HEAD]}


def seal_anew(told: Told) -> dict[str, list[Any]]:
    """Seal every text anew that lies under another master than the present; place -> ids of rows that open under none here.

    Cut off anywhere it is whole, and goes on when it is called again. A row that somebody holds is passed over, and waited for
    alone at the end, so that nobody waits for this with a row of their own in hand.
    """
    return {place.name: shut for place in places() if (shut := _of_place(place, told))}


def _of_place(place: Place, told: Told) -> list[Any]:
    done, shut = 0, []
    for waiting, most in (("skip locked", BATCH), ("", 1)):
        last, rows, shut = None, 1, []
        while rows:
            rows, last, closed = _batch(place, waiting, most, last)
            shut += closed
            done += rows - len(closed)
            if rows:
                told(place.name, done)
    return shut


def _batch(place: Place, waiting: str, most: int, last: Any) -> tuple[int, Any, list[Any]]:
    """One transaction: (rows looked at, the last one's id, ids of those that open under no master here)."""
    anew, shut = {}, []
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(place.statement(_OTHERS, waiting), _elsewhere() | {"last": last, "most": most})
        rows = cursor.fetchall()
        for number, text in rows:
            try:
                anew[number] = sealed.wrap(sealed.unwrap(text, place.purpose), place.purpose)
            except (InvalidTag, sealed.MasterMissing):
                # Under no key of the file, so under none that is leaving: it stays as it is and holds nothing up.
                shut.append(number)
        cursor.execute(place.statement(_WRITE), {"ids": list(anew), "texts": list(anew.values())})
    return len(rows), rows[-1][0] if rows else last, shut


_LEFT = f"select count(*) from {{table}} where {_ELSEWHERE} and id <> all(%(shut)s::{{number}}[])"


def left(shut: dict[str, list[Any]]) -> dict[str, int]:
    """Place -> how many texts lie under another master than the present, beside those that open under none: the proof."""
    found = {}
    with connection.cursor() as cursor:
        for place in places():
            cursor.execute(place.statement(_LEFT), _elsewhere() | {"shut": shut.get(place.name, [])})
            if rows := cursor.fetchone()[0]:
                found[place.name] = rows
    return found


_SOME = f"select id, {{held}} from {{table}} where {_ELSEWHERE} order by id limit %(most)s"
_ONE = "select {held} from {table} where id = %(id)s::{number} and octet_length({held}) > 0 for no key update"


def spoilt() -> dict[str, list[Any]]:
    """Place -> ids of rows whose text opens under no master here, though it names none that is missing; those that are settled
    left out. Of a place's first BATCH texts under another master than the present: sealing anew leaves no others there.
    """
    found = {}
    with connection.cursor() as cursor:
        for place in places():
            cursor.execute(place.statement(_SOME), _elsewhere() | {"most": BATCH})
            if shut := [number for number, text in cursor.fetchall() if _is_spoilt(text, place)]:
                found[place.name] = shut
    return found


def settle(place: Place, number: str) -> bool | None:
    """Put the head of what is settled before the text of this row; False where it opens or names a master that is missing, None
    where no text lies there. To be called in a transaction. Raises DataError for an id that is none."""
    with connection.cursor() as cursor:
        cursor.execute(place.statement(_ONE), {"id": number})
        row = cursor.fetchone()
        if row is None:
            return None
        if not _is_spoilt(row[0], place):
            return False
        anew = masters.SETTLED_HEAD + bytes(row[0])
        cursor.execute(place.statement(_WRITE), {"ids": [number], "texts": [anew]})
    return True


def _is_spoilt(text: bytes, place: Place) -> bool:
    if masters.named(bytes(text)) == masters.SETTLED:
        return False
    try:
        sealed.unwrap(text, place.purpose)
    except InvalidTag:
        return True
    except sealed.MasterMissing:
        return False
    return False
