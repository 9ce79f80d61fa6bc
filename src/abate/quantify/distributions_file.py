"""Statements of uncertainty from YAML: a file of their own, a section of a pack, a block of a methodology.

The same strict reading as everywhere: numbers in quotes, unknown keys refused, every refusal with its line.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any, get_args

from abate.quantify.distributions import (
    ABOUT,
    CLAUSES,
    FEWEST,
    KINDS,
    Correlation,
    Kind,
    OfMethod,
    Percentile,
    Stated,
    Uncertainties,
)
from abate.quantify.method import Text
from abate.quantify.reading_yaml import MethodError, Table, Value, plain, read_yaml

Titles = Mapping[str, Text]
"""Titles of the documents of sources.yaml by key."""


def read_file(path: Path, titles: Titles) -> Uncertainties:
    """A file of statements. Raises MethodError with line, reason and remedy."""
    return read_section(read_yaml(path, path.name), titles)


def read_section(at: Value, titles: Titles) -> Uncertainties:
    """The same content under a key of an operator's pack."""
    table = at.table()
    shown = table["illustration"].truth()
    reader = _Reader(titles, shown)
    found = Uncertainties(
        id=table["uncertainties"].text(),
        titles=table["titles"].both(),
        illustration=shown,
        factors={name: reader.stated(v) for name, v in table.named("factors")},
        methods={name: reader.of_method(v) for name, v in table.named("methods")},
        correlations=tuple(reader.correlation(v) for v in table.entries("correlations")),
        hash=hashlib.sha256(json.dumps(plain(at), ensure_ascii=False, sort_keys=True).encode()).hexdigest(),
    )
    table.done()
    return found


def read_block(
    at: Value | None, titles: Titles, inputs: Collection[str], parameters: Collection[str]
) -> OfMethod | None:
    """The `uncertainty` block of a methodology; its documents are those of sources.yaml."""
    if at is None:
        return None
    found = _Reader(titles, False).of_method(at)
    for kind, names, known in (("input", found.inputs, inputs), ("parameter", found.parameters, parameters)):
        for name in names:
            if name not in known:
                raise _refused(at, f"there is no {kind} {name}", f"{kind}s: {', '.join(sorted(known))}")
    return found


def _refused(at: Value, reason: str, remedy: str) -> MethodError:
    return at.error(f"{reason} ({CLAUSES})", remedy)


class _Reader:
    def __init__(self, titles: Titles, illustration: bool) -> None:
        self._titles = titles
        self._illustration = illustration

    def of_method(self, at: Value) -> OfMethod:
        table = at.table()
        found = OfMethod(
            inputs={name: self.stated(v) for name, v in table.named("inputs")},
            parameters={name: self.stated(v) for name, v in table.named("parameters")},
            conservative=self._percentile(v) if (v := table.get("conservative")) else None,
        )
        table.done()
        return found

    def _percentile(self, at: Value) -> Percentile:
        table = at.table()
        value = table["percentile"].number()
        if not 0 < value < 100:
            raise _refused(
                at, f"percentile {table['percentile'].node.value} is not between 0 and 100",
                "write it like \"5\": the reduction is then exceeded with 95 %",
            )  # fmt: skip
        document, place = self._source(table)
        table.done()
        return Percentile(value, document, place)

    def _source(self, table: Table) -> tuple[Text, str]:
        """`source: KEY` of sources.yaml with `place`, or `source: {document, place}` as in a pack."""
        source = table.get("source")
        if source is None:
            raise _refused(
                table.at, "a distribution without a source",
                "name the document and the place that state it; nothing enters from memory",
            )  # fmt: skip
        if source.node.id == "mapping":
            inner = source.table()
            document, place = inner["document"].text(), inner["place"].text()
            inner.done()
            return Text(document, document), place
        if source.text() not in self._titles:
            raise _refused(
                source, f"source {source.text()} is not in sources.yaml",
                "add the document there, or write {document: ..., place: ...}",
            )  # fmt: skip
        return self._titles[source.text()], table["place"].text()

    def correlation(self, at: Value) -> Correlation:
        """A matrix, or one coefficient for every pair of a group."""
        table = at.table()
        names = table["factors"].texts()
        if len(names) < 2 or len(set(names)) < len(names):
            raise _refused(at, "a correlation needs two or more different factors", "name each factor once")
        whole, single = table.get("matrix"), table.get("coefficient")
        if (whole is None) == (single is None):
            raise _refused(
                at, "a correlation is a `matrix` or a `coefficient`", "write exactly one of the two"
            )
        if whole is not None:
            matrix = tuple(tuple(v.number() for v in row.items()) for row in whole.items())
        else:
            assert single is not None
            value = single.number()
            matrix = tuple(tuple(Fraction(1) if i == j else value for j in range(len(names)))
                           for i in range(len(names)))  # fmt: skip
        _well_formed(at, matrix, len(names))
        document, place = self._source(table)
        table.done()
        return Correlation(names, matrix, document, place)

    # -- one distribution --------------------------------------------------------------------------

    def stated(self, at: Value) -> Stated:
        table = at.table()
        kind: Any = _one_of(table["distribution"], KINDS, "unknown distribution")
        about: Any = _one_of(table["as"], ABOUT, "unknown basis")
        document, place = self._source(table)
        unit = ""
        if about != "relative":
            unit = table["unit"].text()
        numbers, centre, sample, quantiles = _READ[kind](at, table, about)
        table.done()
        return Stated(
            kind, about, numbers, document, place, unit, centre, sample, quantiles, self._illustration
        )


def _one_of(at: Value, known: tuple[str, ...], what: str) -> str:
    if at.text() not in known:
        raise _refused(at, f"{what} {at.text()!r}", f"choose one of: {', '.join(known)}")
    return at.text()


def _well_formed(at: Value, matrix: tuple[tuple[Fraction, ...], ...], size: int) -> None:
    """Square, symmetric, ones on the diagonal, nothing past 1; positive semidefinite is checked when all
    correlations have been put together."""
    square = len(matrix) == size and all(len(row) == size for row in matrix)
    if not square or any(matrix[i][i] != 1 for i in range(size)):
        raise _refused(at, f"the matrix is not {size} by {size} with ones on its diagonal", "write every row")
    for i in range(size):
        for j in range(i):
            if matrix[i][j] != matrix[j][i]:
                raise _refused(at, "the matrix is not symmetric", "the coefficient of a pair is one number")
            if abs(matrix[i][j]) > 1:
                raise _refused(at, f"a coefficient of {matrix[i][j]}", "coefficients lie between -1 and 1")


def _positive(table: Table, name: str, least: int = 0) -> Fraction:
    value = table[name].number()
    if value <= least:
        raise _refused(
            table[name], f"{name} is {table[name].node.value}, not above {least}",
            "leave the statement out where the figure is exact: it is then listed so",
        )  # fmt: skip
    return value


def _level(table: Table) -> Fraction:
    value = table["level"].number()
    if not 0 < value < 100:
        raise _refused(table["level"], "a level outside 0 to 100", 'write the level in per cent, like "95"')
    return value


_Read = tuple[dict[str, Fraction], Any, tuple[Fraction, ...], tuple[tuple[Fraction, Fraction], ...]]


def _spread(at: Value, table: Table, plain_name: str, interval: str, least: int) -> dict[str, Fraction]:
    """The width as stated: a standard deviation, or the half width of an interval with its level."""
    if table.has(plain_name) == table.has(interval):
        raise _refused(
            at, f"the width is stated as `{plain_name}` or as `{interval}` with `level`",
            "write exactly one of the two, as the document does",
        )  # fmt: skip
    if table.has(plain_name):
        return {plain_name: _positive(table, plain_name, least)}
    return {interval: _positive(table, interval, least), "level": _level(table)}


def _normal(at: Value, table: Table, about: str) -> _Read:
    numbers = _spread(at, table, "sd", "half_width", 0)
    if about == "absolute":
        numbers["mean"] = table["mean"].number()
    return numbers, "", (), ()


def _lognormal(at: Value, table: Table, about: str) -> _Read:
    """`gsd`: geometric standard deviation; `times`: the interval is the median divided and multiplied by
    it."""
    if about == "deviation":
        raise _refused(at, "a lognormal deviation", "a lognormal is `relative` (a factor) or `absolute`")
    numbers = _spread(at, table, "gsd", "times", 1)
    if about == "absolute":
        numbers["median"] = _positive(table, "median")
        return numbers, "", (), ()
    return numbers, _one_of(table["centre"], ("median", "mean"), "unknown centre"), (), ()


def _triangular(at: Value, table: Table, about: str) -> _Read:
    names = ("low", "mode", "high")
    numbers = {name: table[name].number() for name in names}
    if not numbers["low"] <= numbers["mode"] <= numbers["high"] or numbers["low"] == numbers["high"]:
        raise _refused(
            at, "the mode lies outside low and high, or these are equal", "write low <= mode <= high"
        )
    return numbers, "", (), ()


def _uniform(at: Value, table: Table, about: str) -> _Read:
    numbers = {name: table[name].number() for name in ("low", "high")}
    if numbers["low"] >= numbers["high"]:
        raise _refused(at, "low is not below high", "write the lower end first")
    return numbers, "", (), ()


def _empirical(at: Value, table: Table, about: str) -> _Read:
    """A `sample` of members, or a table of `quantiles`: [[probability in per cent, value], ...]."""
    if table.has("sample") == table.has("quantiles"):
        raise _refused(at, "an empirical one is a `sample` or `quantiles`", "write exactly one of the two")
    if table.has("sample"):
        sample = tuple(v.number() for v in table["sample"].items())
        if len(sample) < FEWEST:
            raise _refused(
                table["sample"], f"a sample of {len(sample)}",
                f"give {FEWEST} members or more: fewer say nothing of the tails (this project's policy)",
            )  # fmt: skip
        if min(sample) == max(sample):
            raise _refused(table["sample"], "every member is the same", "leave out what does not vary")
        return {}, "", tuple(sorted(sample)), ()
    rows = [tuple(v.number() for v in row.items()) for row in table["quantiles"].items()]
    if len(rows) < 2 or any(len(r) != 2 for r in rows) or rows[0][0] != 0 or rows[-1][0] != 100:
        raise _refused(
            table["quantiles"], "the table of quantiles does not run from 0 to 100 per cent",
            'write pairs like ["0", "0.8"], ..., ["100", "1.3"]',
        )  # fmt: skip
    if any(b[0] <= a[0] or b[1] <= a[1] for a, b in pairwise(rows)):
        raise _refused(table["quantiles"], "the quantiles do not rise", "probability and value both rise")
    return {}, "", (), tuple((r[0], r[1]) for r in rows)


_READ = {
    "normal": _normal,
    "lognormal": _lognormal,
    "triangular": _triangular,
    "uniform": _uniform,
    "empirical": _empirical,
}
assert set(_READ) == set(get_args(Kind))
