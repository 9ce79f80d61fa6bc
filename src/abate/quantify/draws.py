"""The formula tree on many records and many draws at once, in float64.

The same tree as `one.py` and `columns.py`, a third evaluator. A quantity is a column (n, 1) where only the
records differ, a row (1, D) where only the draws do, and (n, D) where both do; it is as small as it can be
until two meet. The same walk carries first derivatives (`propagation.py`): it uses only + - * /, comparison
and a choice between two, so every operand that has these will do.

Conditions are decided draw by draw. Where a condition differs between draws both sides are computed and the
one that applies is taken, so what the other side holds (a quantity that is not there) never enters.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from abate.quantify.evaluation import COMPARE
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
from abate.quantify.method import Method

BEYOND = np.nan
"""Stands where a record has no such quantity; a result that holds it is refused."""


@dataclass(frozen=True, slots=True)
class Items:
    """A list field of n records: its items one after another, `counts[i]` of them of record i."""

    counts: Any
    columns: Mapping[str, Any]


@dataclass(slots=True)
class Rows:
    """n records of one version and one set of figures, point values or draws."""

    size: int
    fields: Mapping[str, Any]
    given: Mapping[str, Any]
    texts: Mapping[str, Any]
    lists: Mapping[str, Items]
    params: Mapping[str, Any]
    formulas: dict[str, Any] = field(default_factory=dict)

    def moved(self, lay: Callable[[str, Any], Any], params: Mapping[str, Any]) -> Rows:
        """The same records with other figures, and with `lay(name, values)` for every quantity."""
        lists = {
            name: Items(items.counts, {i: lay(f"{name}.{i}", v) for i, v in items.columns.items()})
            for name, items in self.lists.items()
        }
        fields = {name: lay(name, values) for name, values in self.fields.items()}
        return Rows(self.size, fields, self.given, self.texts, lists, params)

    def part(self, start: int, stop: int) -> Rows:
        """Records `start` to `stop`, point values all of them."""
        stop = min(stop, self.size)
        cut = slice(start, stop)
        lists = {}
        for name, items in self.lists.items():
            ends = np.concatenate([[0], np.cumsum(items.counts)])
            inner = slice(int(ends[start]), int(ends[stop]))
            lists[name] = Items(items.counts[cut], {i: v[inner] for i, v in items.columns.items()})
        fields, given, texts = (
            {n: v[cut] for n, v in d.items()} for d in (self.fields, self.given, self.texts)
        )
        return Rows(stop - start, fields, given, texts, lists, self.params)


def choose(test: Any, then: Any, other: Any) -> Any:
    """`then` where `test` holds, else `other`; operands that are no arrays bring their own choice."""
    for side in (then, other):
        if hasattr(side, "chosen"):
            return side.chosen(test, then, other)
    return np.where(test, then, other)


def number(value: Any) -> Any:
    """The value of an operand, without what it carries."""
    return value.value if hasattr(value, "chosen") else value


class Draws:
    """The formulas of one methodology version on `rows`; each formula is computed once."""

    def __init__(self, method: Method, rows: Rows) -> None:
        self.method = method
        self.rows = rows

    def formula(self, name: str) -> Any:
        found = self.rows.formulas.get(name)
        if found is None:
            found = self.rows.formulas[name] = self.value(self.method.formulas[name].expr)
        return found

    def reduction(self) -> Any:
        """ER as it applies, in kg: the formula of the first rule that matches, else `ER`."""
        return self._ruled(0)

    def _ruled(self, k: int) -> Any:
        if k == len(self.method.rules):
            return self.formula("ER")
        rule = self.method.rules[k]
        return self._either(
            self.test(rule.when), lambda: self.formula(rule.formula), lambda: self._ruled(k + 1)
        )

    def recognised(self) -> Any:
        """Where every recognition rule holds."""
        held: Any = np.True_
        for recognition in self.method.recognition:
            held = held & self.test(recognition.test)
        return held

    def _either(self, test: Any, then: Callable[[], Any], other: Callable[[], Any]) -> Any:
        if test.all():
            return then()
        if not test.any():
            return other()
        return choose(test, then(), other())

    def value(self, node: Node, items: Items | None = None) -> Any:
        match node:
            case Num(one):
                return np.float64(float(one))
            case Field(name):
                return self._of_items(self.rows.fields[name], items)
            case Param(name):
                return self.rows.params[name]
            case Item(name):
                assert items is not None
                return items.columns[name]
            case Ref(name):
                return self._of_items(self.formula(name), items)
            case Add(terms):
                return _total([self.value(t, items) for t in terms])
            case Mul(terms):
                return _product([self.value(t, items) for t in terms])
            case Neg(arg):
                return -self.value(arg, items)
            case Div(num, den):
                return self.value(num, items) / self.value(den, items)
            case If(test, then, other):
                held = self._of_items(self.test(test), items)
                return self._either(held, lambda: self.value(then, items), lambda: self.value(other, items))
            case Min(terms):
                return self._extreme(terms, items, "<=")
            case Max(terms):
                return self._extreme(terms, items, ">=")
            case ListSum(name, body):
                inner = self.rows.lists[name]
                return _sum_of_items(self.value(body, inner), inner.counts)

    def _extreme(self, terms: tuple[Node, ...], items: Items | None, op: str) -> Any:
        best = self.value(terms[0], items)
        for term in terms[1:]:
            new = self.value(term, items)
            best = choose(COMPARE[op](number(best), number(new)), best, new)
        return best

    def _of_items(self, value: Any, items: Items | None) -> Any:
        """A quantity of the record beside each of its items."""
        if items is None:
            return value
        if hasattr(value, "repeated"):
            return value.repeated(items.counts)
        column = np.ndim(value) == 2 and value.shape[0] == self.rows.size
        return np.repeat(value, items.counts, axis=0) if column else value

    def test(self, test: Test) -> Any:
        match test:
            case Compare(op, left, right):
                return np.asarray(COMPARE[op](number(self.value(left)), number(self.value(right))))
            case Given(name):
                return self.rows.given[name]
            case Is(name, text):
                return np.asarray(self.rows.texts[name] == text, dtype=bool)
            case And(tests):
                return _joined(tests, self.test, np.logical_and)
            case Or(tests):
                return _joined(tests, self.test, np.logical_or)
            case Not(inner):
                return ~self.test(inner)


def _joined(tests: tuple[Test, ...], held: Callable[[Test], Any], join: Callable[[Any, Any], Any]) -> Any:
    found = held(tests[0])
    for test in tests[1:]:
        found = join(found, held(test))
    return found


def _width(value: Any) -> int:
    return int(getattr(value, "size", 1))


def _total(terms: list[Any]) -> Any:
    """Small operands first, so that the wide ones are added once each."""
    ordered = sorted(terms, key=_width)
    found = ordered[0]
    for term in ordered[1:]:
        found = found + term
    return found


def _product(terms: list[Any]) -> Any:
    """What is zero on every record stays a column: most trips have one mode."""
    ordered = sorted(terms, key=_width)
    found = ordered[0]
    for term in ordered[1:]:
        if isinstance(found, np.ndarray) and found.shape[-1:] == (1,) and not found.any() and _plain(term):
            continue
        found = found * term
    return found


def _plain(term: Any) -> bool:
    """A row of draws or a number, finite everywhere: zero times it is zero, and of the same height."""
    flat = np.ndim(term) < 2 or term.shape[0] == 1
    return not hasattr(term, "chosen") and flat and bool(np.isfinite(term).all())


def _sum_of_items(body: Any, counts: Any) -> Any:
    """Sums over the items of each record; a record without the list has none of them."""
    if hasattr(body, "summed"):
        return body.summed(counts)
    wide = np.broadcast_to(body, (int(counts.sum()), np.shape(body)[-1] if np.ndim(body) == 2 else 1))
    ends = np.concatenate([[0], np.cumsum(counts)])
    found = np.zeros((len(counts), wide.shape[1]))
    full = counts > 0
    if full.any():
        found[full] = np.add.reduceat(wide, ends[:-1][full], axis=0)
    return found
