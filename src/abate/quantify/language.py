"""The formula language: text to a tree with units checked.

Arithmetic, comparison, `min`, `max`, `sum(... for m in set)`, `sum(... for x in list_field)`, look-up
`name[key]`, `tier(x, (limit, value), ..., otherwise)`, `a if test else b`, `given(field)`, `and`, `or`,
`not`. Nothing else. The text is read by Python's own parser, so precedence is the familiar one; nothing
is ever executed. Numbers are exact as written. A number of its own has no unit: a figure with a unit is a
parameter, with a source.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any, Literal, cast

from abate.quantify import units
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

NUMBER = re.compile(r"[0-9]+(\.[0-9]+)?")
Operator = Literal["<", "<=", ">", ">=", "==", "!="]
OPERATORS: dict[type[ast.cmpop], Operator] = {
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Eq: "==",
    ast.NotEq: "!=",
}


class LanguageError(ValueError):
    """A formula that cannot be read: the reason and the remedy."""

    def __init__(self, reason: str, remedy: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.remedy = remedy


@dataclass(frozen=True, slots=True)
class Names:
    """What the names in a formula may stand for, with their units."""

    numbers: Mapping[str, str]
    """Numeric activity fields and derived quantities."""
    texts: Mapping[str, tuple[str, ...]]
    """Text fields and their choices."""
    present: frozenset[str]
    """Every field, of any kind: what `given()` may ask for."""
    lists: Mapping[str, Mapping[str, str]]
    params: Mapping[str, str]
    formulas: Mapping[str, str]
    sets: Mapping[str, tuple[str, ...]]
    keys: Mapping[str, str] = field(default_factory=dict)
    """Inside a sum over a set: the loop name and the member it is at."""
    item: tuple[str, str] = ("", "")
    """Inside a sum over a list field: the loop name and the list field."""


@dataclass(frozen=True, slots=True)
class Typed:
    """A tree and the unit of its value."""

    node: Node
    unit: Any

    @property
    def is_zero(self) -> bool:
        return isinstance(self.node, Num) and self.node.value == 0

    @property
    def is_number(self) -> bool:
        return isinstance(self.node, Num)


def read_value(text: str, names: Names, unit: str) -> Node:
    """The tree of `text`, converted to `unit`. Raises LanguageError."""
    reader = _Reader(text, names)
    return reader.convert(reader.value(_parse(text)), units.parse(unit), text).node


def read_test(text: str, names: Names) -> Test:
    """The condition in `text`. Raises LanguageError."""
    return _Reader(text, names).test(_parse(text))


def _parse(text: str) -> ast.expr:
    if len(text) > 4000:
        raise LanguageError(
            "the formula is longer than 4,000 characters", "name parts of it as formulas of their own"
        )
    try:
        return ast.parse(" ".join(text.split()), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise LanguageError(f"the formula cannot be read: {error}", "write it like `BE - PE`") from error


class _Reader:
    def __init__(self, text: str, names: Names) -> None:
        self._text = " ".join(text.split())
        self._names = names

    def value(self, node: ast.expr) -> Typed:
        match node:
            case ast.Constant(value=int() | float()) if not isinstance(node.value, bool):
                return self._number(node)
            case ast.Name(id=name):
                return self._name(name)
            case ast.Attribute(value=ast.Name(id=loop), attr=attribute):
                return self._item(loop, attribute)
            case ast.Subscript(value=ast.Name(id=stem), slice=ast.Name(id=key)):
                return self._look_up(stem, key)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                inner = self.value(operand)
                return Typed(Neg(inner.node, unit=units.show(inner.unit)), inner.unit)
            case ast.BinOp():
                return self._binary(node)
            case ast.IfExp():
                return self._choice(node)
            case ast.Call(func=ast.Name(id=function), args=args, keywords=[]):
                return self._call(function, args, node)
            case _:
                raise self._unknown(node)

    def _unknown(self, node: ast.expr) -> LanguageError:
        part = ast.get_source_segment(self._text, node) or type(node).__name__
        return LanguageError(
            f"`{part}` is not in the formula language",
            "use arithmetic, comparison, min, max, sum, tier, look-up, if/else, given; nothing else",
        )

    def _number(self, node: ast.Constant) -> Typed:
        text = ast.get_source_segment(self._text, node) or ""
        if not NUMBER.fullmatch(text):
            raise LanguageError(f"`{text}` is not a plain decimal number", "write it like 0.01")
        return Typed(Num(Fraction(text)), units.parse(""))

    def _name(self, name: str) -> Typed:
        names = self._names
        if name in names.numbers:
            return Typed(Field(name, unit=names.numbers[name]), units.parse(names.numbers[name]))
        if name in names.params:
            return Typed(Param(name, unit=names.params[name]), units.parse(names.params[name]))
        if name in names.formulas:
            return Typed(Ref(name, unit=names.formulas[name]), units.parse(names.formulas[name]))
        known = sorted({*names.numbers, *names.params, *names.formulas})
        raise LanguageError(
            f"unknown name `{name}`: no numeric field, parameter or formula is called so",
            f"known names: {', '.join(known)}",
        )

    def _item(self, loop: str, attribute: str) -> Typed:
        bound, list_field = self._names.item
        fields = self._names.lists.get(list_field, {})
        if loop != bound or attribute not in fields:
            raise LanguageError(
                f"unknown name `{loop}.{attribute}`", f"known: {', '.join(sorted(fields)) or 'none'}"
            )
        return Typed(Item(attribute, unit=fields[attribute]), units.parse(fields[attribute]))

    def _look_up(self, stem: str, key: str) -> Typed:
        """`ef[m]` in a sum over a set is the name `ef_<member>`; `ef[mode]` chooses by a closed text
        field."""
        if key in self._names.keys:
            return self._name(f"{stem}_{self._names.keys[key]}")
        choices = self._names.texts.get(key, ())
        if not choices:
            raise LanguageError(
                f"`{stem}[{key}]`: {key} is neither the loop name of a sum nor a text field with choices",
                "look up by the loop name of a sum over a set, or by a text field with choices",
            )
        found = self._same_unit([self._name(f"{stem}_{choice}") for choice in choices], f"{stem}[{key}]")
        node = found[-1].node
        for choice, typed in zip(reversed(choices[:-1]), reversed(found[:-1]), strict=True):
            node = If(Is(key, choice), typed.node, node, unit=units.show(found[0].unit))
        return Typed(node, found[0].unit)

    def _binary(self, node: ast.BinOp) -> Typed:
        left, right = self.value(node.left), self.value(node.right)
        part = ast.get_source_segment(self._text, node) or ""
        match node.op:
            case ast.Add() | ast.Sub():
                left, right = self._same_unit([left, right], part)
                shown = units.show(left.unit)
                second = right.node if isinstance(node.op, ast.Add) else Neg(right.node, unit=shown)
                first = left.node.terms if isinstance(left.node, Add) else (left.node,)
                return Typed(Add((*first, second), unit=shown), left.unit)
            case ast.Mult():
                unit = left.unit * right.unit
                terms = (*_factors(left.node), *_factors(right.node))
                return Typed(Mul(terms, unit=units.show(unit)), unit)
            case ast.Div():
                if right.is_zero:
                    raise LanguageError(
                        f"`{part}` divides by zero", "divide by something that cannot be zero"
                    )
                unit = left.unit / right.unit
                return Typed(Div(left.node, right.node, unit=units.show(unit)), unit)
            case _:
                raise self._unknown(node)

    def _choice(self, node: ast.IfExp) -> Typed:
        part = ast.get_source_segment(self._text, node) or ""
        then, other = self._same_unit([self.value(node.body), self.value(node.orelse)], part)
        return Typed(If(self.test(node.test), then.node, other.node, unit=units.show(then.unit)), then.unit)

    def _call(self, function: str, args: list[ast.expr], node: ast.Call) -> Typed:
        part = ast.get_source_segment(self._text, node) or ""
        if function in ("min", "max") and len(args) > 1:
            terms = self._same_unit([self.value(a) for a in args], part)
            make: Callable[..., Node] = Min if function == "min" else Max
            return Typed(make(tuple(t.node for t in terms), unit=units.show(terms[0].unit)), terms[0].unit)
        if function == "sum" and len(args) == 1 and isinstance(args[0], ast.GeneratorExp):
            return self._sum(args[0], part)
        if function == "tier" and len(args) > 2:
            return self._tier(args, part)
        raise self._unknown(node)

    def _sum(self, node: ast.GeneratorExp, part: str) -> Typed:
        match node.generators:
            case [ast.comprehension(target=ast.Name(id=loop), iter=ast.Name(id=over), ifs=[])]:
                pass
            case _:
                raise LanguageError(
                    f"`{part}` is not a sum over one set", "write `sum(a[m] * b[m] for m in set)`"
                )
        if over in self._names.sets:
            terms = []
            for member in self._names.sets[over]:
                inner = _Reader(self._text, replace(self._names, keys={**self._names.keys, loop: member}))
                terms.append(inner.value(node.elt))
            terms = self._same_unit(terms, part)
            return Typed(Add(tuple(t.node for t in terms), unit=units.show(terms[0].unit)), terms[0].unit)
        if over in self._names.lists and not self._names.item[0]:
            body = _Reader(self._text, replace(self._names, item=(loop, over))).value(node.elt)
            return Typed(ListSum(over, body.node, unit=units.show(body.unit)), body.unit)
        known = ", ".join(sorted({*self._names.sets, *self._names.lists})) or "none"
        raise LanguageError(f"`{over}` is neither a declared set nor a list field", f"known: {known}")

    def _tier(self, args: list[ast.expr], part: str) -> Typed:
        """The value of the first tier whose limit is not below x; the last argument is for everything
        above."""
        x = self.value(args[0])
        steps = args[1:-1]
        if not all(isinstance(s, ast.Tuple) and len(s.elts) == 2 for s in steps):
            raise LanguageError(
                f"`{part}` is not a list of tiers", "write `tier(x, (limit, value), ..., otherwise)`"
            )
        pairs = [cast("ast.Tuple", s).elts for s in steps]
        values = self._same_unit([*(self.value(p[1]) for p in pairs), self.value(args[-1])], part)
        node = values[-1].node
        for (limit, _), value in zip(reversed(pairs), reversed(values[:-1]), strict=True):
            _, top = self._same_unit([x, self.value(limit)], part)
            node = If(Compare("<=", x.node, top.node), value.node, node, unit=units.show(value.unit))
        return Typed(node, values[0].unit)

    def test(self, node: ast.expr) -> Test:
        match node:
            case ast.BoolOp(op=ast.And(), values=parts):
                return And(tuple(self.test(p) for p in parts))
            case ast.BoolOp(op=ast.Or(), values=parts):
                return Or(tuple(self.test(p) for p in parts))
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return Not(self.test(operand))
            case ast.Call(func=ast.Name(id="given"), args=[ast.Name(id=name)], keywords=[]):
                if name not in self._names.present:
                    raise LanguageError(
                        f"unknown name `{name}` in given()", "ask for a field of the activity"
                    )
                return Given(name)
            case ast.Compare(left=left, ops=ops, comparators=rights):
                lefts = [left, *rights[:-1]]
                pairs = [self._compare(a, o, b) for a, o, b in zip(lefts, ops, rights, strict=True)]
                return pairs[0] if len(pairs) == 1 else And(tuple(pairs))
            case _:
                raise self._unknown(node)

    def _compare(self, left: ast.expr, op: ast.cmpop, right: ast.expr) -> Test:
        if type(op) not in OPERATORS:
            raise LanguageError("only < <= > >= == != compare", "use one of these")
        name = OPERATORS[type(op)]
        if isinstance(left, ast.Name) and isinstance(right, ast.Constant) and isinstance(right.value, str):
            if left.id not in self._names.texts or name not in ("==", "!="):
                raise LanguageError(
                    f"`{left.id}` is not a text field compared by == or !=", "compare a text field"
                )
            choices = self._names.texts[left.id]
            if choices and right.value not in choices:
                raise LanguageError(
                    f"{right.value!r} is not a choice of {left.id}", f"choices: {', '.join(choices)}"
                )
            same = Is(left.id, right.value)
            return same if name == "==" else Not(same)
        part = f"{ast.unparse(left)} {name} {ast.unparse(right)}"
        one, two = self._same_unit([self.value(left), self.value(right)], part)
        return Compare(name, one.node, two.node)

    def _same_unit(self, typed: list[Typed], part: str) -> list[Typed]:
        """All in the unit of the first that has one; zero goes with any unit."""
        first = next((t for t in typed if not t.is_zero), typed[0])
        return [self.convert(t, first.unit, part) for t in typed]

    def convert(self, typed: Typed, unit: Any, part: str) -> Typed:
        """`typed` in `unit`, a needed conversion written in as an exact product."""
        if typed.is_zero:
            return Typed(replace(typed.node, unit=units.show(unit)), unit)
        try:
            ratio = units.unit_ratio(typed.unit, unit)
        except units.UnitError as error:
            raise LanguageError(
                f"units do not go together in `{part}`: {error}",
                "a factor is missing or wrong, or a unit in the schema is; correct the wrong one",
            ) from error
        if ratio == 1:
            return Typed(typed.node, unit)
        shown, target = units.show(typed.unit), units.show(unit)
        times = Num(ratio, reason=f"{shown} → {target}", unit=f"{target}/({shown})")
        return Typed(Mul((times, *_factors(typed.node)), unit=target), unit)


def _factors(node: Node) -> tuple[Node, ...]:
    return node.terms if isinstance(node, Mul) else (node,)
