"""A pure expression to SQL on scaled whole numbers, with the width of every step proved.

Every value is kept as  num * scale / den : `num` and `den` are SQL expressions on whole numbers with known
bounds, `scale` is an exact fraction known when the SQL is written. All decimals and unit conversions gather
in `scale`, so a sum of seven products is seven multiplications by whole numbers and one division at the
very end. Where the bounds pass 64 bits the operands are cast to the wide type first; past 38 digits the
methodology is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import reduce

from sqlglot import exp

from abate.quantify.bounds import Bounds, common
from abate.quantify.columns_dialect import Dialect
from abate.quantify.columns_tree import Branch, NotColumnar, Tree
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
    Test,
)

MILLIGRAMS = 10**6  # in a kilogram


@dataclass(frozen=True, slots=True)
class Whole:
    """A whole-number SQL expression; `sql` None is the constant 1."""

    sql: exp.Expression | None
    bounds: Bounds


ONE = Whole(None, Bounds(1, 1))


@dataclass(frozen=True, slots=True)
class Ratio:
    """num * scale / den; den > 0 always, None is 1."""

    num: Whole
    scale: Fraction
    den: Whole | None = None


@dataclass(frozen=True, slots=True)
class Names:
    """What the names of a tree stand for: columns with bounds, or constants. Whole columns, scale beside."""

    fields: Mapping[str, Ratio]
    params: Mapping[Param, Ratio]
    items: Mapping[str, Ratio] = field(default_factory=dict)
    lists: Mapping[str, tuple[int, Mapping[str, Ratio]]] = field(default_factory=dict)
    """List field -> (most items, its item fields)."""


class Arithmetic:
    """Writes whole-number SQL in one dialect."""

    def __init__(self, dialect: Dialect, names: Names) -> None:
        self._dialect = dialect
        self._names = names
        self.sums: set[str] = set()
        """Texts of the 64-bit sums written so far: what may be worth a column of its own."""
        self.list_sums: set[str] = set()
        """Texts of the sums over list fields: each is worth a column."""

    # -- values ------------------------------------------------------------------------------------

    def value(self, node: Node) -> Ratio:
        match node:
            case Num(number):
                return Ratio(ONE, number)
            case Field(name):
                return self._names.fields[name]
            case Item(name):
                return self._names.items[name]
            case Param():
                return self._names.params[node]
            case Neg(arg):
                inner = self.value(arg)
                return Ratio(inner.num, -inner.scale, inner.den)
            case Add(terms):
                return self._sum([self.value(t) for t in terms])
            case Mul(terms):
                return reduce(self._times, [self.value(t) for t in terms])
            case Div(num, den):
                return self._quotient(self.value(num), self.value(den))
            case ListSum(name, body):
                return self._list_sum(name, body)
            case If(test, then, other):
                return self._choice(test, then, other)
            case Min(terms) | Max(terms):
                return reduce(lambda a, b: self._least(a, b, isinstance(node, Min)), map(self.value, terms))
            case _:
                raise TypeError(f"{type(node).__name__} stands where only arithmetic may stand")

    def _times(self, a: Ratio, b: Ratio) -> Ratio:
        den = b.den if a.den is None else a.den if b.den is None else self._product(a.den, b.den)
        if a.scale * b.scale == 0:
            return Ratio(ONE, Fraction(0))
        return Ratio(self._product(a.num, b.num), a.scale * b.scale, den)

    def _quotient(self, a: Ratio, b: Ratio) -> Ratio:
        if b.num.sql is None:
            flipped = Ratio(ONE if b.den is None else b.den, 1 / b.scale)
            return self._times(a, flipped)
        if b.num.bounds.low * b.scale <= 0:
            raise NotColumnar("a denominator is not above zero over the declared ranges")
        over = Ratio(ONE if b.den is None else b.den, 1 / b.scale, b.num)
        return self._times(a, over)

    def _sum(self, terms: Sequence[Ratio]) -> Ratio:
        by_den: dict[str, list[Ratio]] = {}
        for term in terms:
            if term.scale != 0:
                by_den.setdefault(self._text(term.den), []).append(term)
        if not by_den:
            return Ratio(ONE, Fraction(0))
        return reduce(self._two, [self._alike(group) for group in by_den.values()])

    def _two(self, a: Ratio, b: Ratio) -> Ratio:
        """a + b over the product of their different denominators."""
        left = Ratio(a.num if b.den is None else self._product(a.num, b.den), a.scale)
        right = Ratio(b.num if a.den is None else self._product(b.num, a.den), b.scale)
        den = b.den if a.den is None else a.den if b.den is None else self._product(a.den, b.den)
        total = self._alike([left, right])
        return Ratio(total.num, total.scale, den)

    def _alike(self, terms: Sequence[Ratio]) -> Ratio:
        """The sum of terms over one denominator: whole multiples of their common scale."""
        constant = sum((t.scale for t in terms if t.num.sql is None), Fraction(0))
        rest = [t for t in terms if t.num.sql is not None]
        if not rest:
            return Ratio(ONE, constant, terms[0].den)
        unit = common([t.scale for t in rest] + ([constant] if constant else []))
        parts = [(t.num, int(t.scale / unit)) for t in rest]
        if constant:
            parts.append((ONE, int(constant / unit)))
        return Ratio(self._linear(parts), unit, terms[0].den)

    def _linear(self, parts: Sequence[tuple[Whole, int]]) -> Whole:
        """Sum of whole * coefficient, each partial sum inside the width."""
        running = Bounds(0, 0)
        sizes = []
        parts = sorted(parts, key=lambda part: part[1] < 0)  # what is added first, then what is taken away
        for whole, factor in parts:
            running = running + whole.bounds.times(factor)
            sizes += [whole.bounds.times(factor), running]
        wide = not all(b.fits_int64 for b in sizes)
        total: exp.Expression | None = None
        for whole, factor in parts:
            size = _literal(abs(factor)) if whole.sql is None else self._scaled(whole, abs(factor), wide)
            if total is None:
                total = -_paren(size) if factor < 0 else size
            else:
                total = _binary(exp.Sub if factor < 0 else exp.Add, total, size)
        assert total is not None
        if not wide and len(parts) > 1 and not total.find(exp.Cast):
            self.sums.add(self._dialect.text(total))
        return self._checked(Whole(total, running))

    def _product(self, a: Whole, b: Whole) -> Whole:
        if a.sql is None or b.sql is None:
            return b if a.sql is None else a
        bounds = a.bounds * b.bounds
        left = a.sql if bounds.fits_int64 else self._wide(a.sql)
        return self._checked(Whole(_binary(exp.Mul, left, b.sql), bounds))

    def _scaled(self, whole: Whole, factor: int, wide: bool) -> exp.Expression:
        assert whole.sql is not None
        sql = self._wide(whole.sql) if wide or not whole.bounds.times(factor).fits_int64 else whole.sql
        return sql if factor == 1 else _binary(exp.Mul, sql, _literal(factor))

    def _list_sum(self, name: str, body: Node) -> Ratio:
        most, items = self._names.lists[name]
        inside = Arithmetic(
            self._dialect, Names(self._names.fields, self._names.params, items, self._names.lists)
        )
        term = inside.value(body)
        if term.den is not None:
            raise NotColumnar(f"a quotient inside the sum over {name}")
        each = term.num.sql if term.num.sql is not None else _literal(1)
        bounds = term.num.bounds.with_zero().times(most)
        total = self._dialect.list_sum(exp.column(f"f_{name}"), each, wide=not bounds.fits_int64)
        self.list_sums.add(self._dialect.text(total))
        return Ratio(self._checked(Whole(total, bounds)), term.scale)

    def _choice(self, test: Test, then: Node, other: Node) -> Ratio:
        """A condition that could not be lifted out (inside a list): both sides at one scale."""
        return self._case(self.test(test), self.value(then), self.value(other))

    def _least(self, a: Ratio, b: Ratio, least: bool) -> Ratio:
        return self._case(self._compared("<=" if least else ">=", a, b), a, b)

    def _case(self, test: exp.Expression, a: Ratio, b: Ratio) -> Ratio:
        if a.den is not None or b.den is not None:
            raise NotColumnar("a quotient inside a condition of a list")
        unit = common([s for s in (a.scale, b.scale) if s] or [Fraction(1)])
        one, two = self._at(a, unit), self._at(b, unit)
        bounds = one.bounds.union(two.bounds)
        assert one.sql is not None and two.sql is not None
        return Ratio(self._checked(Whole(exp.Case().when(test, one.sql).else_(two.sql), bounds)), unit)

    def _at(self, value: Ratio, unit: Fraction) -> Whole:
        """`value` (no denominator) as a whole multiple of `unit`."""
        factor = int(value.scale / unit)
        if value.num.sql is None:
            return Whole(_literal(factor), Bounds(factor, factor))
        return self._linear([(value.num, factor)])

    # -- conditions --------------------------------------------------------------------------------

    def test(self, test: Test) -> exp.Expression:
        """A boolean, never null."""
        match test:
            case Given(name):
                return exp.column(f"f_{name}").is_(exp.null()).not_()
            case Is(name, value):
                return _known(exp.column(f"f_{name}").eq(exp.Literal.string(value)))
            case Compare(op, left, right):
                return _known(self._compared(op, self.value(left), self.value(right)))
            case And(tests):
                return reduce(lambda a, b: _binary(exp.And, a, b), map(self.test, tests))
            case Or(tests):
                return reduce(lambda a, b: _binary(exp.Or, a, b), map(self.test, tests))
            case Not(inner):
                return exp.not_(self.test(inner))

    def _compared(self, op: str, a: Ratio, b: Ratio) -> exp.Expression:
        """Denominators are above zero, so both sides may be multiplied by them."""
        left = Ratio(a.num if b.den is None else self._product(a.num, b.den), a.scale)
        right = Ratio(b.num if a.den is None else self._product(b.num, a.den), b.scale)
        unit = common([s for s in (left.scale, right.scale) if s] or [Fraction(1)])
        one, two = self._at(left, unit), self._at(right, unit)
        assert one.sql is not None and two.sql is not None
        return _binary(_COMPARISONS[op], one.sql, two.sql)

    # -- milligrams --------------------------------------------------------------------------------

    def milligrams(self, kilograms: Ratio, *, up: bool = False) -> Whole:
        """Whole milligrams, rounded down, or up where `up`. The bounds tell whether they fit 64 bits."""
        scale = kilograms.scale * MILLIGRAMS
        if kilograms.num.sql is None and kilograms.den is None:
            number = -(-scale.numerator // scale.denominator) if up else scale.numerator // scale.denominator
            return Whole(_literal(number), Bounds(number, number))
        num = self._at(Ratio(kilograms.num, Fraction(scale.numerator)), Fraction(1))
        if kilograms.den is None:
            return self._by_constant(num, scale.denominator, up)
        den = self._linear([(kilograms.den, scale.denominator)])
        if up:
            num = self._linear([(num, 1), (den, 1), (ONE, -1)])
        return self._by_column(num, den)

    def above_zero(self, value: Ratio) -> exp.Expression:
        """Whether the exact value is above zero (denominators are)."""
        if value.num.sql is None:
            return exp.true() if value.scale > 0 else exp.false()
        if value.scale == 0:
            return exp.false()
        sign = exp.GT if value.scale > 0 else exp.LT
        return _binary(sign, value.num.sql, _literal(0))

    def _by_constant(self, num: Whole, d: int, up: bool) -> Whole:
        """floor(num / d) with one division: shifted by a multiple of d until nothing is negative.

        For numbers not below zero truncation and floor are one, so the engine's integer division is exact
        on both kinds of engine; the shift is a constant proved from the bounds. Rounding up adds d - 1
        first.
        """
        if d == 1:
            return num
        lift = d - 1 if up else 0
        result = Bounds((num.bounds.low + lift) // d, (num.bounds.high + lift) // d)
        shift = max(0, -result.low)
        moved = num if shift == lift == 0 else self._linear([(num, 1), (ONE, shift * d + lift)])
        assert moved.sql is not None
        quotient = self._dialect.int_div(_paren(moved.sql), _literal(d))
        return Whole(quotient if shift == 0 else _binary(exp.Sub, quotient, _literal(shift)), result)

    def _by_column(self, num: Whole, den: Whole) -> Whole:
        """floor(num / den): take away the non-negative modulus first, then the integer division is exact."""
        assert num.sql is not None and den.sql is not None
        reach = num.bounds + Bounds(-den.bounds.high, 0)
        wide = not (reach.fits_int64 and den.bounds.times(2).fits_int64)
        self._checked(Whole(None, reach))
        self._checked(Whole(None, den.bounds.times(2)))
        n, d = (self._wide(num.sql), self._wide(den.sql)) if wide else (num.sql, den.sql)
        rest = _binary(exp.Mod, n, d)
        positive = rest if num.bounds.low >= 0 else _binary(exp.Mod, _binary(exp.Add, rest, d), d)
        low = min(num.bounds.low // den.bounds.low, num.bounds.low // den.bounds.high)
        high = max(num.bounds.high // den.bounds.low, num.bounds.high // den.bounds.high)
        return Whole(
            self._dialect.int_div(_paren(_binary(exp.Sub, n, positive)), _paren(d)), Bounds(low, high)
        )

    # -- width -------------------------------------------------------------------------------------

    def _wide(self, sql: exp.Expression) -> exp.Expression:
        return self._dialect.wide(sql)

    def _checked(self, whole: Whole) -> Whole:
        if not whole.bounds.fits_38_digits:
            raise NotColumnar("an intermediate result can pass 38 digits over the declared ranges")
        return whole

    def _text(self, whole: Whole | None) -> str:
        return "" if whole is None or whole.sql is None else whole.sql.sql()


def as_case(
    tree: Tree, arithmetic: Arithmetic, leaf: Callable[[int], exp.Expression], start: int = 0
) -> tuple[exp.Expression, int]:
    """The tree as nested CASE; `leaf(i)` stands in leaf i. Returns the expression and the number after the
    last leaf.
    """
    if not isinstance(tree, Branch):
        return leaf(start), start + 1
    then, middle = as_case(tree.then, arithmetic, leaf, start)
    other, end = as_case(tree.other, arithmetic, leaf, middle)
    return exp.Case().when(arithmetic.test(tree.test), then).else_(other), end


def _known(test: exp.Expression) -> exp.Expression:
    """Null (something absent) does not hold."""
    return exp.Coalesce(this=test, expressions=[exp.false()])


def _literal(number: int) -> exp.Expression:
    return exp.Literal.number(number) if number >= 0 else exp.Neg(this=exp.Literal.number(-number))


def _paren(sql: exp.Expression) -> exp.Expression:
    return exp.Paren(this=sql) if isinstance(sql, exp.Binary | exp.Neg) else sql


def _binary(kind: type[exp.Expression], a: exp.Expression, b: exp.Expression) -> exp.Expression:
    """The same column stands in many places, though sqlglot keeps one parent a node: it copies what it writes."""
    return kind(this=_paren(a), expression=_paren(b))


_COMPARISONS: dict[str, type[exp.Expression]] = {
    "<": exp.LT,
    "<=": exp.LTE,
    ">": exp.GT,
    ">=": exp.GTE,
    "==": exp.EQ,
    "!=": exp.NEQ,
}
