"""A formula as text: with names, or with the numbers of one record in their places and only the branch
that applied."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

from abate.quantify.evaluation import Evaluation
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
from abate.quantify.units import decimal_text

SUM, PRODUCT, ATOM = 1, 2, 3


def expression(node: Node, evaluation: Evaluation | None, item: Mapping[str, Fraction] | None = None) -> str:
    """With `evaluation` the numbers stand in the places of the names; without, the names."""
    return _write(node, evaluation, item)[0]


def condition(test: Test, evaluation: Evaluation | None) -> str:
    match test:
        case Compare(op, left, right):
            return f"{expression(left, evaluation)} {op} {expression(right, evaluation)}"
        case Given(name):
            return f"given({name})"
        case Is(name, value):
            return f'{name} == "{value}"'
        case And(tests):
            return " and ".join(f"({condition(t, evaluation)})" for t in tests)
        case Or(tests):
            return " or ".join(f"({condition(t, evaluation)})" for t in tests)
        case Not(inner):
            return f"not ({condition(inner, evaluation)})"


def references(node: Node, evaluation: Evaluation) -> tuple[tuple[Node, ...], tuple[tuple[str, bool], ...]]:
    """The parts of a formula that applied (conditions included), and each condition with its answer."""
    taken: list[Node] = []
    choices: list[tuple[str, bool]] = []

    def walk(node: Node) -> None:
        match node:
            case If(test, then, other):
                holds = evaluation.test(test)
                choices.append((condition(test, None), holds))
                _compared(test, walk)
                walk(then if holds else other)
            case Add(terms) | Mul(terms) | Min(terms) | Max(terms):
                for term in terms:
                    walk(term)
            case Neg(one):
                walk(one)
            case Div(one, two):
                walk(one)
                walk(two)
            case _:
                taken.append(node)

    walk(node)
    return tuple(taken), tuple(choices)


def _compared(test: Test, walk: object) -> None:
    assert callable(walk)
    match test:
        case Compare(_, left, right):
            walk(left)
            walk(right)
        case And(tests) | Or(tests):
            for part in tests:
                _compared(part, walk)
        case Not(inner):
            _compared(inner, walk)


def _number(value: Fraction) -> tuple[str, int]:
    text = decimal_text(value)
    return (f"({text})", ATOM) if "/" in text or value < 0 else (text, ATOM)


def _write(node: Node, at: Evaluation | None, item: Mapping[str, Fraction] | None) -> tuple[str, int]:
    """The text and how tightly it binds."""
    match node:
        case Num(number):
            return _number(number)
        case Field(name):
            return _number(at.field(name)) if at else (name, ATOM)
        case Param(name):
            return _number(at.figures[name]) if at else (name, ATOM)
        case Ref(name):
            return _number(at.formula(name)) if at else (name, ATOM)
        case Item(name):
            return _number(item[name]) if item else (name, ATOM)
        case Neg(arg):
            return f"-{_inside(arg, at, item, PRODUCT)}", SUM
        case Add(terms):
            return _added(terms, at, item), SUM
        case Mul(terms):
            return " * ".join(_inside(t, at, item, PRODUCT) for t in terms), PRODUCT
        case Div(num, den):
            return f"{_inside(num, at, item, PRODUCT)} / {_inside(den, at, item, ATOM)}", PRODUCT
        case Min(terms) | Max(terms):
            name = "min" if isinstance(node, Min) else "max"
            return f"{name}({', '.join(_write(t, at, item)[0] for t in terms)})", ATOM
        case If(test, then, other):
            if at:
                return _write(then if at.test(test) else other, at, item)
            one, two = _write(then, at, item)[0], _write(other, at, item)[0]
            return f"({one} if {condition(test, at)} else {two})", ATOM
        case ListSum(name, body):
            if not at:
                return f"sum({_write(body, at, item)[0]} for {name})", ATOM
            return " + ".join(_inside(body, at, one, PRODUCT) for one in at.record.lists[name]), SUM


def _inside(node: Node, at: Evaluation | None, item: Mapping[str, Fraction] | None, needed: int) -> str:
    text, binds = _write(node, at, item)
    return text if binds >= needed else f"({text})"


def _added(terms: tuple[Node, ...], at: Evaluation | None, item: Mapping[str, Fraction] | None) -> str:
    text = ""
    for term in terms:
        negative = isinstance(term, Neg)
        inner = _inside(term.arg if isinstance(term, Neg) else term, at, item, PRODUCT)
        text += f"{' - ' if negative else ' + '}{inner}" if text else f"{'-' if negative else ''}{inner}"
    return text
