"""What every column is for, how secret it is and how long it is kept (fields.toml): checked, printed, and acted on."""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path

from django.apps import apps
from django.conf import settings
from django.db import connection
from psycopg import sql

from abate.platform.carbon import dropping
from abate.platform.doors import clock
from abate.platform.doors.errors import Problem
from abate.platform.joining import forgetting
from abate.platform.parties import tills
from abate.platform.review import sealing

LABELS = ("public", "internal", "personal", "sensitive")
KEEPS = ("erasure", "unnamed", "clear", "sealed", "unproved", "standing")


class TableUnknown(Problem):
    code = "table-unknown"
    status = 404
    zh = "没有这张表。"
    en = "There is no such table."
    why_zh = "泄露范围须按真实的表来说明。"
    why_en = "What leaked is told by tables that there are."
    remedy_zh = "`abate privacy record` 列出所有表。"
    remedy_en = "`abate privacy record` lists all of them."


@dataclass(frozen=True, slots=True)
class Table:
    """`labels`: column -> label. `clear`: (column, days), for rows deleted by age (`keep`: clear, sealed, unproved).
    `people`: how its people are found where no column says so (fields.toml). `drop`: (columns, days), for columns that are
    emptied while the row stays. `sealed`: column, or column.key of JSON -> the purpose under which the master key seals it.
    """

    name: str
    purpose: str
    keep: str
    clear: tuple[str, int] | None
    labels: dict[str, str]
    people: str = ""
    drop: tuple[tuple[str, ...], int] | None = None
    sealed: Mapping[str, bytes] = field(default_factory=dict)

    @property
    def personal(self) -> bool:
        """Whether a field of it tells something of somebody."""
        return bool({"personal", "sensitive"} & set(self.labels.values()))


@lru_cache(maxsize=1)
def _told() -> dict[str, dict[str, dict[str, str]]]:
    with (Path(__file__).parent / "fields.toml").open("rb") as file:
        return tomllib.load(file)


def tables() -> dict[str, Table]:
    """Raises ValueError for a word that means nothing."""
    found = {}
    for name, raw in _told()["tables"].items():
        labels = {column: label for label in LABELS for column in raw.get(label, "").split()}
        unknown = set(raw) - {"purpose", "keep", "clear", "drop", "people", "sealed", *LABELS}
        if unknown or raw["purpose"] not in _told()["purposes"] or raw["keep"] not in KEEPS:
            raise ValueError(f"fields.toml: {name}: {unknown or raw['purpose']} {raw['keep']}")
        clear = None
        if raw["keep"] in ("clear", "sealed", "unproved"):
            column, _, days = raw["clear"].partition(" + ")
            clear = (column, int(days))
        found[name] = Table(
            name,
            raw["purpose"],
            raw["keep"],
            clear,
            labels,
            raw.get("people", ""),
            _dropped(raw),
            _sealed(name, raw, labels),
        )
    return found


def actual() -> dict[str, set[str]]:
    """Table -> its columns, as the models have them."""
    models = apps.get_models(include_auto_created=True)
    return {m._meta.db_table: {f.column for f in m._meta.concrete_fields if f.column} for m in models}


def _dropped(raw: Mapping[str, str]) -> tuple[tuple[str, ...], int] | None:
    if "drop" not in raw:
        return None
    columns, _, days = raw["drop"].partition(" + ")
    return tuple(columns.split()), int(days)


def _sealed(name: str, raw: Mapping[str, str], labels: Mapping[str, str]) -> dict[str, bytes]:
    said = (one.partition(":") for one in raw.get("sealed", "").split())
    sealed = {column: purpose.encode() for column, _, purpose in said}
    if not {column.partition(".")[0] for column in sealed} <= set(labels):
        raise ValueError(f"fields.toml: {name}: sealed names a column that is not there")
    return sealed


def missing(real: dict[str, set[str]]) -> list[str]:
    """What is in the tables and not in fields.toml, or the other way round, as `table.column`."""
    listed = {f"{name}.{column}" for name, one in tables().items() for column in one.labels}
    there = {f"{name}.{column}" for name, columns in real.items() for column in columns}
    return sorted(listed ^ there)


_DROPS = {
    "carbon_kept": dropping.drop_records,
    "joining_application": forgetting.drop_contacts,
    "parties_till": tills.drop_holders,
}
"""What empties the columns that a table drops: its room knows which rows still need them."""


def retain() -> dict[str, int]:
    """Delete what is older than its rule; returns how many rows of each table. (PIPL article 19, P-8.4-b, P-7.3.3.3-c)

    Of the audit trail whole seals go, so that what is left can still be held against the log.
    """
    now, cleared = clock.now(), {}
    for one in tables().values():
        # First the rows that go, so that none is counted twice; before the next table, whose rows may end with these.
        if one.clear is not None:
            cleared[one.name] = _clear(one, *one.clear, now)
        if one.drop is not None:
            dropped = _DROPS[one.name](now - timedelta(days=one.drop[1]))
            cleared[one.name] = cleared.get(one.name, 0) + dropped
    return cleared


def _clear(one: Table, column: str, days: int, now: datetime) -> int:
    before = now - timedelta(days=days)
    if one.keep == "sealed":
        return sealing.prune(before)
    if one.keep == "unproved":
        return forgetting.clear_unproved(before)
    statement = sql.SQL("delete from {} where {} < %s").format(
        sql.Identifier(one.name), sql.Identifier(column)
    )
    with connection.cursor() as cursor:
        cursor.execute(statement.as_string(), [before])
        return int(cursor.rowcount)


def record() -> str:
    """The record of processing in Markdown, by purpose (PIPL articles 55 and 56)."""
    who = [one for one in (settings.ABATE_OPERATOR_NAME, settings.ABATE_OPERATOR_CONTACT) if one]
    lines = [
        "# 个人信息处理活动记录 / Record of processing",
        "",
        f"处理者 / Handler: {', '.join(who) or '________'}",
        "",
    ]
    for name, purpose in _told()["purposes"].items():
        own = [one for one in tables().values() if one.purpose == name]
        lines += [f"## {purpose['zh']} / {purpose['en']}", "", f"{purpose['basis']}", ""]
        lines += ["| table | personal | sensitive | kept |", "|---|---|---|---|"]
        for one in own:
            cells = [
                " ".join(c for c, label in one.labels.items() if label == wanted) for wanted in LABELS[2:]
            ]
            kept = f"{one.clear[0]} + {one.clear[1]} d" if one.clear else one.keep
            kept += f"; {' '.join(one.drop[0])}: {one.drop[1]} d" if one.drop else ""
            lines.append(f"| {one.name} | {cells[0]} | {cells[1]} | {kept} |")
        lines.append("")
    return "\n".join(lines)


def kinds(columns: Collection[str]) -> list[tuple[str, str]]:
    """What some columns (`table.column`) are called in Chinese and English: each kind once, in the order of fields.toml.

    Raises KeyError for a column of no kind.
    """
    told = _told()["kinds"]
    of = {place: name for name, one in told.items() for place in one["of"].split()}
    found = {of.get(column) or of[column.partition(".")[0]] for column in columns}
    return [(one["zh"], one["en"]) for name, one in told.items() if name in found]


_OWN = ("person_id", "child_id", "guardian_id")
EVERYBODY, NOBODY = "everybody", "nobody: "


def unfindable() -> list[str]:
    """Tables with personal or sensitive fields of which nothing says whose their rows are: a leak of one would concern 0."""
    return sorted(one.name for one in tables().values() if one.personal and not _way(one))


@dataclass(frozen=True, slots=True)
class Breach:
    """What a leak of some tables would mean: whose (person ids), and which fields by label.

    `unknown`: tables of which nobody can tell whose the rows are, so that `people` is everybody. `others`: table -> why its
    personal fields are no account holder's.
    """

    people: list[int]
    erased: int
    fields: dict[str, list[str]]
    unknown: list[str]
    others: dict[str, str]


def breach(names: Collection[str]) -> Breach:
    """Who would be affected if these tables leaked. Raises TableUnknown, ValueError for one that is `unfindable`."""
    known = tables()
    for name in names:
        if name not in known:
            raise TableUnknown(name[:60])
    personal = [known[name] for name in dict.fromkeys(names) if known[name].personal or _columns(known[name])]
    ways = {one.name: _way(one) for one in personal}
    if not all(ways.values()):
        raise ValueError(
            f"fields.toml: nothing says whose the rows are of {[n for n, way in ways.items() if not way]}"
        )
    unknown = sorted(name for name, way in ways.items() if way == EVERYBODY)
    found: set[int] = set()
    with connection.cursor() as cursor:
        for way in ["select id from people_person"] if unknown else ways.values():
            if not way.startswith(NOBODY):
                cursor.execute(way)
                # Of some rows nobody is meant, such as a recovery that fits no account.
                found |= {row[0] for row in cursor.fetchall() if row[0] is not None}
        cursor.execute("select id, status from people_person where id = any(%s) order by id", [sorted(found)])
        rows = cursor.fetchall()
    fields = {
        label: [
            f"{name}.{column}"
            for name in names
            for column, said in known[name].labels.items()
            if said == label
        ]
        for label in LABELS[2:]
    }
    others = {name: way.removeprefix(NOBODY) for name, way in ways.items() if way.startswith(NOBODY)}
    return Breach(
        [i for i, s in rows if s != "erased"], sum(s == "erased" for _, s in rows), fields, unknown, others
    )


def _columns(table: Table) -> list[str]:
    return [one for one in (*_OWN, "user_id") if one in table.labels]


def _way(table: Table) -> str:
    """The statement that names the people with rows in a table, or EVERYBODY, or why NOBODY; nothing where none is known."""
    if table.people:
        return table.people
    if table.name == "people_person":
        return "select id from people_person"
    name, columns = sql.Identifier(table.name), _columns(table)
    each = [sql.SQL("select {} from {}").format(sql.Identifier(one), name) for one in columns if one in _OWN]
    if not each and columns:
        joined = "select distinct person.id from {} held join people_person person on person.user_id = held.user_id"
        each = [sql.SQL(joined).format(name)]
    return sql.SQL(" union ").join(each).as_string()
