"""Two sets of factors side by side, and what taking one for the other does to recorded data.

A set is what a name begins (`uk-2023`) or a factor file. Factors of two sets belong together where their
ids are
the same once the part that all ids of a set share is left out (`uk-2023-rail-national`,
`uk-2025-rail-national`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

from abate.quantify import units
from abate.quantify.catalogue import Catalogue
from abate.quantify.effects import Effect, Side, compare
from abate.quantify.factors_files import read_factors
from abate.quantify.factors_registry import Factor, FactorError, Registry, Setting
from abate.quantify.method import Method, Parameter


@dataclass(frozen=True, slots=True)
class Pair:
    """One question that both sets answer. `change` is (b - a) / a, or None where a is zero."""

    key: str
    a: Factor
    b: Factor

    @property
    def ratio(self) -> Fraction | None:
        """How many units of `a` make one of `b`; None where the two measure different things."""
        try:
            return units.ratio(self.b.unit, self.a.unit)
        except units.UnitError:
            return None

    @property
    def change(self) -> Fraction | None:
        ratio = self.ratio
        if ratio is None or self.a.value == 0:
            return None
        return (self.b.value * ratio - self.a.value) / self.a.value

    @property
    def same(self) -> bool:
        return self.ratio is not None and self.b.value * (self.ratio or 1) == self.a.value

    @property
    def superseded(self) -> bool:
        return self.a.superseded_by == self.b.id


@dataclass(frozen=True, slots=True)
class FactorsDiff:
    """`pairs` are in both, largest change first; `removed` are only in A, `added` only in B."""

    a: str
    b: str
    pairs: tuple[Pair, ...]
    removed: tuple[Factor, ...]
    added: tuple[Factor, ...]

    @property
    def changed(self) -> tuple[Pair, ...]:
        return tuple(p for p in self.pairs if not p.same)


def read_set(name: str, registry: Registry) -> dict[str, Factor]:
    """The factors of a set by id: a file of factors, or all whose id begins with `name`."""
    path = Path(name)
    if path.suffix == ".csv":
        if not path.is_file():
            raise FactorError(name, "there is no such file", "name a factor file, or how its ids begin")
        lines = path.read_text("utf-8").splitlines()
        return {factor.id: factor for _, factor in read_factors(path.name, lines)}
    prefix = name.rstrip("-") + "-"
    found = {f.id: f for f in registry.factors.values() if f.id == name or f.id.startswith(prefix)}
    if not found:
        heads = sorted({"-".join(i.split("-")[:2]) for i in registry.factors})
        raise FactorError(name, "no factor begins so", f"sets are called like {', '.join(heads[:12])}")
    return found


def diff(a: str, b: str, registry: Registry) -> FactorsDiff:
    """What is different between sets `a` and `b`. Raises FactorError and MethodError."""
    one, two = read_set(a, registry), read_set(b, registry)
    first, second = (_keyed(one), _keyed(two)) if not set(one) & set(two) else (one, two)
    pairs = [Pair(key, first[key], second[key]) for key in first if key in second]
    pairs.sort(key=lambda p: (-abs(p.change or 0), p.key))
    return FactorsDiff(
        a,
        b,
        tuple(pairs),
        tuple(f for key, f in first.items() if key not in second),
        tuple(f for key, f in second.items() if key not in first),
    )


def _keyed(factors: Mapping[str, Factor]) -> dict[str, Factor]:
    """By id without the dashed parts that all ids begin with."""
    parts = [i.split("-") for i in factors]
    shared = 0
    while len(parts) > 1 and all(len(p) > shared + 1 and p[shared] == parts[0][shared] for p in parts):
        shared += 1
    if len(parts) == 1:
        shared = sum(1 for _ in parts[0][:2])
    if "-".join(parts[0][:shared]) and not any(c.isdigit() for c in "-".join(parts[0][:shared])):
        shared = 0
    return {"-".join(i.split("-")[shared:]): f for i, f in factors.items()}


def effect(
    found: FactorsDiff, data: Sequence[Path], method_id: str, catalogue: Catalogue, setting: Setting
) -> Effect:
    """The recorded data with set A and with set B in its place. Raises FactorError where no parameter of the
    methodology takes a factor of either set."""
    forward = {p.a.id: p.b for p in found.pairs}
    backward = {p.b.id: p.a for p in found.pairs}
    before = _with(catalogue, method_id, backward, {f.id for f in found.added})
    after = _with(catalogue, method_id, forward, {f.id for f in found.removed})
    if before is catalogue and after is catalogue:
        raise FactorError(
            method_id,
            f"takes no factor of {found.a} or {found.b}",
            f"`abate methods show {method_id}` lists the figures it takes",
        )
    return compare(data, Side(method_id, before, setting), Side(method_id, after, setting))


def _with(catalogue: Catalogue, method_id: str, taken: Mapping[str, Factor], gone: set[str]) -> Catalogue:
    """The catalogue in which `taken` stand for the factors of the other set: named ones are renamed, and
    a family
    has only the rows of one set."""
    names = {old: new.id for old, new in taken.items()}
    out = {*names, *gone}
    factors = {f.id: (replace(f, family="", superseded_by="") if f.id in out else f)
               for f in catalogue.registry.factors.values()}  # fmt: skip
    for new in taken.values():
        known = factors.get(new.id, new)
        factors[new.id] = replace(known, superseded_by="")
    methods = tuple(_renamed(m, names) for m in catalogue.methods[method_id])
    families = {p.selection.family for m in methods for p in m.parameters.values() if p.selection}
    touched = {catalogue.registry.factors[i].family for i in out if i in catalogue.registry.factors}
    if methods == catalogue.methods[method_id] and not (families & touched) - {""}:
        return catalogue
    digest = hashlib.sha256("\n".join([catalogue.registry.hash, *sorted(out)]).encode()).hexdigest()
    registry = catalogue.registry.with_factors(factors.values(), digest)
    return replace(catalogue, methods={**catalogue.methods, method_id: methods}, registry=registry)


def _renamed(method: Method, names: Mapping[str, str]) -> Method:
    parameters = {name: _parameter(p, names) for name, p in method.parameters.items()}
    if parameters == dict(method.parameters):
        return method
    digest = hashlib.sha256(repr((method.hash, sorted(names.items()))).encode()).hexdigest()
    return replace(method, parameters=parameters, hash=digest)


def _parameter(parameter: Parameter, names: Mapping[str, str]) -> Parameter:
    selection = parameter.selection
    if selection is None:
        return parameter
    candidates = tuple(names.get(c, c) for c in selection.candidates)
    factor = names.get(selection.factor, selection.factor)
    before = names.get(selection.before, selection.before)
    return replace(
        parameter,
        selection=replace(selection, factor=factor, before=before, candidates=candidates),
    )
