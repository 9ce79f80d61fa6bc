"""A formula as an exact polynomial of the activity fields, once everything else is a number.

Conditions must be decided by the fixed figures or by the declared ranges of the fields; what cannot be
decided, and
a division by something that varies, is no polynomial and is refused with the part of the formula.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TypeAlias

from abate.quantify.evaluation import COMPARE
from abate.quantify.explain_expression import condition, expression
from abate.quantify.formula import (
    Add,
    And,
    Compare,
    Div,
    Field,
    Given,
    If,
    Is,
    Max,
    Min,
    Mul,
    Neg,
    Node,
    Not,
    Num,
    Or,
    Param,
    Ref,
    Test,
)
from abate.quantify.method import Method

Polynomial: TypeAlias = Mapping[tuple[str, ...], Fraction]
"""Product of field names (sorted, repeated for powers) -> coefficient; the empty product is the constant."""


class NotPolynomial(ValueError):
    """A part of a formula that stands in the way: which, and what would help."""

    def __init__(self, reason: str, remedy: str) -> None:
        super().__init__(f"{reason}\n  {remedy}")
        self.reason = reason
        self.remedy = remedy


@dataclass(frozen=True, slots=True)
class Fixed:
    """What is a number: parameters and fields; texts that are given; fields that are absent."""

    figures: Mapping[str, Fraction]
    fields: Mapping[str, Fraction] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)
    absent: frozenset[str] = frozenset()


def expand(node: Node, method: Method, fixed: Fixed) -> Polynomial:
    """The polynomial of `node`. Raises NotPolynomial."""
    return {k: v for k, v in _Expansion(method, fixed).node(node).items() if v}


class _Expansion:
    def __init__(self, method: Method, fixed: Fixed) -> None:
        self._method = method
        self._fixed = fixed
        self._fields = {f.name: f for f in method.activity.fields}
        self._ranges = {f.name: (f.low, f.high) for f in method.activity.fields}
        self._ranges |= {d.name: (Fraction(0), d.high) for d in method.activity.derived}

    def node(self, node: Node) -> Polynomial:
        match node:
            case Num(value):
                return {(): value}
            case Param(name):
                return {(): self._figure(name)}
            case Field(name):
                return self._field(name)
            case Ref(name):
                return self.node(self._method.formulas[name].expr)
            case Neg(arg):
                return {k: -v for k, v in self.node(arg).items()}
            case Add(terms):
                return _sum([self.node(t) for t in terms])
            case Mul(terms):
                product: Polynomial = {(): Fraction(1)}
                for term in terms:
                    product = _times(product, self.node(term))
                return product
            case Div(num, den):
                by = _constant(self.node(den))
                if not by:
                    raise self._stands(expression(node, None), "divides by something that varies")
                return {k: v / by for k, v in self.node(num).items()}
            case If(test, then, other):
                return self.node(then if self.test(test) else other)
            case Min(terms) | Max(terms):
                return self._extreme(node, terms, isinstance(node, Min))
            case _:
                raise self._stands(expression(node, None), "is a sum over a list of the record")

    def _figure(self, name: str) -> Fraction:
        if name not in self._fixed.figures:
            raise NotPolynomial(
                f"parameter {name} has no figure", f"give it: --fix {name}=..., or --operator-pack FILE"
            )
        return self._fixed.figures[name]

    def _field(self, name: str) -> Polynomial:
        if name in self._fixed.fields:
            return {(): self._fixed.fields[name]}
        if name in self._fixed.absent:
            return {}
        return {(name,): Fraction(1)}

    def _extreme(self, node: Node, terms: tuple[Node, ...], least: bool) -> Polynomial:
        found = [self.node(t) for t in terms]
        best = found[0]
        for other in found[1:]:
            low, high = self._range(_sum([other, {k: -v for k, v in best.items()}]))
            if (high is not None and high <= 0) or (low is not None and low >= 0):
                below = high is not None and high <= 0
                best = other if below is least else best
            else:
                raise self._stands(expression(node, None), "depends on the record")
        return best

    def test(self, test: Test) -> bool:
        match test:
            case Given(name):
                return self._given(name)
            case Is(name, value):
                if name not in self._fixed.texts:
                    raise self._stands(condition(test, None), f"depends on {name}", f"--fix {name}={value}")
                return self._fixed.texts[name] == value
            case Not(inner):
                return not self.test(inner)
            case And(tests):
                return all(self.test(t) for t in tests)
            case Or(tests):
                return any(self.test(t) for t in tests)
            case Compare(op, left, right):
                return self._compare(test, op, left, right)

    def _given(self, name: str) -> bool:
        fixed, known = self._fixed, self._fields[name]
        if name in fixed.absent:
            return False
        if known.required or name in fixed.fields or name in fixed.texts:
            return True
        raise self._stands(f"given({name})", "depends on the record", f"--fix {name}=absent, or a value")

    def _compare(self, test: Compare, op: str, left: Node, right: Node) -> bool:
        """By the value, or where the declared ranges leave one answer only."""
        gap = _sum([self.node(left), {k: -v for k, v in self.node(right).items()}])
        low, high = self._range(gap)
        compare = COMPARE[op]
        if low is not None and low == high:
            return compare(low, Fraction(0))
        if low is not None and low > 0:
            return compare(Fraction(1), Fraction(0))
        if high is not None and high < 0:
            return compare(Fraction(-1), Fraction(0))
        if low == 0 and op in ("<", ">="):
            return op == ">="
        if high == 0 and op in (">", "<="):
            return op == "<="
        raise self._stands(condition(test, None), "depends on the record")

    def _range(self, poly: Polynomial) -> tuple[Fraction | None, Fraction | None]:
        low: Fraction | None = Fraction(0)
        high: Fraction | None = Fraction(0)
        for names, value in poly.items():
            least, most = Fraction(1), Fraction(1)
            for name in names:
                a, b = self._ranges[name]
                if a is None or b is None or a < 0:
                    return None, None
                least, most = least * a, most * b
            one, two = sorted((value * least, value * most))
            low, high = (low or Fraction(0)) + one, (high or Fraction(0)) + two
        return low, high

    def _stands(self, part: str, why: str, fix: str = "--fix FIELD=VALUE") -> NotPolynomial:
        return NotPolynomial(f"`{part}` {why}", f"fix what it depends on, like {fix}")


def _sum(parts: list[Polynomial]) -> Polynomial:
    total: dict[tuple[str, ...], Fraction] = {}
    for part in parts:
        for names, value in part.items():
            total[names] = total.get(names, Fraction(0)) + value
    return {k: v for k, v in total.items() if v}


def _times(one: Polynomial, two: Polynomial) -> Polynomial:
    found: dict[tuple[str, ...], Fraction] = {}
    for a, x in one.items():
        for b, y in two.items():
            names = tuple(sorted((*a, *b)))
            found[names] = found.get(names, Fraction(0)) + x * y
    return {k: v for k, v in found.items() if v}


def _constant(poly: Polynomial) -> Fraction | None:
    return poly.get((), Fraction(0)) if set(poly) <= {()} else None
