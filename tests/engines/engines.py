"""Both engines on the same records, in one form: rows that can be compared with `==`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import astuple
from typing import Any

import duckdb
import pyarrow as pa

from abate.quantify import columns
from abate.quantify.catalogue import Catalogue
from abate.quantify.factors import Setting
from abate.quantify.one import quantify_one
from abate.quantify.record import Record, canonical, read_record

Row = tuple[Any, ...]
INFINITE = "@1e400@"
"""Stands in a record for the JSON number 1e400, which Python cannot write."""


def as_json(record: object) -> str:
    return json.dumps(record, ensure_ascii=False).replace(f'"{INFINITE}"', "1e400")


def parse(text: str) -> object:
    """What a strict JSON reader makes of a line; None where it is no JSON."""
    try:
        return json.loads(text)
    except ValueError:
        return None


def by_one(text_or_record: object, method: str, catalogue: Catalogue, setting: Setting) -> Row:
    """outcome, reason, amounts, method, version, factors of the exact engine."""
    record = parse(text_or_record) if isinstance(text_or_record, str) else text_or_record
    quantity, _ = quantify_one(record, method, catalogue, setting)  # type: ignore[arg-type]
    return astuple(quantity)


def by_columns(
    con: duckdb.DuckDBPyConnection,
    texts: Sequence[str],
    method: str,
    catalogue: Catalogue,
    setting: Setting,
) -> tuple[list[Row], list[dict[str, Any]]]:
    events = pa.table({"ord": pa.array(range(len(texts)), pa.int64()), "data": pa.array(texts, pa.string())})
    found = columns.quantify_events(con, events, method, catalogue, setting).to_pylist()
    assert [row["ord"] for row in found] == list(range(len(texts)))
    return [as_row(row) for row in found], found


def as_row(row: Mapping[str, Any]) -> Row:
    names = ("outcome", "reason", "be_mg", "pe_mg", "le_mg", "er_mg", "method", "method_version", "factors")
    return tuple(row[name] for name in names)


def by_table(
    con: duckdb.DuckDBPyConnection, table: pa.Table, method: str, catalogue: Catalogue, setting: Setting
) -> list[Row]:
    con.register("given", table)
    try:
        found = columns.quantify_table(con, "given", method, catalogue, setting)
        return [as_row(row) for row in found.to_arrow_table().to_pylist()]
    finally:
        con.unregister("given")


def canonical_of(text: str, method: str, catalogue: Catalogue, setting: Setting) -> str | None:
    """The canonical record text, None where the record is refused."""
    quantity, _ = quantify_one(parse(text), method, catalogue, setting)  # type: ignore[arg-type]
    if quantity.outcome == "refused":
        return None
    version = next(m for m in catalogue.methods[method] if m.version == quantity.method_version)
    record = read_record(version, parse(text), setting.zone)
    assert isinstance(record, Record)
    return canonical(version, record).decode()
