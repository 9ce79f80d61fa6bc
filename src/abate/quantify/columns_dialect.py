"""What one SQL engine calls the few things that engines name differently."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sqlglot import exp

ITEM = "item"


@dataclass(frozen=True, slots=True)
class Dialect:
    """`name` is sqlglot's; `wide_type` is the exact type past 64 bits.

    `div` is whole-number division. Engines disagree on negatives, so it is only ever given numbers for which
    truncation and floor are one (see `columns_sql`).
    """

    name: Literal["duckdb", "spark"]
    wide_type: str
    list_sum_function: str

    def text(self, sql: exp.Expression) -> str:
        return sql.sql(self.name)

    def wide(self, sql: exp.Expression) -> exp.Expression:
        return exp.cast(sql, self.wide_type)

    def narrow(self, sql: exp.Expression) -> exp.Expression:
        return exp.cast(sql, "bigint")

    def int_div(self, a: exp.Expression, b: exp.Expression) -> exp.Expression:
        return exp.IntDiv(this=a, expression=b)

    def list_sum(self, items: exp.Expression, each: exp.Expression, *, wide: bool) -> exp.Expression:
        """Sum of `each` over `items` (a list of structs, each called `item`), 0 for none or null."""
        mapped = exp.Transform(
            this=items, expression=exp.Lambda(this=each, expressions=[exp.to_identifier(ITEM)])
        )
        total = exp.func(self.list_sum_function, mapped)
        return exp.Coalesce(
            this=exp.cast(total, self.wide_type if wide else "bigint"), expressions=[exp.Literal.number(0)]
        )


DUCKDB = Dialect("duckdb", "int128", "list_sum")
