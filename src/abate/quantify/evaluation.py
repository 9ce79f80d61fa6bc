"""Exact evaluation of formulas on one record, noting on the way what was read and which way each `if`
went."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from fractions import Fraction

from abate.quantify.formula import (
    Add,
    And,
    Compare,
    Div,
    Field,
    Given,
    If,
    Is,
    Item,
    ListSum,
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
from abate.quantify.method import Method, Rule
from abate.quantify.record import Record

COMPARE: Mapping[str, Callable[[Fraction, Fraction], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}


class Evaluation:
    """The formulas of a methodology on one record. Formulas are computed once and kept.

    `read` collects the parameters read: in the branches taken, in the conditions that decided them, and
    in every term of a min or max, so it depends on the branches alone and never on whether a term
    happened to be zero.
    """

    def __init__(self, method: Method, record: Record, figures: Mapping[str, Fraction]) -> None:
        self.method = method
        self.record = record
        self.figures = figures
        self.formulas: dict[str, Fraction] = {}
        self.read: set[str] = set()

    def formula(self, name: str) -> Fraction:
        value = self.formulas.get(name)
        if value is None:
            value = self.formulas[name] = self.value(self.method.formulas[name].expr)
        return value

    def rule(self) -> Rule | None:
        """The first rule that matches."""
        return next((rule for rule in self.method.rules if self.test(rule.when)), None)

    def field(self, name: str) -> Fraction:
        """A numeric field or derived quantity; absence is zero only where the schema says so (checked
        when read)."""
        record = self.record
        value = record.numbers.get(name)
        if value is None:
            value = record.derived.get(name)
        return Fraction(0) if value is None else value

    def value(self, node: Node, item: Mapping[str, Fraction] | None = None) -> Fraction:
        match node:
            case Field(name):
                return self.field(name)
            case Param(name):
                self.read.add(name)
                return self.figures[name]
            case Num(number):
                return number
            case Mul(terms):
                product = Fraction(1)
                for term in terms:
                    product *= self.value(term, item)
                return product
            case Add(terms):
                return sum((self.value(term, item) for term in terms), Fraction(0))
            case Neg(arg):
                return -self.value(arg, item)
            case Div(num, den):
                return self.value(num, item) / self.value(den, item)
            case Ref(name):
                return self.formula(name)
            case If(test, then, other):
                return self.value(then if self.test(test) else other, item)
            case Min(terms):
                return min([self.value(term, item) for term in terms])
            case Max(terms):
                return max([self.value(term, item) for term in terms])
            case ListSum(name, body):
                return sum((self.value(body, one) for one in self.record.lists[name]), Fraction(0))
            case Item(name):
                assert item is not None
                return item[name]

    def test(self, test: Test) -> bool:
        match test:
            case Compare(op, left, right):
                return COMPARE[op](self.value(left), self.value(right))
            case Given(name):
                return self.record.has(name)
            case Is(name, value):
                return self.record.texts.get(name) == value
            case And(tests):
                return all(self.test(part) for part in tests)
            case Or(tests):
                return any(self.test(part) for part in tests)
            case Not(inner):
                return not self.test(inner)
