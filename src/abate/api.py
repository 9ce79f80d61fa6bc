"""The Python interface: tables of activity records into milligrams, and one record explained."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from abate.api_data import ACCEPTED, is_path, like, one_record, record_texts, to_arrow
from abate.api_engine import cursor, table_results
from abate.api_errors import AbateError, refusals
from abate.api_explanation import Explanation
from abate.api_spark import LOCAL, frame_results, is_frame, quantify_files
from abate.quantify import catalogue as catalogues
from abate.quantify.catalogue import Catalogue
from abate.quantify.columns import (
    InputError,
    Summary,
    key_columns,
    quantify_file,
    quantify_table,
    quantify_texts,
)
from abate.quantify.factors import GRADES, Pack, Setting, timeline
from abate.quantify.one import quantify_one
from abate.quantify.reading import MethodError

SCHEMA = pa.schema(
    [(name, pa.int64()) for name in ("be_mg", "pe_mg", "le_mg", "er_mg")]
    + [("outcome", pa.string()), ("reason", pa.string()), ("method", pa.string())]
    + [("method_version", pa.int32()), ("factors", pa.string())]
)
"""The columns after the key columns. Amounts are whole milligrams CO2e, null where nothing was quantified."""
BATCH = 122_880


def quantify(
    method_id: str,
    data: Any,
    *,
    region: str | None = None,
    on: date | str | None = None,
    operator_pack: str | Path | None = None,
    floor: str = "standard",
    keys: Sequence[str] = (),
    out: str | Path | None = None,
    engine: str = "duckdb",
    master: str = LOCAL,
) -> Any:
    """Milligrams CO2e of every record of `data`, in the order of the rows.

    `data`: a path or a list of paths (CSV, JSON Lines, Parquet), an Arrow table or reader, a pandas or polars data
    frame, anything with `__arrow_c_stream__`, or a list of dicts; a column or key for each field of the
    methodology's record (`abate methods show ID`), in its unit. Numbers are integers, decimals, decimal texts, or
    floats that are the shortest writing of a decimal; times carry a zone. In pandas NaN and NaT mean absent.

    `region` takes regional figures (`CN-北京`), `on` figures published by that day, `operator_pack` a YAML file or
    `demo`, `floor` the lowest grade of figure, `keys` further columns to pass through, `out` a Parquet or CSV file to
    write (then `data` are files and the result is a `Summary`).

    A data frame of Spark is answered with one, in its own session (which needs the settings of
    docs/howto/cluster.md); `engine="spark"` writes Parquet files into the new folder `out` through `master`.

    Returns the same kind of thing: data frame for data frame (same index), reader for reader (a stream: nothing
    is held), list of dicts for list of dicts, an Arrow table otherwise. Columns: the record's key columns and
    `keys`, then be_mg, pe_mg, le_mg, er_mg (int64), outcome, reason, method, method_version (int32), factors. `er_mg` is
    the exact result floored, `be_mg` floored, `pe_mg` and `le_mg` rounded up. A bad record is refused in its own
    row with the reason, and a figure that is missing is `needs_figure`, never 0 (T/CECA-G 0203-2022, 7.2 and 7.3).

    Raises AbateError where the call as a whole cannot be answered.
    """
    if engine not in ("duckdb", "spark"):
        why = "Every engine gives the same integers; what differs is where it runs."
        raise AbateError("unknown_engine", f"engine {engine!r}", why, "Give duckdb or spark.")
    with refusals():
        catalogue, setting = _setting(method_id, region, on, operator_pack, floor)
        paths = [data] if is_path(data) else data if _all(data, is_path) else None
        if engine == "spark" or is_frame(data):
            return _on_spark(method_id, data, paths, out, master, catalogue, setting, keys)
        if paths is not None:
            return _files(method_id, [Path(p) for p in paths], out, catalogue, setting, keys)
        if out is not None:
            raise InputError(f"out={str(out)!r} is written from files; `data` is a {type(data).__name__}")
        if isinstance(data, list | tuple):
            return _records(method_id, data, catalogue, setting, keys)
        table = to_arrow(data)
        if isinstance(table, pa.RecordBatchReader):
            con = cursor()
            con.register("abate_input", table)
            return _stream(con, quantify_table(con, "abate_input", method_id, catalogue, setting, keys))
        return like(table_results(table, method_id, catalogue, setting, keys), data)


def explain(
    method_id: str,
    record: Any,
    *,
    row: int = 0,
    region: str | None = None,
    on: date | str | None = None,
    operator_pack: str | Path | None = None,
    floor: str = "standard",
    lang: str = "zh",
) -> Explanation:
    """One record with every step of its calculation; the same milligrams as `quantify` gives it.

    `record` is a mapping of fields, a pandas Series, or a table of which `row` (counted from 0) is explained. The
    other arguments are those of `quantify`; `lang` is zh or en. A bad record is an explanation of why it is
    refused. Raises AbateError where the call as a whole cannot be answered.
    """
    if lang not in ("zh", "en"):
        raise AbateError(
            "unknown_setting", f"lang {lang!r}", "Texts exist in two languages.", "Give zh or en."
        )
    with refusals():
        catalogue, setting = _setting(method_id, region, on, operator_pack, floor)
        quantity, tree = quantify_one(one_record(record, row), method_id, catalogue, setting)
        return Explanation(quantity, tree, lang)


def methods() -> list[dict[str, Any]]:
    """The methodologies: id, behaviour (its number in Appendix A of T/CECA-G 0203, or None), version, standard,
    status (ready, or the parameters that need your figure), title_zh, title_en."""
    with refusals():
        catalogue = catalogues.load()
    found = []
    for method_id in catalogue.methods:
        m = catalogue.newest(method_id)
        missing = timeline(m, catalogue.registry, Setting())[-1].resolution.missing
        found.append(
            {
                "id": method_id,
                "behaviour": m.behaviour,
                "version": m.version,
                "standard": m.standard,
                "status": "needs_figure" if missing else "ready",
                "needs": list(missing),
                "title_zh": m.titles.zh,
                "title_en": m.titles.en,
            }
        )
    return found


def factors() -> list[dict[str, Any]]:
    """The emission factors: id, value (the decimal text that its source prints), unit, region, kind, grade,
    published (a date or None), source (the document) and table."""
    with refusals():
        registry = catalogues.load().registry
    names = ("id", "unit", "region", "kind", "grade", "published", "source", "table")
    return [{n: getattr(f, n) for n in names} | {"value": f.value_text} for f in registry.factors.values()]


# -- one call ----------------------------------------------------------------------------------------


def _all(data: Any, test: Any) -> bool:
    return isinstance(data, list | tuple) and bool(data) and all(map(test, data))


def _setting(
    method_id: str, region: str | None, on: date | str | None, pack: str | Path | None, floor: str
) -> tuple[Catalogue, Setting]:
    catalogue = catalogues.load()
    if method_id not in catalogue.methods:
        near = ", ".join(get_close_matches(str(method_id), catalogue.methods)) or "see abate.methods()"
        what = f"there is no methodology {method_id!r}"
        raise AbateError("unknown_method", what, "Nothing is computed by a likely name.", f"Known: {near}.")
    if floor not in GRADES:
        what, why = f"floor {floor!r}", "The floor decides which figures may be used."
        raise AbateError("unknown_setting", what, why, f"One of: {', '.join(GRADES)}.")
    try:
        day = date.fromisoformat(on) if isinstance(on, str) else on
    except ValueError as error:
        what, why = f"on={on!r}", "It decides which factors were published."
        raise AbateError("unknown_setting", what, why, "Give a date, or a text like 2026-03-02.") from error
    return catalogue, Setting(region, floor, _pack(catalogue, pack) if pack else None, day)


def _pack(catalogue: Catalogue, pack: str | Path) -> Pack:
    try:
        return catalogue.pack(str(pack))
    except MethodError as error:
        what = f"operator_pack={str(pack)!r}: line {error.line}: {error.reason}"
        why = "A figure is used only where its document can be read and every check of it holds."
        raise AbateError("bad_pack", what, why, f"{error.remedy}, or give `demo`") from error


def _files(
    method_id: str,
    paths: list[Path],
    out: str | Path | None,
    catalogue: Catalogue,
    setting: Setting,
    keys: Sequence[str],
) -> pa.Table | Summary:
    if out is not None:
        return quantify_file(method_id, paths, Path(out), catalogue, setting, keys)
    with tempfile.TemporaryDirectory(prefix="abate-") as folder:
        file = Path(folder) / "result.parquet"
        quantify_file(method_id, paths, file, catalogue, setting, keys)
        table = pq.read_table(file, memory_map=False)
    # the file holds texts as dictionaries; the contract is plain texts
    kept = [table.schema.field(n) for n in table.column_names if n not in SCHEMA.names]
    return table.cast(pa.schema([*(pa.field(f.name, _unpacked(f.type)) for f in kept), *SCHEMA]))


def _on_spark(
    method_id: str,
    data: Any,
    paths: Sequence[str | Path] | None,
    out: str | Path | None,
    master: str,
    catalogue: Catalogue,
    setting: Setting,
    keys: Sequence[str],
) -> Any:
    if is_frame(data):
        if out is not None:
            raise InputError("out is written from files; write the data frame that is returned")
        return frame_results(data, method_id, catalogue, setting, keys)
    if paths is None:
        raise AbateError(
            "unknown_engine",
            f"engine 'spark' on a {type(data).__name__}",
            "What lies in this process is computed here; a cluster reads files itself.",
            "Leave engine out, or give Parquet files or a data frame of Spark.",
        )
    if out is None:
        raise InputError("engine='spark' writes a folder of Parquet: name it with out=")
    return quantify_files(master, method_id, paths, out, catalogue, setting, keys)


def _unpacked(kind: pa.DataType) -> pa.DataType:
    return kind.value_type if pa.types.is_dictionary(kind) else kind


def _records(
    method_id: str, records: Sequence[object], catalogue: Catalogue, setting: Setting, keys: Sequence[str]
) -> list[dict[str, Any]]:
    asked = key_columns(catalogue.newest(method_id), keys)
    if odd := next((r for r in records if not isinstance(r, Mapping)), None):
        raise InputError(f"a list of {type(odd).__name__}; give {ACCEPTED}")
    con = cursor()
    try:
        con.register("abate_input", record_texts(records))
        results = quantify_texts(con, "abate_input", method_id, catalogue, setting).to_arrow_table()
    finally:
        con.close()
    return [
        {k: record.get(k) for k in asked} | result
        for record, result in zip(records, results.to_pylist(), strict=True)
        if isinstance(record, Mapping)
    ]


def _stream(con: duckdb.DuckDBPyConnection, relation: duckdb.DuckDBPyRelation) -> pa.RecordBatchReader:
    reader = relation.to_arrow_reader(BATCH)

    def batches() -> Iterator[pa.RecordBatch]:
        try:
            yield from reader
        finally:
            con.close()

    return pa.RecordBatchReader.from_batches(reader.schema, batches())
