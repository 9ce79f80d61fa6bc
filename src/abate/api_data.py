"""Tables in and out: Arrow, pandas, polars and lists of records, without importing a library that the caller
has not imported."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa

from abate.api_errors import AbateError

ACCEPTED = (
    "a path or a list of paths (CSV, JSON Lines, Parquet), a pyarrow Table or RecordBatchReader, "
    "a pandas or polars DataFrame, anything with __arrow_c_stream__, or a list of dicts"
)


def is_path(data: object) -> bool:
    return isinstance(data, str | Path)


def library(data: object) -> str:
    """The package that the data's type comes from: `pandas`, `polars`, `pyarrow`, ..."""
    return type(data).__module__.partition(".")[0]


def to_arrow(data: Any) -> pa.Table | pa.RecordBatchReader:
    """A table whose values are those of `data`. In pandas NaN and NaT are absent; elsewhere NaN is a value,
    and refused as one."""
    if isinstance(data, pa.Table | pa.RecordBatchReader):
        return data
    if isinstance(data, pa.RecordBatch):
        return pa.Table.from_batches([data])
    if library(data) == "pandas" and hasattr(data, "columns"):
        return _from_pandas(data)
    if hasattr(data, "__arrow_c_stream__"):
        return pa.table(data)
    why = "Only data whose columns or records have names can be read."
    raise AbateError("bad_input", f"data is a {type(data).__name__}", why, f"Give {ACCEPTED}.")


def _from_pandas(frame: Any) -> pa.Table:
    names = [str(name) for name in frame.columns]
    if len(set(names)) < len(names):
        twice = sorted({n for n in names if names.count(n) > 1})
        what = f"the data frame has the column {twice[0]} more than once"
        raise AbateError("bad_input", what, "A value would be taken at random.", "Rename or drop one.")
    arrays = []
    for place in range(len(names)):
        column = frame.iloc[:, place]
        try:
            arrays.append(pa.array(column, from_pandas=True))
        except (pa.ArrowInvalid, pa.ArrowTypeError):  # values of several kinds: each as its text
            missing = column.isna()
            texts = [None if gone else _text(value) for value, gone in zip(column, missing, strict=True)]
            arrays.append(pa.array(texts, pa.string()))
    return pa.table(arrays, names=names)


def _text(value: Any) -> str:
    value = plain(value)
    if isinstance(value, float):
        value = Decimal(repr(value))
    if isinstance(value, Decimal):
        return format(value, "f")
    return value if isinstance(value, str) else json.dumps(value, default=str)


def like(table: pa.Table, data: Any) -> Any:
    """The result as the kind of thing that was given; row k belongs to row k."""
    kind = library(data)
    if kind == "pandas":
        pandas = sys.modules["pandas"]
        whole = {pa.int64(): pandas.Int64Dtype(), pa.int32(): pandas.Int32Dtype()}
        # without these a column with an absent amount becomes float64, which rounds past 2**53
        frame = table.to_pandas(types_mapper=whole.get)
        frame.index = data.index
        return frame
    if kind == "polars":
        return sys.modules["polars"].from_arrow(table)
    return table


# -- records -----------------------------------------------------------------------------------------


def record_texts(records: Sequence[object]) -> pa.Table:
    """Records as JSON texts in the column `data`."""
    texts = [json.dumps(plain(record, f"record {k}")) for k, record in enumerate(records)]
    return pa.table({"data": pa.array(texts, pa.string())})


def plain(value: Any, where: str = "the record") -> Any:
    """A value as JSON holds it: a Decimal as its text, a time or date in ISO form, a NumPy number as Python's."""
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        # no JSON number; as a text it is a wrong type in its own field
        return float(value) if math.isfinite(value) else str(float(value))
    if isinstance(value, Decimal):
        return format(value, "f") if value.is_finite() else str(value)
    if isinstance(value, date | datetime):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(k): plain(v, f"{where}, field {k}") for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [plain(v, where) for v in value]
    if library(value) == "numpy":
        # a float32 means the shortest decimal that names it, as in a table
        return float(str(value)) if type(value).__name__ == "float32" else plain(value.tolist(), where)
    what = f"{where} holds a {type(value).__name__}"
    remedy = "Give texts, numbers, Decimals, times with a zone, dates, and lists of records of numbers."
    raise AbateError("bad_input", what, "It has no meaning as an activity field.", remedy)


def one_record(record: Any, row: int) -> Mapping[str, object]:
    """One record as fields and values: a mapping, a pandas Series, or row `row` of a table."""
    kind = library(record)
    if kind == "pandas":
        series = record.iloc[row] if hasattr(record, "columns") else record
        found = {str(k): v for k, v in series.items() if not _is_missing(v)}
        return {k: _value(v) for k, v in found.items()}
    if isinstance(record, Mapping):
        return {str(k): _value(v) for k, v in record.items()}
    if not hasattr(record, "__arrow_c_stream__") or isinstance(record, pa.RecordBatchReader):
        why = "An explanation is of one record."
        raise AbateError(
            "bad_input", f"the record is a {type(record).__name__}", why, "Give a dict or one row."
        )
    table = pa.table(record)
    if not -table.num_rows <= row < table.num_rows:
        what = f"row {row} of a table of {table.num_rows} rows"
        raise AbateError("bad_input", what, "There is no such row.", "Rows are counted from 0.")
    (found,) = table.slice(row % table.num_rows, 1).to_pylist()
    return {k: _value(v) for k, v in found.items() if v is not None}


def _is_missing(value: Any) -> bool:
    """NaN, NaT and NA: the values that are not equal to themselves, or do not say."""
    try:
        return value is None or bool(value != value)
    except (TypeError, ValueError):  # NA has no truth; an array has many
        return type(value).__name__ == "NAType"


def _value(value: Any) -> Any:
    """As `plain`, but what the exact engine reads as it is stays so."""
    if isinstance(value, Decimal | float | datetime | date) and library(value) != "numpy":
        return value
    return plain(value)
