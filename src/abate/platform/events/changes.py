"""The change of this room that needs three people (review/changes.py): a source of public data and its terms."""

from __future__ import annotations

import re
from datetime import date

from abate.platform.doors.words import on_one_line
from abate.platform.events import decided, sources
from abate.platform.events.models import Source
from abate.platform.parties import interest
from abate.platform.parties import queries as parties
from abate.platform.review import changes
from abate.platform.review.changes import REQUIRED, Action, Json
from abate.platform.review.errors import ArgumentsMalformed

_CODE = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
_TERMS = ("mark", "level", "uses", "shared_with", "retention_days", "valid_from", "valid_until")


def _complete(given: Json) -> Json:
    parties.party(given["party"])
    if not _CODE.fullmatch(given["source"]):
        raise ArgumentsMalformed("source.declare: source: small letters, digits and dashes, 40 at most")
    mark = given["mark"].strip()
    if not 1 <= len(mark) <= 200 or not on_one_line(mark) or not 1 <= given["level"] <= 4:
        raise ArgumentsMalformed("source.declare: mark: 1 to 200 characters, on one line; level: 1 to 4")
    if not all(isinstance(use, str) for use in given["uses"]) or not sources.known_uses(given["uses"]):
        raise ArgumentsMalformed(f"source.declare: uses: of {', '.join(sources.USES)}")
    if not 1 <= given["retention_days"] <= 36_600:
        raise ArgumentsMalformed("source.declare: retention_days: 1 to 36600")
    try:
        days = {name: date.fromisoformat(given[name]).isoformat() for name in ("valid_from", "valid_until")}
    except ValueError:
        raise ArgumentsMalformed("source.declare: valid_from, valid_until: days like 2026-07-01") from None
    if days["valid_from"] > days["valid_until"]:
        raise ArgumentsMalformed("source.declare: valid_from, valid_until: in order")
    told = {"uses": sorted(set(given["uses"])), "shared_with": _shared_with(given)}
    return given | days | told | {"mark": mark}


def _shared_with(given: Json) -> list[str]:
    """Who may be told figures: named where there are figures to be told, and of those whom the platform knows."""
    found = given["shared_with"]
    wanted = sorted(set(given["uses"]) & set(sources.TO_SHARE))
    if bool(wanted) != bool(found):
        raise ArgumentsMalformed(
            f"source.declare: shared_with: parties, or {sources.ANYONE} for any, where the uses are of "
            f"{', '.join(sources.TO_SHARE)}; otherwise none"
        )
    for one in found:
        party, known = sources.known_recipient(one) if isinstance(one, str) else ("", False)
        if not known:
            raise ArgumentsMalformed(
                f"source.declare: shared_with: PARTY or PARTY:PURPOSE, purposes of {', '.join(sources.PURPOSES)}"
            )
        if party != sources.ANYONE:
            parties.party(party)
    return sorted(set(found))


def _look(given: Json) -> Json:
    party = parties.party(given["party"])
    last = Source.objects.filter(party_id=party.pk, code=given["source"]).order_by("-version").first()
    return {"source": None if last is None else _told(last)}


def _after(given: Json, before: Json) -> Json:
    version = before["source"]["version"] + 1 if before["source"] else 1
    return {"source": {name: given[name] for name in _TERMS} | {"version": version}}


def _declare(given: Json) -> Json:
    decided.declare(
        parties.party(given["party"]).pk,
        given["source"],
        mark=given["mark"],
        level=given["level"],
        uses=given["uses"],
        shared_with=given["shared_with"],
        retention_days=given["retention_days"],
        valid_from=date.fromisoformat(given["valid_from"]),
        valid_until=date.fromisoformat(given["valid_until"]),
    )
    return {}


def _stands(given: Json, after: Json) -> bool:
    """The version that it made; later ones stand beside it."""
    party, version = parties.party(given["party"]), after["source"]["version"]
    made = Source.objects.filter(party_id=party.pk, code=given["source"], version=version).first()
    return made is not None and changes.still(after["source"], _told(made))


def _told(one: Source) -> Json:
    told = {name: getattr(one, name) for name in _TERMS}
    days = {name: told[name].isoformat() for name in ("valid_from", "valid_until")}
    return told | days | {"version": one.version}


def register() -> None:
    """Called once, when Django has started."""
    changes.register(_ACTION)


_ACTION = Action(
    name="source.declare",
    zh="登记政务数据来源及其使用条件",
    en="declare a source of public data and its terms",
    fields={
        "party": (str, REQUIRED),
        "source": (str, REQUIRED),
        "mark": (str, REQUIRED),
        "level": (int, REQUIRED),
        "uses": (list, REQUIRED),
        "shared_with": (list, []),
        "retention_days": (int, REQUIRED),
        "valid_from": (str, REQUIRED),
        "valid_until": (str, REQUIRED),
    },
    normal=_complete,
    look=_look,
    after=_after,
    execute=_declare,
    stands=_stands,
    concerns=lambda given, human: interest.has_part(given["party"], human),
)
