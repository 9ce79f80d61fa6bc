"""What quantities of this platform rest on: the shipped methodologies and the operator's setting."""

from __future__ import annotations

import hashlib
import json
from bisect import bisect_right
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

from django.conf import settings

from abate.bookkeeping.leaf import text_hash
from abate.platform.carbon.models import Adoption
from abate.platform.doors.errors import SetupError
from abate.platform.review.changes import canonical
from abate.quantify import anomalies as reading_anomalies
from abate.quantify import catalogue as shipped
from abate.quantify import same_act
from abate.quantify.anomalies import Rules
from abate.quantify.catalogue import Catalogue
from abate.quantify.factors import Pack, Setting
from abate.quantify.reading_yaml import MethodError
from abate.quantify.same_act import Acts


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
    """The operator's setting: region, lowest grade, pack, zone. Raises SetupError for an unreadable pack."""
    pack = _pack(settings.ABATE_OPERATOR_PACK) if settings.ABATE_OPERATOR_PACK else None
    return _setting(settings.ABATE_REGION, settings.ABATE_GRADE_FLOOR, pack, settings.ABATE_ZONE)


def acts() -> Acts | None:
    """The rules by which two records are seen to be one act; None where the operator compares nothing. Raises SetupError."""
    named = settings.ABATE_SAME_ACT
    if named == "none":
        return None
    try:
        return same_act.read(Path(named) if named else same_act.shipped(catalogue()), catalogue())
    except (MethodError, OSError) as fault:
        raise SetupError("rules-same-act", named=named, fault=fault) from fault


def anomalies() -> Rules | None:
    """The rules by which booked records are looked at again; None where the operator looks at none. Raises SetupError."""
    named = settings.ABATE_ANOMALIES
    if named == "none":
        return None
    try:
        return reading_anomalies.read(
            Path(named) if named else reading_anomalies.shipped(catalogue()), catalogue()
        )
    except (MethodError, OSError) as fault:
        raise SetupError("rules-anomalies", named=named, fault=fault) from fault


def stored_setting(
    region: str | None, floor: str, pack_id: str | None, pack_hash: str | None, zone: str
) -> Setting | None:
    """The setting of a stored basis, in the zone of then; None where its pack is not at hand as it was, to the letter."""
    if pack_id is None:
        return _setting(region, floor, None, zone)
    same = (pack for pack in packs_called(pack_id) if pack.hash == pack_hash)
    pack = next(same, None)
    return _setting(region, floor, pack, zone) if pack else None


def zone_changes() -> list[tuple[datetime | None, str]]:
    """Whose days are counted, and from which moment on: the first since ever, then each that is another.

    The first is the zone that was put in force first; where nothing ever was, the one of today.
    """
    rows = Adoption.objects.order_by("at", "id").values_list("at", "document")
    known = [(at, zone) for at, document in rows if (zone := _zone_of(document))]
    if not known:
        return [(None, settings.ABATE_ZONE)]
    return [
        (None, known[0][1]),
        *(later for earlier, later in pairwise(known) if earlier[1] != later[1]),
    ]


def _zone_of(document: str) -> str | None:
    """None of a row that is torn, which reconcile names (`bases`): it must not end what is asked of all others."""
    try:
        return str(json.loads(document)["zone"])
    except (ValueError, LookupError, TypeError):
        return None


def zones() -> Callable[[datetime], str]:
    """Whose days were counted when something was booked, by the moment of the booking."""
    known = zone_changes()
    starts = [at for at, _ in known if at is not None]
    return lambda moment: known[bisect_right(starts, moment)][1]


def day_then(moment: datetime) -> date:
    """The platform's day of a past moment, by the zone in which days were counted then."""
    return moment.astimezone(ZoneInfo(zones()(moment))).date()


def zone_spans() -> dict[str, list[str]]:
    """The same for statements that join them: `since` and `until`, moments as text, and `zones`."""
    known = zone_changes()
    moments = ["-infinity", *(at.isoformat() for at, _ in known if at is not None), "infinity"]
    return {"since": moments[:-1], "until": moments[1:], "zones": [zone for _, zone in known]}


def packs_called(pack_id: str) -> list[Pack]:
    """The packs at hand with this id: the one the operator uses now, those used before, and a shipped one.

    A former one that cannot be read is not at hand: its figures cannot be shown again, all else goes on (`abate doctor`
    names it).
    """
    found = [_pack(settings.ABATE_OPERATOR_PACK)] if settings.ABATE_OPERATOR_PACK else []
    for name in settings.ABATE_FORMER_PACKS:
        with suppress(SetupError):
            found.append(_pack(name))
    if (catalogue().folder / "packs" / f"{pack_id}.yaml").exists():
        found.append(_pack(pack_id))
    return [pack for pack in found if pack.id == pack_id]


def present() -> tuple[bytes, str]:
    """(digest, canonical JSON) of all that quantities rest on in this process: methodologies, factors, pack, setting, and
    the rules of one act and of anomalies.
    """
    rules, looked_at = acts(), anomalies()
    return _present(setting(), rules.digest if rules else None, looked_at.digest if looked_at else None)


def apart() -> list[str]:
    """Where what lies here is not what three people put in force last; empty where it is, or where nothing is in force yet.

    Methodologies and factor files by name, the rest by what it is.
    """
    found = Adoption.objects.order_by("-id").first()
    if found is None or bytes(found.digest) == present()[0]:
        return []
    before, after = json.loads(found.document), json.loads(present()[1])
    told = []
    for name in sorted(before.keys() | after.keys()):
        old, new = before.get(name), after.get(name)
        if isinstance(old, dict) and isinstance(new, dict):
            told += [
                f"{name}: {one}" for one in sorted(old.keys() | new.keys()) if old.get(one) != new.get(one)
            ]
        elif old != new:
            told.append(f"{name}: {old} -> {new}")
    return told


@lru_cache(maxsize=32)
def _present(setting_: Setting, acts_digest: str | None, anomalies_digest: str | None) -> tuple[bytes, str]:
    folder, pack = catalogue().folder / "factors", setting_.pack
    files = {f.name: hashlib.sha256(f.read_bytes()).hexdigest() for f in folder.iterdir() if f.is_file()}
    told = {
        "methods": {
            f"{method.id} v{method.version}": method.hash
            for versions in catalogue().methods.values()
            for method in versions
        },
        "factors": files,
        "region": setting_.region,
        "floor": setting_.floor,
        "zone": setting_.zone,
        "pack": None if pack is None else f"{pack.id} {pack.hash}",
        "acts": acts_digest,
        "anomalies": anomalies_digest,
    }
    document = canonical(told)
    return hashlib.sha256(document.encode()).digest(), document


@lru_cache(maxsize=32)
def _setting(region: str | None, floor: str, pack: Pack | None, zone: str) -> Setting:
    return Setting(region=region, floor=floor, pack=pack, zone=zone)


@lru_cache(maxsize=32)
def _pack(name_or_path: str) -> Pack:
    try:
        return catalogue().pack(name_or_path)
    except (MethodError, OSError) as fault:
        raise SetupError("operator-pack", name_or_path=name_or_path, fault=fault) from fault


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
                pack=pack.id if pack else None,
                pack_hash=pack.hash if pack else None,
            )
        )
    return made
