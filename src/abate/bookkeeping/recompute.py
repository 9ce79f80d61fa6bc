"""Recomputing an opened award with the methodologies and figures shipped here, to the last milligram."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from zoneinfo import ZoneInfo

from abate.bookkeeping import strict_json
from abate.bookkeeping.leaf import AwardPart, Leaf
from abate.bookkeeping.receipt import Receipt, Terms
from abate.bookkeeping.verify import Unable, Unlike, same
from abate.quantify import catalogue, one
from abate.quantify.catalogue import Catalogue
from abate.quantify.factors import GRADES, FactorError, Pack, Setting
from abate.quantify.method import Method
from abate.quantify.reading_yaml import MethodError


@dataclass(frozen=True, slots=True)
class Recomputing:
    """A `verify.Recompute`. `operator_pack` is the file of the operator's own figures, where one is at hand.

    A receipt may name a shipped pack, never a file: what it says is read, not followed.
    """

    operator_pack: Path | None = None
    # Each pack is read once, however many entries of a statement rest on it.
    _packs: dict[str, Pack] = field(default_factory=dict, compare=False, repr=False)

    def __call__(self, given: Receipt, public: Leaf, part: AwardPart) -> str:
        """What the record gives. Raises Unlike where the booked milligrams or factors are others.

        Raises Unable where the methodology or the operator's figures are not at hand.
        """
        try:
            loaded = catalogue.load()
            pack = self.pack(loaded, given.terms, part.factors)
        except (MethodError, FactorError, OSError) as fault:
            raise Unable(f"the methodologies or figures at hand cannot be read: {fault}") from None
        method = _method(loaded, given, public, part)
        only = replace(loaded, methods={method.id: (method,)})
        recomputed(
            part.record, part.er_mg, part.factors, method, only, setting_of(given.terms or Terms(), pack)
        )
        used = part.factors or "none"
        if pack is not None and pack.illustration and f"pack:{pack.id}/" in used:
            used += "; these figures are an illustration, no basis for real credits"
        return f"{method.id} version {method.version} gives {part.er_mg} mg, factors {used}"

    def pack(self, loaded: Catalogue, terms: Terms | None, factors: str) -> Pack | None:
        """The operator's figures that the award rests on. Raises Unable where they are not at hand."""
        if self.operator_pack is not None:
            return self._read(loaded, str(self.operator_pack))
        named = terms.pack if terms else None
        if named is not None and named in {file.stem for file in (loaded.folder / "packs").glob("*.yaml")}:
            return self._read(loaded, named)
        if "pack:" in factors:
            raise Unable(f"the operator's figures in {factors!r} are not at hand: give --operator-pack FILE")
        return None

    def _read(self, loaded: Catalogue, name: str) -> Pack:
        if name not in self._packs:
            self._packs[name] = loaded.pack(name)
        return self._packs[name]


def _method(loaded: Catalogue, given: Receipt, public: Leaf, part: AwardPart) -> Method:
    """The methodology version that the leaf's hash names; the names beside it must agree."""
    methods = (method for versions in loaded.methods.values() for method in versions)
    method = next((m for m in methods if m.hash == public.method_hash.hex()), None)
    if method is None:
        name = public.method_hash.hex()[:16]
        raise Unable(f"methodology {name} is not shipped here: take the release that has it")
    same("methodology version", part.version, method.version)
    if given.method is not None and given.method.id != method.id:
        raise Unlike(f"the receipt names {given.method.id!r}, the leaf's methodology is {method.id!r}")
    same_behaviour(part.behaviour, method)
    return method


def same_behaviour(behaviour: str, method: Method) -> None:
    """Raises Unlike where an act is shown as another than the one whose methodology the leaf names."""
    if behaviour != method.id:
        raise Unlike(f"the act is opened as {behaviour!r}, the leaf's methodology is {method.id!r}")


def recomputed(
    record: str, er_mg: int, factors: str, method: Method, only: Catalogue, setting: Setting
) -> None:
    """Raises Unlike where the record gives other milligrams or factors than were booked. `only` has this version."""
    try:
        read = strict_json.read(record)
    except (ValueError, RecursionError) as fault:
        raise Unlike(f"the opened record is not the JSON it should be: {fault}") from None
    if not isinstance(read, Mapping):
        raise Unlike("the opened record is no JSON object")
    quantity, _ = one.quantify_one(read, method.id, only, setting)
    if (quantity.er_mg, quantity.factors) != (er_mg, factors):
        why = f"{quantity.outcome}, {quantity.reason}" if quantity.reason else quantity.outcome
        raise Unlike(
            f"{method.id} version {method.version} gives {quantity.er_mg} mg ({why}) with factors "
            f"{quantity.factors or 'none'}; booked are {er_mg} mg with {factors or 'none'}"
        )


def setting_of(terms: Terms, pack: Pack | None) -> Setting:
    """What the award was computed with. Raises Unlike for a grade or a zone that does not exist."""
    if terms.floor not in GRADES:
        raise Unlike(f"there is no grade {terms.floor!r}")
    try:
        zone = ZoneInfo(terms.zone).key
    except (KeyError, ValueError, OSError):
        raise Unlike(f"there is no time zone {terms.zone!r}") from None
    return Setting(region=terms.region, floor=terms.floor, pack=pack, zone=zone)
