"""Recomputing many opened awards at once, as columns: the figures of a whole log in seconds, to the last milligram."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from abate.bookkeeping.receipt import Terms
from abate.bookkeeping.recompute import Recomputing, recomputed, same_behaviour, setting_of
from abate.bookkeeping.verify import Unable, Unlike
from abate.quantify import catalogue, columns
from abate.quantify.catalogue import Catalogue
from abate.quantify.factors import FactorError, Setting
from abate.quantify.method import Method
from abate.quantify.reading_yaml import MethodError


@dataclass(slots=True)
class Group:
    """Opened awards of one methodology version, one set of factors and one setting, as columns."""

    method_hash: bytes
    behaviour: str
    """What the opened parts call the act: the name of its methodology."""
    version: int
    factors: str
    method: str | None
    """The methodology's name beside the openings, a hint that must fit."""
    terms: Terms | None
    entries: list[int] = field(default_factory=list)
    records: list[str] = field(default_factory=list)
    er_mg: list[int] = field(default_factory=list)

    def add(self, entry: int, record: str, er_mg: int) -> None:
        self.entries.append(entry)
        self.records.append(record)
        self.er_mg.append(er_mg)

    def clear(self) -> None:
        self.entries, self.records, self.er_mg = [], [], []


class RecomputingAll:
    """Takes awards chunk by chunk, in the order of their numbers; keeps the first that is wrong.

    `wrong` names it. `unable` names the first that could not be recomputed with what is at hand.
    """

    def __init__(self, operator_pack: Path | None = None) -> None:
        try:
            self._loaded: Catalogue = catalogue.load()
        except (MethodError, FactorError, OSError) as fault:
            raise Unable(f"the methodologies at hand cannot be read: {fault}") from None
        self._alone = Recomputing(operator_pack)
        self._con = columns.connect()
        self._methods = {m.hash: m for versions in self._loaded.methods.values() for m in versions}
        self._settings: dict[tuple[Terms | None, bool], Setting] = {}
        self.begin()

    def begin(self) -> None:
        """Start counting anew, for another log; what was compiled is kept."""
        self.done = 0
        self.wrong: str | None = None
        self.unable: str | None = None

    def take(self, groups: Iterable[Group]) -> None:
        """Recompute these awards. After the first wrong one nothing more is looked at."""
        if self.wrong is not None:
            return
        faults = [fault for group in groups if (fault := self._group(group)) is not None]
        if faults:
            entry, text = min(faults)
            self.wrong = f"entry {entry}: {text}"

    def _group(self, group: Group) -> tuple[int, str] | None:
        """The first wrong award of the group, if any."""
        try:
            method = self._methods.get(group.method_hash.hex())
            if method is None:
                name = group.method_hash.hex()[:16]
                raise Unable(f"methodology {name} is not shipped here: take the release that has it")
            if group.version != method.version or group.method not in (None, method.id):
                opened = f"{group.method or method.id} version {group.version}"
                raise Unlike(f"opened is {opened}, the leaf's is {method.id} version {method.version}")
            same_behaviour(group.behaviour, method)
            only = replace(self._loaded, methods={method.id: (method,)})
            wrong = self._columns(group, method, only, self._setting(group.terms, group.factors))
        except Unlike as fault:
            return group.entries[0], str(fault)
        except Unable as reason:
            self.unable = self.unable or f"entry {group.entries[0]}: {reason}"
            return None
        self.done += len(group.entries)
        return wrong

    def _setting(self, terms: Terms | None, factors: str) -> Setting:
        key = (terms, "pack:" in factors)
        if key not in self._settings:
            try:
                pack = self._alone.pack(self._loaded, terms, factors)
            except (MethodError, FactorError, OSError) as fault:
                raise Unable(f"the operator's figures cannot be read: {fault}") from None
            self._settings[key] = setting_of(terms or Terms(), pack)
        return self._settings[key]

    def _columns(
        self, group: Group, method: Method, only: Catalogue, setting: Setting
    ) -> tuple[int, str] | None:
        numbers = pa.array(range(len(group.entries)), pa.int64())
        table = pa.table({"ord": numbers, "data": pa.array(group.records, pa.string())})
        try:
            found = columns.quantify_events(self._con, table, method.id, only, setting)
        except columns.NotColumnar:
            return _one_by_one(group, range(len(group.entries)), method, only, setting)
        equal = pc.and_(
            pc.fill_null(pc.equal(found.column("er_mg"), pa.array(group.er_mg, pa.int64())), False),
            pc.equal(pc.fill_null(found.column("factors"), ""), pa.scalar(group.factors)),
        )
        if pc.all(equal).as_py():
            return None
        # Which it is, and why, the exact evaluator says.
        unequal = [place for place, fine in enumerate(equal.to_pylist()) if not fine]
        wrong = _one_by_one(group, unequal, method, only, setting)
        if wrong is None:
            entry = group.entries[unequal[0]]
            raise AssertionError(f"the two evaluators differ on entry {entry}: a fault of this program")
        return wrong


def _one_by_one(
    group: Group, places: Iterable[int], method: Method, only: Catalogue, setting: Setting
) -> tuple[int, str] | None:
    for place in places:
        try:
            recomputed(group.records[place], group.er_mg[place], group.factors, method, only, setting)
        except Unlike as fault:
            return group.entries[place], str(fault)
    return None
