"""Proof at load that no engine can overflow or divide by zero: bounds of every numerator and denominator.

Every value is num * scale / den with whole `num` and `den` of known bounds, as the column engines keep
it. Decimals and unit conversions gather in `scale`; where a step may pass 38 digits the methodology is
refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import reduce

from abate.quantify.bounds import Bounds, common, scaled
from abate.quantify.columns_tree import NotColumnar, applied, decision_tree, leaves
from abate.quantify.formula import (
    Add,
    And,
    Compare,
    Div,
    Field,
    Item,
    ListSum,
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
from abate.quantify.method import ActivityField, Method
from abate.quantify.reading_yaml import Table
from abate.quantify.rounding import MG_PER_KG

ONE = Bounds(1, 1)


class _TooWide(Exception):
    pass


@dataclass(frozen=True, slots=True)
class _Ratio:
    num: Bounds
    scale: Fraction
    den: Bounds = ONE
    dens: tuple[str, ...] = ()
    """What stands in the denominator; sums over equal denominators need no product."""


def check(method: Method, table: Table) -> None:
    """Raises MethodError where a width, a denominator or the number of branches cannot be accepted."""
    nodes: tuple[Node, ...] = (Ref("BE"), Ref("PE"), Ref("LE"), applied(method))
    widths = _Widths(method)
    try:
        for leaf in leaves(decision_tree(method, nodes)):
            for node in leaf.nodes:
                widths.milligrams(node)
            for test, _ in leaf.path:
                widths.test(test)
        for recognition in method.recognition:
            for leaf in leaves(decision_tree(method, _sides(recognition.test))):
                for node in leaf.nodes:
                    widths.value(node)
            widths.test(recognition.test)
    except ZeroDivisionError as error:
        raise table["formulas"].error(
            f"the denominator `{error}` may be zero or negative over the declared ranges",
            "declare a `low` above zero, or `low_open: true`, for what divides",
        ) from error
    except _TooWide as error:
        raise table["formulas"].error(
            f"a result can overflow: {error} may pass 38 digits over the declared ranges",
            "lower `high` or `decimals` of the fields and parameters in it",
        ) from error
    except NotColumnar as error:
        raise table["formulas"].error(str(error), "write it with fewer branches") from error


def _sides(test: Test) -> tuple[Node, ...]:
    match test:
        case Compare(_, one, two):
            return one, two
        case And(tests) | Or(tests):
            return tuple(side for part in tests for side in _sides(part))
        case Not(inner):
            return _sides(inner)
        case _:
            return ()


class _Widths:
    def __init__(self, method: Method) -> None:
        self._method = method
        self._fields = {
            f.name: _of_field(f) for f in method.activity.fields if f.kind in ("number", "integer")
        }
        for derived in method.activity.derived:
            per = 3600 if derived.kind == "hours" else 1
            self._fields[derived.name] = _Ratio(Bounds(0, int(derived.high * per)), Fraction(1, per))
        self._lists = {f.name: f for f in method.activity.fields if f.kind == "list"}
        self._known: dict[int, tuple[Node, _Ratio]] = {}
        self._figures: dict[str, _Ratio] = {}

    def milligrams(self, node: Node) -> None:
        ratio = self.value(node)
        factor = ratio.scale * MG_PER_KG
        self._fit(ratio.num.times(factor.numerator), "the milligrams")
        self._fit(ratio.den.times(factor.denominator), "the denominator of the milligrams")

    def value(self, node: Node, items: Mapping[str, _Ratio] | None = None) -> _Ratio:
        """Leaves share most of their parts, so outside of lists each part is looked at once."""
        if items is not None:
            return self._value(node, items)
        if id(node) not in self._known:  # the node is kept, so that its id stays its own
            self._known[id(node)] = node, self._value(node, None)
        return self._known[id(node)][1]

    def _value(self, node: Node, items: Mapping[str, _Ratio] | None) -> _Ratio:
        match node:
            case Num(number):
                return _Ratio(ONE, number)
            case Field(name):
                return self._fields[name]
            case Item(name) if items:
                return items[name]
            case Param(name):
                if name not in self._figures:
                    p = self._method.parameters[name]
                    bounds = scaled(p.low, p.high, p.decimals)
                    self._figures[name] = _Ratio(bounds, Fraction(1, 10**p.decimals))
                return self._figures[name]
            case Ref(name):
                return self.value(self._method.formulas[name].expr, items)
            case Neg(arg):
                inner = self.value(arg, items)
                return _Ratio(inner.num, -inner.scale, inner.den, inner.dens)
            case Add(terms):
                return reduce(self._plus, [self.value(t, items) for t in terms])
            case Mul(terms):
                return reduce(self._times, [self.value(t, items) for t in terms])
            case Div(num, den):
                return self._over(self.value(num, items), self.value(den, items), den)
            case ListSum(name, body):
                field = self._lists[name]
                one = self.value(body, {i.name: _of_field(i) for i in field.items})
                return _Ratio(
                    self._fit(one.num.times(field.max_items).with_zero(), name), one.scale, one.den, one.dens
                )
            case _:
                raise NotColumnar(
                    "an if, min or max stands inside a sum over a list; name it as a formula outside"
                )

    def test(self, test: Test) -> None:
        match test:
            case Compare(_, one, two):
                if not any(self._branching(side) for side in (one, two)):
                    self._plus(self.value(one), self.value(two))
            case And(tests) | Or(tests):
                for part in tests:
                    self.test(part)
            case Not(inner):
                self.test(inner)

    def _branching(self, node: Node) -> bool:
        return len(leaves(decision_tree(self._method, (node,)))) > 1

    def _plus(self, a: _Ratio, b: _Ratio) -> _Ratio:
        if a.scale == 0 or b.scale == 0:
            return b if a.scale == 0 else a
        scale = common([a.scale, b.scale])
        one, two = a.num.times(int(a.scale / scale)), b.num.times(int(b.scale / scale))
        if a.dens == b.dens:
            return _Ratio(self._fit(one + two, "a sum"), scale, a.den, a.dens)
        num = self._fit(self._fit(one * b.den, "a sum") + self._fit(two * a.den, "a sum"), "a sum")
        return _Ratio(num, scale, self._fit(a.den * b.den, "a denominator"), (*a.dens, *b.dens))

    def _times(self, a: _Ratio, b: _Ratio) -> _Ratio:
        if a.scale * b.scale == 0:
            return _Ratio(ONE, Fraction(0))
        num, den = self._fit(a.num * b.num, "a product"), self._fit(a.den * b.den, "a denominator")
        return _Ratio(num, a.scale * b.scale, den, (*a.dens, *b.dens))

    def _over(self, a: _Ratio, b: _Ratio, node: Node) -> _Ratio:
        if b.num.low * b.scale <= 0:
            raise ZeroDivisionError(getattr(node, "name", type(node).__name__))
        return self._times(a, _Ratio(b.den, 1 / b.scale, b.num, (repr(node),)))

    def _fit(self, bounds: Bounds, what: str) -> Bounds:
        if not bounds.fits_38_digits:
            raise _TooWide(what)
        return bounds


def _of_field(field: ActivityField) -> _Ratio:
    assert field.low is not None and field.high is not None
    bounds = scaled(field.low, field.high, field.decimals)
    if field.low_open and bounds.low == field.low * 10**field.decimals:
        bounds = Bounds(bounds.low + 1, bounds.high)
    if not field.required and field.absent_zero:
        bounds = bounds.with_zero()
    return _Ratio(bounds, Fraction(1, 10**field.decimals))
