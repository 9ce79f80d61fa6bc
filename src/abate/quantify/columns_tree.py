"""One decision tree for BE, PE, LE and the ER that applies: every condition first, then pure arithmetic.

The formulas of a methodology share their conditions (the same `if` stands in PE and in the rule that looks
at PE), so they are expanded together. In a leaf no condition is left: each of the four is a sum of products
and one quotient, which keeps a cheap branch in 64-bit integers even when another branch needs 128.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from abate.quantify.formula import (
    Add,
    And,
    Compare,
    Div,
    If,
    ListSum,
    Max,
    Min,
    Mul,
    Neg,
    Node,
    Not,
    Or,
    Param,
    Ref,
    Test,
)
from abate.quantify.method import Method

MAX_LEAVES = 64
Path: TypeAlias = Mapping[Test, bool]


class NotColumnar(ValueError):
    """The methodology cannot be computed as columns: too many branches, or numbers past 38 digits."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """Pure expressions, and the conditions that were decided on the way here."""

    nodes: tuple[Node, ...]
    path: tuple[tuple[Test, bool], ...]


@dataclass(frozen=True, slots=True)
class Branch:
    test: Test
    then: Tree
    other: Tree


Tree: TypeAlias = Leaf | Branch
_Then: TypeAlias = Callable[[Node, Path], Tree]
_Decided: TypeAlias = Callable[[bool, Path], Tree]


def applied(method: Method) -> Node:
    """ER as it applies: the formula of the first rule that matches, else `ER`."""
    node: Node = Ref("ER")
    for rule in reversed(method.rules):
        node = If(rule.when, Ref(rule.formula), node)
    return node


def decision_tree(method: Method, nodes: tuple[Node, ...]) -> Tree:
    """Expand `nodes` together. Raises NotColumnar past 64 leaves."""
    return _Expansion(method).run(nodes)


def leaves(tree: Tree) -> list[Leaf]:
    """The leaves from left to right; the position in this list is the number of the leaf."""
    if isinstance(tree, Leaf):
        return [tree]
    return leaves(tree.then) + leaves(tree.other)


class _Expansion:
    def __init__(self, method: Method) -> None:
        self._method = method
        self._leaves = 0
        self._known: dict[int, tuple[Node, Node | None]] = {}

    def run(self, nodes: tuple[Node, ...]) -> Tree:
        def finish(done: tuple[Node, ...], path: Path) -> Tree:
            self._leaves += 1
            if self._leaves > MAX_LEAVES:
                raise NotColumnar(
                    f"{self._method.id} v{self._method.version}: over {MAX_LEAVES} branches in its formulas; "
                    "split the methodology or merge tiers"
                )
            return Leaf(done, tuple(path.items()))

        return self._each(nodes, {}, finish)

    def _each(
        self, nodes: tuple[Node, ...], path: Path, then: Callable[[tuple[Node, ...], Path], Tree]
    ) -> Tree:
        if not nodes:
            return then((), path)

        def first(head: Node, path: Path) -> Tree:
            return self._each(nodes[1:], path, lambda rest, path: then((head, *rest), path))

        return self._node(nodes[0], path, first)

    def _pure(self, node: Node) -> Node | None:
        """The node with references written out where no condition stands in it, else None. Most of a
        methodology is such: it needs no step of its own for every term, which a long sum could not take."""
        if id(node) not in self._known:
            self._known[id(node)] = node, self._written_out(node)
        return self._known[id(node)][1]

    def _written_out(self, node: Node) -> Node | None:
        match node:
            case Ref(name):
                return self._pure(self._method.formulas[name].expr)
            case Add(terms) | Mul(terms):
                done = [self._pure(term) for term in terms]
                inner = tuple(term for term in done if term is not None)
                return None if len(inner) < len(terms) else type(node)(inner)
            case Neg(arg):
                one = self._pure(arg)
                return None if one is None else Neg(one)
            case Div(num, den):
                over, under = self._pure(num), self._pure(den)
                return None if over is None or under is None else Div(over, under)
            case If() | Min() | Max():
                return None
            case _:
                return node

    def _node(self, node: Node, path: Path, then: _Then) -> Tree:
        pure = self._pure(node)
        if pure is not None:
            return then(pure, path)
        match node:
            case Ref(name):
                return self._node(self._method.formulas[name].expr, path, then)
            case Add(terms):
                return self._each(terms, path, lambda done, path: then(Add(done), path))
            case Mul(terms):
                return self._each(terms, path, lambda done, path: then(Mul(done), path))
            case Neg(arg):
                return self._node(arg, path, lambda done, path: then(Neg(done), path))
            case Div(num, den):
                return self._each((num, den), path, lambda done, path: then(Div(*done), path))
            case Min(terms):
                return self._node(_least(terms, "<="), path, then)
            case Max(terms):
                return self._node(_least(terms, ">="), path, then)
            case If(test, yes, no):
                return self._test(
                    test, path, lambda holds, path: self._node(yes if holds else no, path, then)
                )
            case _:  # Num, Field, Param, Item, ListSum: nothing to decide
                return then(node, path)

    def _test(self, test: Test, path: Path, then: _Decided) -> Tree:
        """Decide `test` where the path already tells, else branch on its smallest parts."""
        if test in path:
            return then(path[test], path)
        match test:
            case Not(inner):
                return self._test(inner, path, lambda holds, path: then(not holds, path))
            case And(tests):
                return self._all(tests, path, True, then)
            case Or(tests):
                return self._all(tests, path, False, then)
            case Compare(op, left, right):

                def compared(done: tuple[Node, ...], path: Path) -> Tree:
                    pure = Compare(op, *done)
                    if pure in path:
                        return then(path[pure], path)
                    return self._branch(pure, path, then)

                return self._each((left, right), path, compared)
            case _:  # Given, Is
                return self._branch(test, path, then)

    def _all(self, tests: tuple[Test, ...], path: Path, goes_on: bool, then: _Decided) -> Tree:
        """`and` (goes_on=True: stop at the first that fails) or `or` (goes_on=False: stop at the first that
        holds).
        """
        if not tests:
            return then(goes_on, path)

        def decided(holds: bool, path: Path) -> Tree:
            return self._all(tests[1:], path, goes_on, then) if holds is goes_on else then(not goes_on, path)

        return self._test(tests[0], path, decided)

    def _branch(self, test: Test, path: Path, then: _Decided) -> Tree:
        return Branch(test, then(True, {**path, test: True}), then(False, {**path, test: False}))


def _least(terms: tuple[Node, ...], op: str) -> Node:
    """min (`<=`) or max (`>=`) of several as nested `if`."""
    if len(terms) == 1:
        return terms[0]
    rest = _least(terms[1:], op)
    return If(Compare("<=" if op == "<=" else ">=", terms[0], rest), terms[0], rest)


def params_of(node: Node | Test) -> frozenset[Param]:
    """The parameters a tree reads (references to other formulas are not followed)."""
    match node:
        case Param():
            return frozenset({node})
        case Add(terms) | Mul(terms) | Min(terms) | Max(terms):
            return frozenset().union(*(params_of(t) for t in terms))
        case Neg(arg):
            return params_of(arg)
        case Div(num, den):
            return params_of(num) | params_of(den)
        case If(test, yes, no):
            return params_of(test) | params_of(yes) | params_of(no)
        case ListSum(_, body):
            return params_of(body)
        case Compare(_, left, right):
            return params_of(left) | params_of(right)
        case And(tests) | Or(tests):
            return frozenset().union(*(params_of(t) for t in tests))
        case Not(inner):
            return params_of(inner)
        case _:
            return frozenset()
