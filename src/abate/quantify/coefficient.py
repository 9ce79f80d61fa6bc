"""Formula (4) of T/CECA-G 0203-2022, 7.3.2: ER = COEF * AD, derived from (1) to (3) for fixed parameters.

COEF exists where ER, BE, PE and LE are each a constant times one quantity of the record. That is read
from the
formula tree, exactly: nothing is fitted. A figure that changes with the day gives one coefficient for
each stretch
of days.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction

from abate.quantify.columns_tree import applied
from abate.quantify.evaluation import Evaluation
from abate.quantify.factors import Chosen, Registry, Setting, timeline
from abate.quantify.factors_registry import Resolution
from abate.quantify.formula import Node, Param, Ref
from abate.quantify.method import Method
from abate.quantify.polynomial import Fixed, NotPolynomial, Polynomial, expand
from abate.quantify.reading_checks import parts
from abate.quantify.record import Record
from abate.quantify.record_values import DECIMAL
from abate.quantify.units import decimal_text

AMOUNTS = ("BE", "PE", "LE", "ER")
SAMPLE = 200
FINE = ("official-cn", "standard", "policy")


@dataclass(frozen=True, slots=True)
class Stretch:
    """One coefficient of each amount, from `start` until `end` (None: until further notice)."""

    start: date
    end: date | None
    coefficients: Mapping[str, Fraction]
    figures: tuple[Chosen, ...]


@dataclass(frozen=True, slots=True)
class Derivation:
    """What (4) is for a methodology: the quantity AD, its unit and the coefficients.

    `own` is true where every figure behind a coefficient is good enough to be the methodology's own
    value; else the
    coefficient stays the operator's, so that no figure gains a grade by being multiplied out.
    """

    method: Method
    quantity: str
    unit: str
    stretches: tuple[Stretch, ...]
    figures: Mapping[str, Fraction]
    fields: Mapping[str, Fraction]
    texts: Mapping[str, str]
    absent: tuple[str, ...]
    own: bool
    illustration: bool
    pack: str


def derive(
    method: Method, registry: Registry, setting: Setting, fixes: Mapping[str, str], start: date
) -> Derivation:
    """The coefficients from `start` on. Raises NotPolynomial where ER is not proportional to one
    quantity, or a
    figure is missing."""
    figures, fields, texts, absent = _fixes(method, fixes)
    roots: dict[str, Node] = {name: Ref(name) for name in AMOUNTS}
    roots["ER"] = applied(method)
    read = _read(method, roots.values())
    stretches: list[Stretch] = []
    quantities: set[str] = set()
    for first, end, resolution in _periods(method, registry, setting, start):
        known = {**resolution.values, **figures}
        lacking = [n for n in read if n not in known]
        if lacking:
            note = resolution.notes[lacking[0]].en if lacking[0] in resolution.notes else ""
            raise NotPolynomial(
                f"parameter {lacking[0]} has no figure from {first}. {note}".strip(),
                f"give it: --fix {lacking[0]}=..., or --operator-pack FILE",
            )
        fixed = Fixed(known, fields, texts, frozenset(absent))
        found = {name: expand(node, method, fixed) for name, node in roots.items()}
        quantities.add(_quantity(method, found))
        coefficients = {name: next(iter(poly.values()), Fraction(0)) for name, poly in found.items()}
        used = tuple(resolution.chosen[n] for n in method.parameters if n in read and n not in figures)
        if stretches and stretches[-1].coefficients == coefficients:
            last = stretches.pop()
            stretches.append(Stretch(last.start, end, coefficients, last.figures))
        else:
            stretches.append(Stretch(first, end, coefficients, used))
    if len(quantities) != 1:
        raise NotPolynomial("the quantity changes with the day", "fix the others, one at a time")
    quantity = quantities.pop()
    return _derivation(method, setting, quantity, stretches, (figures, fields, texts, absent))


def _derivation(
    method: Method,
    setting: Setting,
    quantity: str,
    stretches: list[Stretch],
    fixed: tuple[dict[str, Fraction], dict[str, Fraction], dict[str, str], tuple[str, ...]],
) -> Derivation:
    units = {f.name: f.unit for f in method.activity.fields} | {
        d.name: d.unit for d in method.activity.derived
    }
    chosen = [c for s in stretches for c in s.figures]
    return Derivation(
        method=method,
        quantity=quantity,
        unit=units[quantity],
        stretches=tuple(stretches),
        figures=fixed[0],
        fields=fixed[1],
        texts=fixed[2],
        absent=fixed[3],
        own=not fixed[0] and all(c.grade in FINE and not (c.id or "").startswith("pack:") for c in chosen),
        illustration=any(c.illustration for c in chosen),
        pack=setting.pack.id if setting.pack else "",
    )


def _periods(
    method: Method, registry: Registry, setting: Setting, first: date
) -> list[tuple[date, date | None, Resolution]]:
    """The stretches of days from `first` in which no figure changes."""
    periods = timeline(method, registry, setting)
    found: list[tuple[date, date | None, Resolution]] = []
    for period, after in zip(periods, [*periods[1:], None], strict=True):
        start, end = max(period.start or date.min, first), _eve(after.start if after else None)
        if end is None or start <= end:
            found.append((start, end, period.resolution))
    return found


def _eve(day: date | None) -> date | None:
    return day - timedelta(1) if day else None


def _fixes(
    method: Method, fixes: Mapping[str, str]
) -> tuple[dict[str, Fraction], dict[str, Fraction], dict[str, str], tuple[str, ...]]:
    figures: dict[str, Fraction] = {}
    numbers: dict[str, Fraction] = {}
    texts: dict[str, str] = {}
    absent: list[str] = []
    fields = {f.name: f for f in method.activity.fields}
    for name, text in fixes.items():
        field = fields.get(name)
        if field is None and name not in method.parameters:
            raise NotPolynomial(
                f"{name} is neither a parameter nor a field", f"see `abate methods show {method.id}`"
            )
        if text == "absent" and field is not None and not field.required:
            absent.append(name)
        elif field is not None and field.kind in ("text", "id"):
            texts[name] = text
        elif not DECIMAL.fullmatch(text):
            raise NotPolynomial(f"{name}={text} is not a plain decimal", "write it like 0.5703")
        elif field is None:
            figures[name] = Fraction(text)
        else:
            numbers[name] = Fraction(text)
    return figures, numbers, texts, tuple(absent)


def _read(method: Method, roots: object) -> list[str]:
    """The parameters that the amounts and the rules read, in the methodology's order."""
    waiting: list[Node] = [*roots]  # type: ignore[misc]
    seen: set[str] = set()
    found: set[str] = set()
    while waiting:
        for part in parts(waiting.pop()):
            if isinstance(part, Param):
                found.add(part.name)
            elif isinstance(part, Ref) and part.name not in seen:
                seen.add(part.name)
                waiting.append(method.formulas[part.name].expr)
    return [n for n in method.parameters if n in found]


def _quantity(method: Method, found: Mapping[str, Polynomial]) -> str:
    names = {n for poly in found.values() for key in poly for n in key}
    for amount, poly in found.items():
        for key, value in poly.items():
            if len(key) != 1:
                part = " * ".join([decimal_text(value), *key])
                raise NotPolynomial(
                    f"{amount} has the part {part}, which is not a coefficient times one quantity",
                    f"fix all but one of: {', '.join(sorted(names)) or 'nothing varies'}",
                )
    if len(names) != 1:
        raise NotPolynomial(
            f"{', '.join(sorted(names))} vary together" if names else "nothing varies",
            "fix all but one with --fix FIELD=VALUE, or --fix FIELD=absent",
        )
    name = names.pop()
    field = next((f for f in method.activity.fields if f.name == name), None)
    if field is not None and not field.required and not field.absent_zero:
        raise NotPolynomial(f"{name} may be absent", "let a required field be the quantity")
    return name


def agree(derivation: Derivation, derived: Method) -> int:
    """How many sample records both versions give the same exact BE, PE, LE and ER for, on every stretch;
    and the
    same polynomials. Raises AssertionError naming the first that differs."""
    checked = 0
    for stretch in derivation.stretches:
        old_figures = {c.parameter: c.value for c in stretch.figures} | dict(derivation.figures)
        new_figures = _values_on(derivation, derived, stretch)
        _same_polynomials(derivation, derived, old_figures, new_figures)
        for value in _sample(derivation):
            record = _record(derivation, stretch.start, value)
            sides = [
                [
                    Evaluation(m, record, f).value(node)
                    for node in (Ref("BE"), Ref("PE"), Ref("LE"), applied(m))
                ]
                for m, f in ((derivation.method, old_figures), (derived, new_figures))
            ]
            if sides[0] != sides[1]:
                raise AssertionError(
                    f"{derivation.quantity} = {decimal_text(value)}: {sides[0]} is not {sides[1]}"
                )
            checked += 1
    return checked


def _same_polynomials(
    derivation: Derivation, derived: Method, old: Mapping[str, Fraction], new: Mapping[str, Fraction]
) -> None:
    absent = frozenset(derivation.absent)
    for name in AMOUNTS:
        sides = [
            expand(
                applied(m) if name == "ER" else Ref(name),
                m,
                Fixed(f, derivation.fields, derivation.texts, absent),
            )
            for m, f in ((derivation.method, old), (derived, new))
        ]
        if sides[0] != sides[1]:
            raise AssertionError(f"{name}: {sides[0]} is not {sides[1]}")


def _values_on(derivation: Derivation, derived: Method, stretch: Stretch) -> dict[str, Fraction]:
    """The derived version's figures: its own values, or the coefficients that go into the operator's pack."""
    found = {}
    for name, parameter in derived.parameters.items():
        for value in parameter.values:
            if value.start <= stretch.start and (value.end is None or stretch.start <= value.end):
                found[name] = value.value
        if name in NAMES.values() and not parameter.values:
            amount = next(a for a, n in NAMES.items() if n == name)
            found[name] = stretch.coefficients[amount]
    return found


NAMES = {"BE": "coef_baseline", "PE": "coef_project", "LE": "coef_leakage", "ER": "coef"}


def _sample(derivation: Derivation) -> list[Fraction]:
    """Both ends, the smallest step, and values spread over the range in declared decimals."""
    field = next((f for f in derivation.method.activity.fields if f.name == derivation.quantity), None)
    if field is None or field.low is None or field.high is None:
        return [Fraction(n, 3600) for n in range(SAMPLE)]
    step = Fraction(1, 10**field.decimals)
    steps = int((field.high - field.low) / step)
    spread = {0, 1, steps} | {steps * k * 7919 % (steps + 1) for k in range(1, SAMPLE - 2)}
    spread |= {steps * k // SAMPLE for k in range(SAMPLE)}
    return [field.low + step * n for n in sorted(spread)]


def _record(derivation: Derivation, day: date, value: Fraction) -> Record:
    derived = derivation.quantity in {d.name for d in derivation.method.activity.derived}
    numbers = dict(derivation.fields) | ({} if derived else {derivation.quantity: value})
    hours = {derivation.quantity: value} if derived else {}
    return Record(numbers, derivation.texts, {}, {}, {}, hours, day)
