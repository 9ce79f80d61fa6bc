"""What a partner declares of its file: encoding, zone, sheet, which column is what, and in which unit it is.

Declared once before a row is read, kept with the file, and nothing of it is guessed. (P-8.5-a)
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from decimal import Decimal
from fractions import Fraction
from zoneinfo import ZoneInfo

import msgspec

from abate.platform.events.files_errors import DeclarationRefused
from abate.quantify.catalogue import Catalogue
from abate.quantify.units import UnitError, ratio

LONGEST = 8_000
"""Characters of a declaration: our policy, room for some hundred columns."""
_NUMBER = re.compile(r"-?[0-9]{1,30}(\.[0-9]{1,30})?")
_DIGITS = 40


class _Given(msgspec.Struct, forbid_unknown_fields=True):
    charset: str = "utf-8"
    zone: str | None = None
    sheet: str | None = None
    columns: dict[str, str] = {}
    units: dict[str, str] = {}
    constants: dict[str, str] = {}


@dataclass(frozen=True)
class Declaration:
    """`columns`: the file's name of a column -> the name it stands for. `units`: field -> unit of its cells.
    `constants`: what every row has. `ratios`: (behaviour, field) -> how many of the field's units make one.
    """

    charset: str
    zone: tzinfo | None
    sheet: str | None
    columns: Mapping[str, str]
    constants: Mapping[str, str]
    ratios: Mapping[tuple[str, str], Fraction]
    moments: Collection[tuple[str, str]]
    """The fields (by behaviour) that are moments: local ones get the declared zone."""
    text: str
    """As it is kept: the same declaration has the same text."""

    def named(self, row: Mapping[str, object]) -> dict[str, object]:
        """A row under the names of the interface, with what is constant."""
        found: dict[str, object] = dict(self.constants)
        for name, value in row.items():
            if value is not None and value != "":
                found[self.columns.get(name, name)] = value
        return found

    def converted(self, behaviour: str, data: Mapping[str, object]) -> dict[str, object]:
        """The fields of a record in the units of the methodology. What is no number or moment stays, to be refused so."""
        found = dict(data)
        for name, value in data.items():
            if factor := self.ratios.get((behaviour, name)):
                found[name] = _times(value, factor)
            elif (behaviour, name) in self.moments:
                found[name] = self.moment(value)
        return found

    def moment(self, value: object) -> object:
        """A local time with the declared zone's offset; everything else as it is."""
        if self.zone is None or not isinstance(value, str):
            return value
        try:
            at = datetime.fromisoformat(value.strip())
        except ValueError:
            return value
        return value if at.tzinfo or len(value.strip()) < 16 else at.replace(tzinfo=self.zone).isoformat()


def declaration(text: str, catalogue: Catalogue, behaviours: Collection[str]) -> Declaration:
    """A declaration from its JSON; '' for none. Units are held against the fields of these behaviours.

    Raises DeclarationRefused naming the part.
    """
    if len(text) > LONGEST:
        raise DeclarationRefused(f"more than {LONGEST} characters")
    try:
        given = msgspec.json.decode(text.encode() or b"{}", type=_Given)
    except (msgspec.DecodeError, UnicodeError) as fault:
        raise DeclarationRefused(str(fault)[:120]) from fault
    charset = {"utf-8": "utf-8", "utf8": "utf-8", "gb18030": "gb18030", "gbk": "gb18030", "gb2312": "gb18030"}
    if given.charset.lower() not in charset:
        raise DeclarationRefused("charset: utf-8 or gb18030")
    try:
        zone = ZoneInfo(given.zone) if given.zone else None
    except (ValueError, OSError, KeyError) as fault:
        raise DeclarationRefused("zone") from fault
    for part in ("columns", "constants"):
        for name in getattr(given, part):
            if not name or len(name) > 128:
                raise DeclarationRefused(f"{part}: a name of 1 to 128 characters")
    meant = [*given.columns.values(), *given.constants]
    if len(set(meant)) != len(meant):
        raise DeclarationRefused("columns: two for one name")
    ratios = {}
    for field, unit in given.units.items():
        ratios |= _ratios(field, unit, catalogue, behaviours)
    kept = msgspec.json.encode(msgspec.structs.asdict(given), order="deterministic").decode()
    moments = {
        (behaviour, field.name)
        for behaviour in behaviours
        for method in catalogue.methods.get(behaviour, ())[-1:]
        for field in method.activity.fields
        if field.kind == "time"
    }
    name = charset[given.charset.lower()]
    return Declaration(name, zone, given.sheet, given.columns, given.constants, ratios, moments, kept)


def _ratios(
    field: str, unit: str, catalogue: Catalogue, behaviours: Collection[str]
) -> dict[tuple[str, str], Fraction]:
    found = {}
    for behaviour in behaviours:
        for method in catalogue.methods.get(behaviour, ())[-1:]:
            for one in method.activity.fields:
                if one.name == field and one.unit:
                    try:
                        found[behaviour, field] = ratio(unit, one.unit)
                    except UnitError as fault:
                        raise DeclarationRefused(f"units: {field} of {behaviour}: {fault}"[:120]) from fault
    if not found:
        raise DeclarationRefused(f"units: {field} is no measured field of a granted behaviour"[:120])
    return found


def _times(value: object, factor: Fraction) -> object:
    """Exactly; where no finite decimal is exact, so many digits that the field refuses them. Nothing is rounded here."""
    text = str(value).strip()
    if isinstance(value, bool) or not _NUMBER.fullmatch(text):
        return value
    product = Fraction(Decimal(text)) * factor
    whole, rest = divmod(abs(product), 1)
    digits = ""
    while rest and len(digits) < _DIGITS:
        digit, rest = divmod(rest * 10, 1)
        digits += str(digit)
    return f"{'-' if product < 0 else ''}{whole}{f'.{digits}' if digits else ''}"
