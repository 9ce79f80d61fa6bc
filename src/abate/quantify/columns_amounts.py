"""Which leaf of a row is computed and its amounts, as SQL on whole numbers: what no source of the rows changes.

Written once for a plan: both statements of small batches, and tables of every shape, share it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from weakref import WeakKeyDictionary

from sqlglot import exp

from abate.quantify.columns_checks import among
from abate.quantify.columns_dialect import DUCKDB as DIALECT
from abate.quantify.columns_plan import Plan, Version, names_of
from abate.quantify.columns_sql import Arithmetic, Whole, as_case
from abate.quantify.columns_tree import decision_tree, leaves
from abate.quantify.formula import If, Num, Test

AMOUNTS = ("be_mg", "pe_mg", "le_mg", "er_mg")


@dataclass(frozen=True, slots=True)
class Computed:
    """Columns by their names. `changing`: figures that are not the same in every segment; `list_sums` and `sums`: what
    stands in several places, columns of their own that the others read.

    `leaf`: the number of the row's leaf; -1 - k where recognition rule k fails, and one less than the last of these where
    the behaviour is closed; null where there is nothing to compute. `amounts`: whole milligrams by leaf, null where a
    result does not fit 64 bits, which happens only where `wide`. `above`: whether an ER that shows 0 is above 0.
    """

    changing: Mapping[str, str]
    list_sums: Mapping[str, str]
    sums: Mapping[str, str]
    leaf: str
    amounts: Mapping[str, str]
    above: str
    wide: bool


_WRITTEN: WeakKeyDictionary[Plan, Computed] = WeakKeyDictionary()


def computed(plan: Plan) -> Computed:
    """Raises NotColumnar where an amount cannot be computed in 38 digits."""
    if plan not in _WRITTEN:
        _WRITTEN[plan] = _Writer(plan).write()
    return _WRITTEN[plan]


class _Writer:
    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.names = {v.method.version: names_of(v) for v in plan.versions}
        self.arithmetic = {version: Arithmetic(DIALECT, names) for version, (names, _) in self.names.items()}

    def write(self) -> Computed:
        leaf, written = self._leaf(), self._by_leaves()
        wide = any("TRY_CAST" in sql for name in AMOUNTS for sql in written[name].values())
        above = _by_leaf(written.pop("above"))
        amounts = [f"CAST({_by_leaf(sql)} AS BIGINT)" for sql in written.values()]
        texts = [leaf, above, *amounts]
        list_sums, texts = _shared("y", texts, set().union(*(a.list_sums for a in self.arithmetic.values())))
        sums = set().union(*(a.sums for a in self.arithmetic.values()))
        shared, (leaf, above, *amounts) = _shared("x", texts, {s for s in sums if "item" not in s})
        named = dict(zip(AMOUNTS, amounts, strict=True))
        return Computed(self._changing(), list_sums, shared, leaf, named, above, wide)

    def _changing(self) -> dict[str, str]:
        found = {}
        for _, changing in self.names.values():
            for column, values in changing.items():
                whens = by_value(values)
                found[column] = f"CAST(CASE{whens} END AS BIGINT)"
        return found

    def _arithmetic(self, version: Version) -> Arithmetic:
        return self.arithmetic[version.method.version]

    def _leaf(self) -> str:
        whens = []
        for version in self.plan.versions:
            if closed := self.plan.closed(version.method):
                shut = -1 - len(version.method.recognition)
                whens.append(f" WHEN ok AND {among('seg', closed)} THEN {shut}")
            usable = [s.index for s in version.segments if s.usable]
            if not usable:
                continue
            arithmetic = self._arithmetic(version)
            inner = exp.Case()
            for k, recognition in enumerate(version.method.recognition):
                inner = inner.when(
                    exp.not_(self._holds(version, recognition.test)), exp.Literal.number(f"{-1 - k}")
                )
            tree, _ = as_case(version.tree, arithmetic, lambda i: exp.Literal.number(i), version.first_leaf)
            chosen = inner.else_(tree) if version.method.recognition else tree
            whens.append(f" WHEN ok AND {among('seg', usable)} THEN {DIALECT.text(chosen)}")
        return f"CASE{''.join(whens)} END" if whens else "CAST(NULL AS INT)"

    def _holds(self, version: Version, test: Test) -> exp.Expression:
        """A recognition test as a boolean; conditions inside it are branches of their own."""
        tree = decision_tree(version.method, (If(test, _YES, _NO),))
        sides = [leaf.nodes[0] is _YES for leaf in leaves(tree)]
        return as_case(tree, self._arithmetic(version), lambda i: exp.true() if sides[i] else exp.false())[0]

    def _by_leaves(self) -> dict[str, dict[int, str]]:
        """AMOUNTS and `above`, each by the number of the leaf."""
        written: dict[str, dict[int, str]] = {name: {} for name in (*AMOUNTS, "above")}
        for version in self.plan.versions:
            if not any(s.usable for s in version.segments):
                continue
            arithmetic = self._arithmetic(version)
            for i, leaf in enumerate(version.leaves, version.first_leaf):
                er, be, pe, le = (arithmetic.value(node) for node in leaf.nodes)
                written["be_mg"][i] = _fitted(arithmetic.milligrams(be))
                written["pe_mg"][i] = _fitted(arithmetic.milligrams(pe, up=True))
                written["le_mg"][i] = _fitted(arithmetic.milligrams(le, up=True))
                written["er_mg"][i] = _fitted(arithmetic.milligrams(er))
                written["above"][i] = DIALECT.text(arithmetic.above_zero(er))
        return written


def _shared(letter: str, texts: list[str], sums: Iterable[str]) -> tuple[dict[str, str], list[str]]:
    """Sums that stand in several places, as columns of their own: `<letter>_<k>`.

    Their bounds are proved and a null only makes a null, so they may be computed for every row.
    """
    found: dict[str, str] = {}
    for part in sorted(sums, key=lambda text: (-len(text), text)):
        if sum(text.count(part) for text in texts) > 1:
            name = f"{letter}_{len(found)}"
            texts = [text.replace(f"({part})", name).replace(part, name) for text in texts]
            found[name] = part
    return found, texts


def _fitted(amount: Whole) -> str:
    """An amount that may pass 64 bits becomes null there, and the row is refused."""
    assert amount.sql is not None
    sql = DIALECT.text(amount.sql)
    return sql if amount.bounds.fits_int64 else f"TRY_CAST({sql} AS BIGINT)"


def _by_leaf(written: Mapping[int, str]) -> str:
    """CASE over the leaf; leaves that compute the same share it. Null outside the leaves."""
    groups: dict[str, list[int]] = {}
    for i, sql in written.items():
        groups.setdefault(sql, []).append(i)
    if len(groups) == 1:
        return f"(CASE WHEN leaf >= 0 THEN {next(iter(groups))} END)"
    whens = "".join(f" WHEN {among('leaf', leaves)} THEN {sql}" for sql, leaves in groups.items())
    return f"(CASE{whens} END)" if whens else "NULL"


def by_value(values: Mapping[int, object], column: str = "seg") -> str:
    """WHENs over a column (the segment), one for each different value."""
    groups: dict[object, list[int]] = {}
    for index, value in values.items():
        groups.setdefault(value, []).append(index)
    return "".join(f" WHEN {among(column, where)} THEN {value}" for value, where in groups.items())


_YES, _NO = Num(Fraction(1)), Num(Fraction(0))
