"""The engine's SQL for Apache Spark: the statement of `columns_select`, transpiled, with its exceptions here.

Every rule is written once, as DuckDB text. sqlglot knows most of what the two call differently; the functions
below are what it does not know, or what means something else on Spark: whole-number division past 64 bits,
rounding in casts, offsets of times past 18 hours, anchors of regular expressions.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, cast

import sqlglot
from sqlglot import exp
from sqlglot.dialects.duckdb import DuckDB

STEP = 10**18
"""A quotient past 64 bits is found in parts of 18 digits: Spark's `div` gives 64 bits and wraps silently."""


class _Text(DuckDB):
    """DuckDB as it is written here: `len` counts the items of a list, `length` the characters of a text."""

    class Parser(DuckDB.Parser):  # type: ignore[valid-type, misc]
        FUNCTIONS = {k: v for k, v in DuckDB.Parser.FUNCTIONS.items() if k not in ("LEN", "TIMEZONE")}  # noqa: RUF012


def to_spark(sql: str) -> str:
    """A statement written for DuckDB as Spark SQL (ANSI mode, UTC: see `columns_spark.CONFIG`)."""
    tree: Any = sqlglot.parse_one(sql, read=_Text)
    return str(_changed(tree).sql("spark"))


def _changed(tree: Any) -> Any:
    """Bottom up, so that a rule sees the parts below it already written for Spark."""
    for node in list(tree.walk(bfs=False))[::-1]:
        rule = _RULES.get(type(node)) or (
            _CALLS.get(node.name.lower()) if type(node) is exp.Anonymous else None
        )
        new = rule(node) if rule else None
        if new is not None and new is not node:
            if node is tree:
                tree = new
            else:
                node.replace(new)
    return tree


def _spark(template: str, **parts: exp.Expression) -> exp.Expression:
    """An expression of Spark with `parts` in the places of its columns of those names."""
    tree: Any = sqlglot.parse_one(template, read="spark")
    for column in list(tree.find_all(exp.Column)):
        if column.name in parts and not column.table:
            new = parts[column.name].copy()
            if column is tree:
                return new
            column.replace(exp.Paren(this=new) if isinstance(new, exp.Binary | exp.Neg) else new)
    return cast(exp.Expression, tree)


def _wide(node: exp.Expression) -> bool:
    return any(c.to.is_type("int128", "decimal(38, 0)") for c in node.find_all(exp.Cast))


def _quotient(node: exp.Expression) -> exp.Expression | None:
    """n // d on whole numbers of up to 38 digits, in three parts of which each fits 64 bits whatever d is.

    A step so large that d * step passes 38 digits has no part: the quotient is below it.
    """
    n, d = node.this.unnest(), node.expression.unnest()
    if not _wide(n) and not _wide(d):
        return None
    high, low = (f"try_multiply(CAST(d AS DECIMAL(38, 0)), {step})" for step in (STEP * STEP, STEP))
    return _spark(
        f"(CAST(coalesce(n div {high}, 0L) AS DECIMAL(38, 0)) * {STEP * STEP}"
        f" + CAST(coalesce(coalesce(n % {high}, n) div {low}, 0L) AS DECIMAL(38, 0)) * {STEP}"
        f" + coalesce(n % {low}, n) div d)",
        n=n,
        d=d,
    )


def _cast(node: Any) -> exp.Expression | None:
    """INT128 is DECIMAL(38, 0); a double becomes the nearest whole number, where Spark would cut it off."""
    if node.to.is_type("int128"):
        return exp.cast(node.this, "decimal(38, 0)")
    if node.to.is_type("bigint") and isinstance(node.this, exp.Mul) and _is_double(node.this.expression):
        return _spark("CAST(rint(x) AS BIGINT)", x=node.this)
    return _json_cast(node)


def _is_double(node: Any) -> bool:
    return isinstance(node, exp.Cast) and node.to.is_type("double")


def _try_cast(node: Any) -> exp.Expression | None:
    """Java knows no offset past 18 hours, so a time is read in UTC and its offset taken off by arithmetic.

    The text has the one form that `columns_input` asks for; its last six characters are the offset or end in Z.
    """
    if not node.to.is_type("timestamptz"):
        return None
    return _spark(
        "timestamp_micros(unix_micros(TRY_CAST(concat(regexp_replace(t, '(Z|[+-][0-9]{2}:[0-9]{2})$', ''), 'Z')"
        " AS TIMESTAMP)) - CASE WHEN endswith(t, 'Z') THEN 0L ELSE"
        " (CASE WHEN substr(t, -6, 1) = '-' THEN -1L ELSE 1L END) * (CAST(substr(t, -5, 2) AS BIGINT) * 60"
        " + CAST(substr(t, -2, 2) AS BIGINT)) * 60000000L END)",
        t=node.this,
    )


def _full_match(node: exp.Expression) -> exp.Expression:
    text, pattern = _arguments(node)
    return exp.RegexpLike(this=text, expression=exp.Literal.string(rf"\A(?:{pattern.name})\z"))


def _arguments(node: exp.Expression) -> list[exp.Expression]:
    if isinstance(node, exp.Anonymous):
        return list(node.expressions)
    return [value for value in node.args.values() if isinstance(value, exp.Expression)]


def _glob(node: exp.Expression) -> exp.Expression:
    """The one pattern in use: some character outside of printable ASCII."""
    assert node.expression.name == "*[!\x20-~]*"
    return exp.RegexpLike(this=node.this, expression=exp.Literal.string("[^\x20-~]"))


def _same_decimal(node: exp.Expression) -> exp.Expression | None:
    """`r = TRY_CAST(r AS DECIMAL(38, d))`: Spark would round both sides to a type of 38 digits first; the
    plain text of r tells how many decimals there are."""
    right = node.expression.unnest()
    if not (isinstance(right, exp.TryCast) and right.to.this is exp.DataType.Type.DECIMAL):
        return None
    decimals = right.to.expressions[1].name
    return _spark(
        f"(length(regexp_extract(CAST(r AS STRING), '[.]([0-9]*[1-9])', 1)) <= {decimals})", r=node.this
    )


def _list_sum(node: exp.Expression) -> exp.Expression:
    (mapped,) = node.expressions
    kind = "DECIMAL(38, 0)" if _wide(mapped) else "BIGINT"
    return _spark(f"aggregate(m, CAST(0 AS {kind}), (total, y) -> CAST(total + y AS {kind}))", m=mapped)


# -- lists in JSON: VARIANT reads strictly, but not to the end of the text, so it is read inside two kinds of brackets


def _json_valid(node: exp.Expression) -> exp.Expression:
    return _spark(
        """(try_parse_json(concat('[', t, ']')) IS NOT NULL AND try_parse_json(concat('{"a":', t, '}')) IS NOT NULL)""",
        t=_arguments(node)[0],
    )


def _json_type(node: exp.Expression) -> exp.Expression:
    """Of a column a text, of an item in a lambda a VARIANT."""
    value = _arguments(node)[0]
    variant = "x" if value.name == "x" else "try_parse_json(x)"
    return _spark(f"regexp_extract(schema_of_variant({variant}), '^[A-Z]+', 0)", x=value)


def _json_keys(node: exp.Expression) -> exp.Expression:
    return _spark("json_object_keys(to_json(x))", x=_arguments(node)[0])


def _json_transform(node: exp.Expression) -> exp.Expression:
    value, shape = _arguments(node)
    names = json.loads(shape.name)
    parts = ", ".join(f"'{name}', variant_get(x, '$.{name}', 'variant')" for name in names)
    return _spark(f"named_struct({parts})", x=value)


def _json_cast(node: Any) -> exp.Expression | None:
    inner = node.this
    if node.to.is_type("varchar", "text"):
        if isinstance(inner, exp.TryCast):  # the plain decimal of a number that was written with an exponent
            return _spark(
                "CASE WHEN abs(x) >= 1e17D THEN '1e+40' WHEN x <> 0 AND abs(x) < 1e-19D THEN '1e-40'"
                " ELSE CAST(CAST(x AS DECIMAL(38, 20)) AS STRING) END",
                x=inner,
            )
        if isinstance(inner, exp.Anonymous) and inner.name.lower() == "to_json":
            return inner
        if isinstance(inner, exp.Dot | exp.Column) and inner.sql().startswith("x.v."):
            return _spark("CASE WHEN NOT is_variant_null(x) THEN to_json(x) END", x=inner)
    if node.to.is_type("array"):
        kinds = node.to.expressions
        if kinds and kinds[0].is_type("json"):
            return _spark("CAST(try_parse_json(t) AS ARRAY<VARIANT>)", t=inner.this)
    return None


_RULES: dict[type[exp.Expression], Callable[[exp.Expression], exp.Expression | None]] = {
    exp.IntDiv: _quotient,
    exp.Cast: _cast,
    exp.TryCast: _try_cast,
    exp.RegexpFullMatch: _full_match,
    exp.Glob: _glob,
    exp.EQ: _same_decimal,
    exp.IsInf: lambda n: _spark("(abs(x) = double('infinity'))", x=n.this),
    exp.JSONType: _json_type,
    exp.JSONKeys: _json_keys,
    exp.DateDiff: lambda n: _spark("datediff(a, b)", a=n.this, b=n.expression),
}
_CALLS: dict[str, Callable[[exp.Expression], exp.Expression | None]] = {
    "strlen": lambda n: exp.Anonymous(this="octet_length", expressions=n.expressions),
    "len": lambda n: exp.Anonymous(this="size", expressions=n.expressions),
    "epoch_us": lambda n: exp.Anonymous(this="unix_micros", expressions=n.expressions),
    "timezone": lambda n: _spark("from_utc_timestamp(t, zone)", t=n.expressions[1], zone=n.expressions[0]),
    "list_sum": _list_sum,
    "json_valid": _json_valid,
    "json_transform": _json_transform,
    "to_json": lambda n: _spark("to_json(x, map('ignoreNullFields', 'false'))", x=n.expressions[0]),
}
