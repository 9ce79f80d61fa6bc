"""A copy of everything that is held about one person: JSON, tables in a ZIP, or PDF (PIPL article 45)."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from dataclasses import asdict, is_dataclass
from datetime import date, datetime
from enum import Enum
from uuid import UUID

from django.forms.models import model_to_dict

from abate.bookkeeping.kinds import Kind
from abate.platform.anomalies import queries as anomalies
from abate.platform.carbon import queries as carbon
from abate.platform.doors import clock
from abate.platform.doors.spreadsheets import as_text
from abate.platform.events import sources
from abate.platform.incentives import queries as incentives
from abate.platform.ledger import queries as ledger
from abate.platform.log import queries as log
from abate.platform.notices import queries as notices
from abate.platform.parties import queries as parties
from abate.platform.people import children, consents, correcting, groups, queries, requests
from abate.platform.people.models import Person
from abate.platform.quarantine import queries as quarantine
from abate.platform.sharing import people as sharing
from abate.platform.signin import factors
from abate.platform.signin import queries as signin
from abate.platform.web import marks
from abate.platform.web.readers import opened_by_others

FORMAT = "abate-own-data/1"
_PAGE = 500
# Digests of public things: they say nothing of the person.
_LEFT_OUT = {"method_hash", "body_sha256"}

Row = dict[str, object]


def gather(person: Person) -> dict[str, object]:
    """Every table of the copy by its name; values are JSON's. Raises PersonErased."""
    identity, contacts = queries.own_copy(person)
    codes, balance = parties.codes(), ledger.balance(person.pk)
    account = {
        "pseudonym": person.pseudonym,
        "opened_at": person.created_at,
        "made_up": person.made_up,
        "carbon_mg": balance.carbon_mg,
        "credits": balance.credits,
        **identity,
    }
    named = ("purpose", "notice_version", "given_at", "withdrawn_at")
    return {
        "format": FORMAT,
        "made_at": clock.now().isoformat(),
        "account": [_row(account)],
        "former_identities": [_row(asdict(one)) for one in correcting.former(person)],
        "contacts": [dict(one) for one in contacts],
        "consents": [_row({name: getattr(one, name) for name in named}) for one in consents.of(person.pk)],
        "authorisations": [_row(asdict(one)) for one in queries.authorisations(person.pk)],
        "groups": [_row(asdict(one)) for one in groups.of(person.pk)],
        "guardian": [_row(one) for one in children.record_of(person.pk)],
        "children": [_row(asdict(one)) for one in children.of(person.pk)],
        "names_at_partners": [{"party": code, "subject": name} for code, name in queries.subjects(person.pk)],
        "behaviours": _behaviours(person.pk),
        "entries": _entries(person.pk, codes),
        "codes": [_code(one) for one in incentives.my_codes(person, limit=100_000)],
        "cases": [_case(one, codes) for one in anomalies.of_person(person.pk)],
        "quarantine": [_kept_back(one, codes) for one in quarantine.of_person(person.pk)],
        "requests": [_row(asdict(one)) for one in requests.own(person)],
        "sign_in": [_row(asdict(one)) for one in factors.factors(person.user)],
        "sessions": [
            _row({"began_at": one.began_at, "seen_at": one.seen_at, "device": one.device})
            for one in signin.sessions(person.user)
        ],
        "notices": _notices(person.user_id),
        "incidents": [_row(model_to_dict(one)) for one in notices.incidents(person.user_id)],
        "notice_choices": [
            {"kind": kind, "channel": channel, "wanted": wanted}
            for (kind, channel), wanted in sorted(notices.said_by(person.user_id).items())
        ],
        "browsers": [_row(asdict(one)) for one in notices.browsers(person.user_id)],
        "readings": [
            _row(
                {
                    "at": one.at,
                    "by": codes.get(one.party_id or 0, "operator"),
                    "what": one.what,
                    "entries": one.leaves,
                }
            )
            for one in log.readings_of(person.pk)
        ],
        "asked_by_parties": [_asked(one) for one in sharing.asked_of(person.pk)],
        "told_to_parties": [
            _row({"at": one.at, "party": one.party, "request": one.request.id, "fields": one.request.fields})
            for one in sharing.readings_of(person.pk)
        ],
        "opened_by_others": [
            _row({"at": one.at, "field": one.what} | _both(roles=one.roles, purpose=one.purpose))
            for one in opened_by_others(person)
        ],
    }


def _notices(user_id: int) -> list[Row]:
    """What was told and by which channels, without the place: a child's notices go to its guardian's."""
    rows = notices.listed(user_id=user_id, limit=10_000)
    return [
        _row(
            {
                "kind": row.kind,
                "at": row.made_at,
                "went": ", ".join(f"{one.channel} {one.state}" for one in row.deliveries) or row.state,
            }
        )
        for row in rows
    ]


def _behaviours(person_id: int) -> list[Row]:
    found: list[Row] = []
    place = None
    while page := carbon.feed(person_id, before=place, limit=_PAGE):
        lent = sources.marks((one.party_id, one.event_id) for one in page)
        for one in page:
            told = {k: v for k, v in asdict(one).items() if k not in _LEFT_OUT}
            found.append(_row(told | {"source": lent.get((one.party_id, one.event_id))}))
        place = page[-1].place
    return found


def _entries(person_id: int, codes: dict[int, str]) -> list[Row]:
    found: list[Row] = []
    last = None
    while page := ledger.entries(person_id, before_id=last, limit=_PAGE):
        lent = marks.of_entries(page)
        for one in page:
            told = asdict(one) | {
                "kind": Kind(one.kind).name.lower(),
                "cause_party": codes.get(one.cause_party or 0),
                "source": lent.get(one.id),
            }
            found.append(_row({k: v for k, v in told.items() if k not in ("person_id", "counter")}))
        last = page[-1].id
    return found


def _asked(one: sharing.AskRow) -> Row:
    """What a party asked to be told of the person, and what the person said to it."""
    named = (
        "id",
        "purpose",
        "kind",
        "ground",
        "contact",
        "behaviours",
        "fields",
        "from_month",
        "to_month",
        "until",
        "state",
    )
    told: Row = {name: getattr(one.request, name) for name in named}
    answer: Row = {"party": one.party, "given_at": one.given_at, "ended_at": one.ended_at}
    return _row(told | answer | {"notice_version": one.notice_version})


def _case(one: anomalies.CaseRow, codes: dict[int, str]) -> Row:
    """A record that was looked at twice: what was found, what was decided and why, and the person's own words."""
    ours = ("person_id", "version", "listed", "decided_by", "ended_by")
    told = {k: v for k, v in asdict(one).items() if k not in ours and not k.startswith("proposed_")}
    told |= {"state": one.told_state, "came": one.told_came}
    told |= {"parties": [codes.get(party) for party in one.parties], "measured": one.shown}
    return _row(told | {"appeal": anomalies.words(one)})


def _kept_back(one: quarantine.OwnRow, codes: dict[int, str]) -> Row:
    """A record that a rule kept back, why, and what was decided."""
    told = {k: v for k, v in asdict(one).items() if k != "party_id"}
    return _row({"party": codes.get(one.party_id)} | told)


def _code(one: incentives.CodeRow) -> Row:
    told = {k: v for k, v in asdict(one).items() if k != "offer"}
    return _row(told | _both(offer=one.offer.title) | {"state": one.state})


def _both(**texts: tuple[str, str]) -> Row:
    """Texts in both languages, as `name_zh` and `name_en`."""
    return {
        f"{name}_{way}": text
        for name, pair in texts.items()
        for way, text in zip(("zh", "en"), pair, strict=True)
    }


def _row(values: Row) -> Row:
    return {name: _plain(value) for name, value in values.items()}


def _plain(value: object) -> object:
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, bytes | memoryview):
        return bytes(value).hex()
    if isinstance(value, Enum):
        return getattr(value, "text", value.name)
    if isinstance(value, UUID):
        return str(value)
    if is_dataclass(value) and not isinstance(value, type):
        return _row(asdict(value))
    if isinstance(value, dict):
        return _row(value)
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return value


def as_json(told: dict[str, object]) -> bytes:
    return json.dumps(told, ensure_ascii=False, indent=2).encode() + b"\n"


def as_tables(told: dict[str, object]) -> bytes:
    """A ZIP with one CSV a table, UTF-8 with BOM; no cell of it can be taken for a formula by a spreadsheet."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as files:
        for name, rows in told.items():
            if isinstance(rows, list):
                files.writestr(f"{name}.csv", b"\xef\xbb\xbf" + table(rows).encode())
    return packed.getvalue()


def table(rows: list[Row]) -> str:
    """Rows as CSV; the columns are all that any row has, in the order of first sight."""
    out = io.StringIO()
    writer = csv.writer(out)
    heads = list(dict.fromkeys(name for row in rows for name in row))
    writer.writerow(heads)
    writer.writerows([[_cell(row.get(head)) for head in heads] for row in rows])
    return out.getvalue()


def _cell(value: object) -> str:
    if value is None:
        return ""
    text = json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else str(value)
    # A number may begin with a minus; a text that does might be run by a spreadsheet.
    return as_text(text) if isinstance(value, str | dict | list) else text
