"""The formula tree: what BE, PE, LE and ER are made of, after reading.

One tree serves every evaluator. `one.py` walks it with exact fractions; `columns.py` compiles it to SQL on
scaled integers. Every number in a tree is exact, and unit conversions have already been written into it as
plain multiplications when the methodology was read, so no evaluator knows about units. `unit` is kept on
each node only for display.

The language is closed: arithmetic, comparison, min and max, a sum over a declared set or a list field,
table look-up, tiers, if/else. A tier or a look-up is read into nested `If`; a sum over a declared set
into `Add`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Literal, TypeAlias


@dataclass(frozen=True, slots=True, kw_only=True)
class _Node:
    unit: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Num(_Node):
    """A literal, or a unit conversion (`reason` then says which)."""

    value: Fraction
    reason: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Field(_Node):
    """A numeric activity field; absent counts as zero only where the schema says `absent: zero`."""

    name: str


@dataclass(frozen=True, slots=True)
class Param(_Node):
    """A parameter of the methodology; a row of a table is read as a parameter of its own (`ef_bus`)."""

    name: str


@dataclass(frozen=True, slots=True)
class Item(_Node):
    """A numeric field of the list item that the enclosing `ListSum` is at."""

    name: str


@dataclass(frozen=True, slots=True)
class Ref(_Node):
    """The value of another formula of the same methodology (no cycles: checked when read)."""

    name: str


@dataclass(frozen=True, slots=True)
class Add(_Node):
    terms: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Neg(_Node):
    arg: Node


@dataclass(frozen=True, slots=True)
class Mul(_Node):
    terms: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Div(_Node):
    """Exact division. The denominator is proved positive from the declared ranges when the methodology is
    read."""

    num: Node
    den: Node


@dataclass(frozen=True, slots=True)
class Min(_Node):
    terms: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Max(_Node):
    terms: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class If(_Node):
    test: Test
    then: Node
    other: Node


@dataclass(frozen=True, slots=True)
class ListSum(_Node):
    """Sum of `body` over the items of list field `name`; the schema bounds the number of items."""

    name: str
    body: Node


@dataclass(frozen=True, slots=True)
class Compare:
    op: Literal["<", "<=", ">", ">=", "==", "!="]
    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class Given:
    """True where the activity field is present (not null)."""

    name: str


@dataclass(frozen=True, slots=True)
class Is:
    """True where text field `name` equals `value` exactly."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class And:
    tests: tuple[Test, ...]


@dataclass(frozen=True, slots=True)
class Or:
    tests: tuple[Test, ...]


@dataclass(frozen=True, slots=True)
class Not:
    test: Test


Node: TypeAlias = Num | Field | Param | Item | Ref | Add | Neg | Mul | Div | Min | Max | If | ListSum
Test: TypeAlias = Compare | Given | Is | And | Or | Not
