"""Notices by version, and what each person agreed to under which. Writes people_consent; a partner's row is an authorisation."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from pathlib import Path

from django.db.models import F, Value
from django.db.models.functions import Greatest

from abate.platform.doors import clock
from abate.platform.notices import actions as outbox
from abate.platform.people.models import Consent, Person
from abate.platform.review.audit import audited

SHARE = "share:"
"""How the purpose begins of a consent that a party is told of its person: each is one of its own (disclosing.py)."""
_FOLDER = Path(__file__).parent / "notices"


@dataclass(frozen=True, slots=True)
class Purpose:
    """One purpose of a notice, in both languages; `sensitive` needs a consent of its own (PIPL article 29). `kept`: for how
    long (article 17 (2)), as the rules of retention say it; empty in versions of before 2026-11-22, which did not."""

    name: str
    text: tuple[str, str]
    data: tuple[str, str]
    sensitive: bool
    kept: tuple[str, str] = ("", "")


@dataclass(frozen=True, slots=True)
class Notice:
    """`about`: people themselves; children under 14, with rules of their own, told to a guardian (PIPL article 31); the
    groups that a person joins; or `sharing`, what a party asks to be told of a person (PIPL article 23). `authorising`: what is
    said in both languages beside an authorisation that is given under it."""

    version: str
    from_day: date
    purposes: tuple[Purpose, ...]
    about: str = "people"
    authorising: tuple[tuple[str, str], ...] = ()


@lru_cache(maxsize=1)
def notices() -> dict[str, Notice]:
    """Every version that was ever shown, the oldest first."""
    found = [_read(path) for path in _FOLDER.glob("*.toml")]
    return {one.version: one for one in sorted(found, key=lambda one: one.from_day)}


def _read(path: Path) -> Notice:
    told = tomllib.loads(path.read_text(encoding="utf-8"))
    purposes = tuple(
        Purpose(
            name,
            (one["zh"], one["en"]),
            (one["data_zh"], one["data_en"]),
            one["sensitive"],
            (one.get("kept_zh", ""), one.get("kept_en", "")),
        )
        for name, one in told["purposes"].items()
    )
    beside = tuple((one["zh"], one["en"]) for one in told.get("authorising", ()))
    return Notice(path.stem, told["from_day"], purposes, told.get("about", "people"), beside)


def current(about: str = "people") -> Notice:
    """The notice in force today about people themselves, `children`, `groups` or `sharing`."""
    today = clock.today()
    known = [one for one in notices().values() if one.about == about]
    in_force = [one for one in known if one.from_day <= today]
    return in_force[-1] if in_force else known[0]


@audited("consent.give", lambda given, _: given["person"].pseudonym)
def give(person: Person, version: str, by: Person | None = None) -> None:
    """Note that the person, or for a child `by`, agreed to every purpose of this version; under another one the old rows end
    now."""
    # A version that is no file here was shown by an earlier release; its purposes are those of today.
    told = notices().get(version) or current("children" if by else "people")
    now = clock.now()
    # What parties are told stands under a notice of its own (disclosing.py).
    live = Consent.objects.filter(person=person, withdrawn_at=None).exclude(purpose__startswith=SHARE)
    live.exclude(notice_version=version).update(withdrawn_at=Greatest(Value(now), F("given_at")))
    held = set(live.values_list("purpose", flat=True))
    Consent.objects.bulk_create(
        [
            Consent(person=person, purpose=one.name, notice_version=version, given_at=now, given_by=by)
            for one in told.purposes
            if one.name not in held
        ]
    )
    if by is not None:
        outbox.write([person.user_id], "consent.by-guardian")


def end(person_id: int, now: datetime) -> None:
    """Every consent of the person ends: the account is closed. `now` is the moment of disclosing.hold."""
    live = Consent.objects.filter(person_id=person_id, withdrawn_at=None)
    live.update(withdrawn_at=Greatest(Value(now), F("given_at")))


def of(person_id: int) -> list[Consent]:
    """What the person agreed to, the live first, then the newest."""
    return list(
        Consent.objects.filter(person_id=person_id).order_by(F("withdrawn_at").desc(nulls_first=True), "-id")
    )


def agreed_to_current(person_id: int, about: str = "people") -> bool:
    """Whether every purpose of the notice in force was agreed to under it."""
    told = current(about)
    rows = Consent.objects.filter(person_id=person_id, withdrawn_at=None, notice_version=told.version)
    return {one.name for one in told.purposes} <= set(rows.values_list("purpose", flat=True))
