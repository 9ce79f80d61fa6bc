"""Where rows come from: Parquet, CSV, JSON Lines, and tables of events as JSON texts.

Parquet columns keep their types. CSV is read as text. JSON Lines are read as raw lines, one record each, so
that a line that is no JSON refuses only itself; so does a CSV row of the wrong length.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import duckdb
import pyarrow as pa

from abate.quantify.columns_checks import NO_FIELD, Source
from abate.quantify.columns_input import Column, column_of, identifier, quoted
from abate.quantify.columns_json import strict_json
from abate.quantify.method import Method

CHUNK = 1 << 22
CSV_ROWS = 20_000
BAD = "_bad"


class InputError(ValueError):
    """Input that cannot be read at all: what and where, and what to do."""


@dataclass(frozen=True, slots=True)
class Rows:
    """A source and the output columns that identify its rows: name -> SQL."""

    source: Source
    keys: dict[str, str]
    closed: bool = True
    """Every field that may be unknown is named in the source."""


FORMS = {".parquet": "parquet", ".csv": "csv", ".jsonl": "lines", ".ndjson": "lines", ".json": "lines"}


def file_rows(
    con: duckdb.DuckDBPyConnection, methods: Sequence[Method], inputs: Sequence[Path], keys: Sequence[str]
) -> Rows:
    """The records of files of one kind, to be read once. Raises InputError."""
    for path in inputs:
        if not path.is_file():
            raise InputError(f"{path}: there is no such file")
    forms = {FORMS.get(path.suffix.lower(), "") for path in inputs}
    if len(forms) != 1 or "" in forms:
        raise InputError("give .parquet, .csv, .jsonl or .ndjson, files of one kind at a time")
    match forms.pop():
        case "parquet":
            return table_rows(con, methods, parquet_relation(inputs), keys)
        case "lines":
            con.register("abate_lines", line_batches(inputs))
            return json_rows(methods, "abate_lines", "data", keys, ())
        case _:
            con.register("abate_rows", csv_batches(inputs))
            return table_rows(con, methods, "abate_rows", keys)


def json_rows(
    methods: Sequence[Method], relation: str, text: str, keys: Sequence[str], kept: Sequence[str]
) -> Rows:
    """Records as JSON objects in column `text` of `relation`; `kept` are other columns to carry along."""
    fields = list(dict.fromkeys(f.name for m in methods for f in m.activity.fields))
    asked = [k for k in keys if k not in fields]
    shape = "{" + ", ".join(f'"{name}": "JSON"' for name in [*fields, *asked]) + "}"
    known = ", ".join(map(quoted, [*fields, *asked]))
    raw = ", ".join(f"CAST(_d.{identifier(name)} AS VARCHAR) AS r_{name}" for name in fields)
    extra = "".join(
        f", json_extract_string(_d.{identifier(k)}, '$') AS {identifier('k_' + k)}" for k in asked
    )
    inner = (
        f"SELECT {''.join(f'{name}, ' for name in kept)}{text} AS _t, "
        f"CASE WHEN {strict_json(text)} THEN json_type({text}) = 'OBJECT' ELSE false END AS _o "
        f"FROM {relation}"
    )
    passed = [identifier("k_" + k) for k in asked]
    pointer = "'/' || replace(replace(k, '~', '~0'), '/', '~1')"
    strange = f"k NOT IN ({known}) AND json_type(_t, {pointer}) <> 'NULL'"
    parsed = (
        f"SELECT * EXCLUDE (_t), CASE WHEN _o THEN json_transform(_t, {quoted(shape)}) END AS _d, "
        f"CASE WHEN _o THEN json_keys(_t) END AS _k, "
        f"CASE WHEN _o THEN list_min(list_filter(json_keys(_t), lambda k: {strange})) END AS _unknown "
        f"FROM ({inner})"
    )
    bad = "coalesce(NOT _o OR len(list_distinct(_k)) < len(_k), true)"
    checked = (
        f"SELECT * EXCLUDE (_d, _k, _o, _unknown), {raw}{extra}, {bad} AS {BAD}, _unknown FROM ({parsed})"
    )
    names = (*kept, *(f"r_{name}" for name in fields), *passed, BAD, "_unknown")
    source = Source(checked, {name: Column("json") for name in fields}, names, BAD, "_unknown")
    out = {k: f"json_extract_string(r_{k}, '$')" if k in fields else identifier("k_" + k) for k in keys}
    return Rows(source, out, closed=False)


def table_rows(
    con: duckdb.DuckDBPyConnection, methods: Sequence[Method], relation: str, keys: Sequence[str]
) -> Rows:
    """Records as rows of a relation with a column for each field. Raises InputError."""
    found = con.execute(f"DESCRIBE SELECT * FROM {relation}").fetchall()
    return typed_rows({str(row[0]): str(row[1]) for row in found}, methods, relation, keys)


def typed_rows(
    types: Mapping[str, str], methods: Sequence[Method], relation: str, keys: Sequence[str]
) -> Rows:
    """The same of a relation whose columns have these types (as DuckDB names them). Raises InputError."""
    fields = {f.name for m in methods for f in m.activity.fields}
    own = {k for m in methods for k in m.activity.key}
    absent = [k for k in keys if k not in types and k not in own]
    if absent:
        raise InputError(f"there is no column {absent[0]}; columns: {', '.join(types)}")
    columns: dict[str, Column] = {}
    raw: list[str] = []
    for name in [n for n in types if n in fields]:
        column, sql = column_of(types[name]), identifier(name)
        if types[name] == "FLOAT":  # its shortest text names the decimal that was meant
            column, sql = Column("double"), f"CAST(CAST({sql} AS VARCHAR) AS DOUBLE)"
        columns[name] = column
        raw.append(f"{sql} AS r_{name}")
    passed = [f"{identifier(k) if k in types else 'NULL'} AS {identifier('k_' + k)}" for k in keys]
    others = sorted(n for n in types if n not in fields and n not in keys and n != BAD)
    unknown = NO_FIELD
    if others:
        unknown = "_unknown"
        whens = "".join(f" WHEN {identifier(n)} IS NOT NULL THEN {quoted(n)}" for n in others)
        raw.append(f"CASE{whens} END AS _unknown")
    if BAD in types:
        raw.append(BAD)
    sql = f"SELECT {', '.join([*raw, *passed]) or '1 AS _none'} FROM {relation}"
    names = tuple(part.rpartition(" AS ")[2] for part in [*raw, *passed])
    source = Source(sql, columns, names, BAD if BAD in types else "false", unknown, tuple(others))
    return Rows(source, {k: identifier("k_" + k) for k in keys})


# -- files -----------------------------------------------------------------------------------------


def parquet_relation(paths: Sequence[Path]) -> str:
    """Columns are the files' own: `day=...` in a path is no field of a record."""
    files = ", ".join(quoted(str(p)) for p in paths)
    return f"read_parquet([{files}], union_by_name = true, hive_partitioning = false)"


def csv_relation(paths: Sequence[Path]) -> str:
    """The fast reader; it stops at a row of the wrong length (then `csv_batches` reads the file)."""
    header = _header(paths)
    columns = ", ".join(f"{quoted(name)}: 'VARCHAR'" for name in header)
    return (
        f"read_csv([{', '.join(quoted(str(p)) for p in paths)}], columns = {{{columns}}}, header = true, "
        "auto_detect = false, delim = ',', quote = '\"', escape = '\"', nullstr = '', strict_mode = true)"
    )


def csv_batches(paths: Sequence[Path]) -> pa.RecordBatchReader:
    """The careful reader: a row of the wrong length or with broken text is marked, and the next one is
    read.
    """
    header = _header(paths)
    schema = pa.schema([(name, pa.string()) for name in header] + [(BAD, pa.bool_())])

    def batches() -> Iterator[pa.RecordBatch]:
        rows: list[list[str | None]] = []
        bad: list[bool] = []
        for path in paths:
            with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
                for row in _csv_rows(file):
                    whole = len(row) == len(header) and _encodable(row)
                    rows.append([cell or None for cell in row] if whole else [None] * len(header))
                    bad.append(not whole)
                    if len(rows) >= CSV_ROWS:
                        yield _batch(rows, bad, schema)
                        rows, bad = [], []
        yield _batch(rows, bad, schema)

    return pa.RecordBatchReader.from_batches(schema, batches())


def line_batches(paths: Sequence[Path]) -> pa.RecordBatchReader:
    """JSON Lines as raw lines in column `data`; blank lines are no records, lines that are not UTF-8 no
    JSON.
    """
    schema = pa.schema([("data", pa.string())])

    def batches() -> Iterator[pa.RecordBatch]:
        for path in paths:
            with path.open("rb") as file:
                rest = b""
                while chunk := file.read(CHUNK):
                    *lines, rest = (rest + chunk).split(b"\n")
                    yield _lines(lines, schema)
                yield _lines([rest], schema)

    return pa.RecordBatchReader.from_batches(schema, batches())


def _header(paths: Sequence[Path]) -> list[str]:
    headers = []
    for path in paths:
        with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
            headers.append(next(csv.reader(file), []))
    names = headers[0]
    if not names or len(set(names)) < len(names) or "" in names:
        raise InputError(f"{paths[0]}: the first line must name every column once")
    for path, other in zip(paths, headers, strict=True):
        if other != names:
            raise InputError(f"{path}: its columns differ from those of {paths[0]}; give files of one form")
    return names


def _csv_rows(file: IO[str]) -> Iterator[list[str]]:
    reader = csv.reader(file, strict=True)
    next(reader, None)
    while True:
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error:
            row = []
            yield row
            continue
        if row:
            yield row


def _encodable(row: Sequence[str]) -> bool:
    try:
        "".join(row).encode()
    except UnicodeEncodeError:
        return False
    return True


def _batch(rows: list[list[str | None]], bad: list[bool], schema: pa.Schema) -> pa.RecordBatch:
    columns = list(zip(*rows, strict=True)) if rows else [()] * (len(schema) - 1)
    arrays = [pa.array(c, pa.string()) for c in columns]
    return pa.RecordBatch.from_arrays([*arrays, pa.array(bad, pa.bool_())], schema=schema)


def _lines(lines: list[bytes], schema: pa.Schema) -> pa.RecordBatch:
    kept = [line for line in lines if line and not line.isspace()]
    try:
        array = pa.array(kept, pa.binary()).cast(pa.string())
    except pa.ArrowInvalid:
        array = pa.array([_text(line) for line in kept], pa.string())
    return pa.RecordBatch.from_arrays([array], schema=schema)


def _text(line: bytes) -> str:
    try:
        return line.decode()
    except UnicodeDecodeError:
        return ""
