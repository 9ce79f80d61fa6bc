"""What only the whole of a methodology shows: names nobody uses, cycles, absences, boundaries, widths."""

from __future__ import annotations

from collections.abc import Iterator

from abate.quantify import reading_widths
from abate.quantify.formula import (
    Add,
    And,
    Compare,
    Div,
    Field,
    Given,
    If,
    Is,
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
from abate.quantify.reading_yaml import Table, Value

ROOTS = ("BE", "PE", "LE", "ER")


def check(method: Method, table: Table) -> None:
    """Raises MethodError for the first thing that is wrong."""
    _cycles(method, table)
    _used(method, table)
    _late(method, table)
    _boundary(method, table)
    _dates(method, table)
    _presence(method, table)
    reading_widths.check(method, table)


def parts(tree: Node | Test) -> Iterator[Node | Test]:
    """The tree and everything below it (references are not followed)."""
    yield tree
    match tree:
        case Add(inner) | Mul(inner) | Min(inner) | Max(inner) | And(inner) | Or(inner):
            for part in inner:
                yield from parts(part)
        case Neg(one) | Not(one) | ListSum(_, one):
            yield from parts(one)
        case Div(one, two) | Compare(_, one, two):
            yield from parts(one)
            yield from parts(two)
        case If(test, one, two):
            yield from parts(test)
            yield from parts(one)
            yield from parts(two)


def _cycles(method: Method, table: Table) -> None:
    done: set[str] = set()

    def visit(name: str, trail: tuple[str, ...]) -> None:
        if name in trail:
            round_trip = " -> ".join((*trail[trail.index(name) :], name))
            at = table["formulas"].table()[name]
            raise at.error(
                f"the formulas go round in a circle: {round_trip}", "let one of them stand on data alone"
            )
        if name not in done:
            for part in parts(method.formulas[name].expr):
                if isinstance(part, Ref):
                    visit(part.name, (*trail, name))
            done.add(name)

    for name in method.formulas:
        visit(name, ())


def _used(method: Method, table: Table) -> None:
    formulas = {*ROOTS, *(r.formula for r in method.rules)}
    waiting: list[Node | Test] = [r.test for r in method.recognition]
    waiting.extend(r.when for r in method.rules)
    waiting.extend(method.formulas[name].expr for name in formulas)
    params: set[str] = set()
    while waiting:
        for part in parts(waiting.pop()):
            if isinstance(part, Param):
                params.add(part.name)
            elif isinstance(part, Ref) and part.name not in formulas:
                formulas.add(part.name)
                waiting.append(method.formulas[part.name].expr)
    for section, names, used in (
        ("parameters", method.parameters, params),
        ("formulas", method.formulas, formulas),
    ):
        for name in names:
            if name not in used:
                at = table[section].table()[name]
                raise at.error(
                    "is used nowhere", "use it or remove it: what is unused is usually a typing error"
                )


def _late(method: Method, table: Table) -> None:
    """Recognition decides before a figure may turn out to be lacking, so it cannot stand on one."""
    for recognition in method.recognition:
        waiting: list[Node | Test] = [recognition.test]
        while waiting:
            for part in parts(waiting.pop()):
                if isinstance(part, Ref):
                    waiting.append(method.formulas[part.name].expr)
                elif isinstance(part, Param) and method.parameters[part.name].only_where_read:
                    at = table["parameters"].table()[part.name]
                    raise at.error(
                        f"recognition rule {recognition.id} reads it", "remove `only_where_read` from it"
                    )


def _boundary(method: Method, table: Table) -> None:
    """The same level of service in the same boundary (P-7.2-b): a source left out of one scenario alone
    is explained."""
    sides = [{s.id for s in side.sources if s.included} for side in (method.baseline, method.project)]
    if sides[0] != sides[1] and method.boundary_difference is None:
        differing = ", ".join(sorted(sides[0] ^ sides[1]))
        raise table["project"].error(
            f"the two scenarios include different sources ({differing}) and no reason is stated (P-7.2-b)",
            "state it under `boundary_difference` in both languages, or make the boundaries the same",
        )
    if sides[0] == sides[1] and method.boundary_difference is not None:
        raise table["boundary_difference"].error("the boundaries do not differ", "remove the reason")


def _dates(method: Method, table: Table) -> None:
    if method.in_force_to and method.in_force_to < method.in_force_from:
        raise table["in_force"].error("it goes out of force before it comes into force", "correct the dates")
    for name, parameter in method.parameters.items():
        for_ever = parameter.values and parameter.values[-1].end
        late = parameter.values and parameter.values[0].start > method.in_force_from
        if late or (for_ever and (method.in_force_to is None or for_ever < method.in_force_to)):
            at = table["parameters"].table()[name]
            raise at.error(
                "its values do not cover the time the methodology is in force", "cover it without a gap"
            )


def _presence(method: Method, table: Table) -> None:
    formulas = table["formulas"].table()
    for name in {*ROOTS, *(r.formula for r in method.rules)}:
        _Presence(method, formulas, formulas[name]).node(Ref(name), frozenset(), frozenset())
    for section, tests in (
        ("recognition", [r.test for r in method.recognition]),
        ("rules", [r.when for r in method.rules]),
    ):
        for test in tests:
            _Presence(method, formulas, table[section]).test(test, frozenset(), frozenset())


class _Presence:
    """An optional field may be read only where the way there has made sure that it is given.

    References are followed, so a formula that is used only behind `given(...)` needs no guard of its own.
    """

    def __init__(self, method: Method, formulas: Table, at: Value) -> None:
        self._method = method
        self._fields = {f.name: f for f in method.activity.fields}
        self._groups = method.activity.one_of
        self._formulas = formulas
        self._at = at

    def node(self, node: Node, there: frozenset[str], gone: frozenset[str]) -> None:
        match node:
            case Ref(name):
                inner = _Presence(self._method, self._formulas, self._formulas[name])
                inner.node(self._method.formulas[name].expr, there, gone)
            case Field(name):
                self._read(name, there, gone)
            case ListSum(name, _):
                self._read(name, there, gone)
            case If(test, then, other):
                self.test(test, there, gone)
                yes, no = _facts(test, True), _facts(test, False)
                self.node(then, there | yes[0], gone | yes[1])
                self.node(other, there | no[0], gone | no[1])
            case Add(terms) | Mul(terms) | Min(terms) | Max(terms):
                for term in terms:
                    self.node(term, there, gone)
            case Div(one, two):
                self.node(one, there, gone)
                self.node(two, there, gone)
            case Neg(one):
                self.node(one, there, gone)

    def test(self, test: Test, there: frozenset[str], gone: frozenset[str]) -> None:
        match test:
            case Compare(_, one, two):
                self.node(one, there, gone)
                self.node(two, there, gone)
            case Not(inner):
                self.test(inner, there, gone)
            case And(tests) | Or(tests):
                for part in tests:
                    self.test(part, there, gone)
                    facts = _facts(part, isinstance(test, And))
                    there, gone = there | facts[0], gone | facts[1]

    def _read(self, name: str, there: frozenset[str], gone: frozenset[str]) -> None:
        field = self._fields.get(name)
        if field is None or field.required or field.absent_zero or name in self._close(there, gone):
            return
        raise self._at.error(
            f"`{name}` may be absent where the formula reads it", f"write `... if given({name}) else ...`"
        )

    def _close(self, there: frozenset[str], gone: frozenset[str]) -> frozenset[str]:
        """What is there, seen that exactly one whole group of the choice is given."""
        for group in self._groups:
            if there & set(group):
                return there | set(group)
        left = [group for group in self._groups if not gone & set(group)]
        return there | set(left[0]) if len(left) == 1 else there


def _facts(test: Test, holds: bool) -> tuple[frozenset[str], frozenset[str]]:
    """Fields known to be there and known to be absent where `test` holds or fails."""
    match test:
        case Given(name):
            return (frozenset({name}), frozenset()) if holds else (frozenset(), frozenset({name}))
        case Is(name, _):
            return (frozenset({name}), frozenset()) if holds else (frozenset(), frozenset())
        case Not(inner):
            return _facts(inner, not holds)
        case And(tests) | Or(tests) if isinstance(test, And) == holds:
            found = [_facts(t, holds) for t in tests]
            return frozenset().union(*(f[0] for f in found)), frozenset().union(*(f[1] for f in found))
        case _:
            return frozenset(), frozenset()
