"""What quantities of this platform rest on: the shipped methodologies and the operator's setting."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from django.conf import settings

from abate.bookkeeping.leaf import text_hash
from abate.platform.doors.errors import SetupError
from abate.quantify import catalogue as shipped
from abate.quantify.catalogue import Catalogue
from abate.quantify.factors import Setting
from abate.quantify.reading_yaml import MethodError


@dataclass(frozen=True, slots=True)
class BasisKey:
    """One basis before it has a number: methodology version, figures used, and the setting."""

    behaviour: str
    version: int
    method_hash: bytes
    factors: str
    region: str | None
    grade_floor: str
    pack: str | None
    pack_hash: str | None

    @property
    def digest(self) -> bytes:
        """SHA-256 over all of it, each part with its length in front."""
        parts = [self.behaviour, str(self.version), self.method_hash.hex(), self.factors, self.grade_floor]
        parts += ["-" if part is None else f"+{part}" for part in (self.region, self.pack, self.pack_hash)]
        return hashlib.sha256("".join(f"{len(part)}:{part}" for part in parts).encode()).digest()

    @property
    def factors_hash(self) -> bytes:
        return text_hash(self.factors)


def catalogue() -> Catalogue:
    return shipped.load()


def setting() -> Setting:
    """The operator's setting: region, lowest grade, pack. Raises SetupError for an unreadable pack."""
    return make_setting(settings.ABATE_REGION, settings.ABATE_GRADE_FLOOR, settings.ABATE_OPERATOR_PACK)


@lru_cache(maxsize=32)
def make_setting(region: str | None, floor: str, pack: str | None) -> Setting:
    """A setting from its stored parts."""
    try:
        return Setting(region=region, floor=floor, pack=catalogue().pack(pack) if pack else None)
    except (MethodError, OSError) as fault:
        raise SetupError(
            f"The operator pack {pack} cannot be used: {fault}",
            "Without it the figures it supplies are missing, and behaviours that need them credit nothing.",
            "Mend the file that ABATE_OPERATOR_PACK names, or unset it.",
        ) from fault


def keys_of(setting_: Setting, used: Iterable[tuple[str, int, str]]) -> list[BasisKey]:
    """The bases of the (behaviour, version, factors) that a batch used, in their order."""
    pack = setting_.pack
    made = []
    for behaviour, version, factors in used:
        method = next(m for m in catalogue().methods[behaviour] if m.version == version)
        made.append(
            BasisKey(
                behaviour=behaviour,
                version=version,
                method_hash=bytes.fromhex(method.hash),
                factors=factors,
                region=setting_.region,
                grade_floor=setting_.floor,
                pack=settings.ABATE_OPERATOR_PACK if pack else None,
                pack_hash=pack.hash if pack else None,
            )
        )
    return made
