"""Run as a program inside a stack's environment: parties of each scope, people and staff to call as, and things to ask for.

`make N` prints all of it as JSON; `sessions` prints new sessions of the same people, for one ends by itself.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from datetime import date, datetime, timedelta
from typing import Any

os.environ["DJANGO_SETTINGS_MODULE"] = "abate.platform.config.settings"

import django

django.setup()

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: E402
from cryptography.hazmat.primitives.serialization import (  # noqa: E402
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from django.conf import settings  # noqa: E402
from django.contrib.auth.hashers import PBKDF2PasswordHasher  # noqa: E402
from django.test import Client  # noqa: E402
from django.urls import get_resolver  # noqa: E402

from abate.client import samples  # noqa: E402
from abate.demo import desk  # noqa: E402
from abate.platform import pipeline  # noqa: E402
from abate.platform.carbon.basis import catalogue  # noqa: E402
from abate.platform.doors import clock  # noqa: E402
from abate.platform.events.actions import Arrival  # noqa: E402
from abate.platform.events.envelope import PREFIX, Reader, Sender  # noqa: E402
from abate.platform.joining import actions as joining  # noqa: E402
from abate.platform.joining import noticing, queries  # noqa: E402
from abate.platform.joining.kinds import kinds  # noqa: E402
from abate.platform.ledger import closing  # noqa: E402
from abate.platform.ledger import queries as ledger  # noqa: E402
from abate.platform.parties import actions as parties_actions  # noqa: E402
from abate.platform.parties.models import Party  # noqa: E402
from abate.platform.people import actions as people  # noqa: E402
from abate.platform.people import groups  # noqa: E402
from abate.platform.people.identity import made_up_number  # noqa: E402
from abate.platform.people.models import Person  # noqa: E402
from abate.platform.quarantine import queries as quarantine  # noqa: E402
from abate.platform.review import changes  # noqa: E402
from abate.platform.review.models import User  # noqa: E402
from abate.platform.sharing import actions as sharing  # noqa: E402
from abate.platform.sharing import people as telling  # noqa: E402
from abate.platform.signin import proofs  # noqa: E402
from abate.platform.web import problems  # noqa: E402

BEHAVIOURS = ["online-meeting", "cycling", "walking"]
PARTIES = {
    "calls": "data_provider",
    "calls-shop": "merchant",
    "calls-bureau": "authority",
    "calls-works": "enterprise",
    "calls-verifier": "verifier",
    "calls-other": "data_provider",
}
PEOPLE = 12
PDF = b"%PDF-1.7\n1 0 obj <<>> endobj\n%%EOF\n"


def ride(party: str, subject: str, name: str, at: datetime, behaviour: str = "cycling") -> dict[str, Any]:
    """A trip of twenty minutes that ended before `at`."""
    start = at - timedelta(hours=1)
    record = {"trip_id": name, "start": f"{start:%Y-%m-%dT%H:%M:%SZ}", "distance_km": "3.2", "city": "sample",
              "end": f"{start + timedelta(minutes=20 if behaviour == 'cycling' else 50):%Y-%m-%dT%H:%M:%SZ}"}  # fmt: skip
    return {"specversion": "1.0", "id": name, "source": party, "type": PREFIX + behaviour, "subject": subject,
            "time": record["start"], "data": record}  # fmt: skip


def send(party: Party, events: list[dict[str, Any]]) -> None:
    """Book events as the intake does."""
    now = clock.now()
    sender = Sender(party.pk, party.code, frozenset(BEHAVIOURS))
    reader = Reader(sender, catalogue().methods, now)
    read = [reader.read(place, json.dumps(event).encode()) for place, event in enumerate(events)]
    digest = hashlib.sha256(json.dumps(events).encode()).digest()
    pipeline.run_batch(Arrival(sender, "http", now, digest, len(events)), read)


def drafts(count: int) -> list[dict[str, str]]:
    """Applications with their tokens: a third has no papers yet, a third can be handed in, a third was returned and can be
    mended."""
    made = []
    for number in range(count):
        first = f"91999999{number:09d}"
        given = joining.Particulars(
            f"applies-{number}", "data_provider", "虚构骑行", "Made-up Rides", first + joining.credit_code_sign(first),
            "经办人", f"joining{number}@example.invalid", ("data",), ("walking",),
        )  # fmt: skip
        one, token = joining.apply(given, catalogue().methods, proved=True)
        for kind in queries.required(one) if number % 3 else []:
            until = clock.today() + timedelta(days=300) if kinds().documents[kind].dated else None
            joining.add_document(one, kind, f"{kind}.pdf", PDF, until)
        if number % 3 == 2:
            joining.submit(one, kinds().terms)
            joining.send_back(one, "名称与营业执照不一致", desk.staffed()["entry"])
        made.append({"id": str(one.pk), "token": token})
    return made


def townspeople(parties: dict[str, Party]) -> tuple[list[Person], list[str]]:
    """People who let the first party send, ten of whom work at the enterprise, and their pairwise names."""
    code, _ = groups.invite_to_organisation(parties["calls-works"], 50)
    made, subjects = [], []
    for number in range(PEOPLE):
        made.append(
            people.register(
                "示例居民",
                made_up_number(date(1990, 1, 1), number),
                [f"c{number}@example.invalid"],
                notice_version="1",
                made_up=True,
            )
        )
        subjects.append(people.authorise(made[-1], parties["calls"], BEHAVIOURS, notice_version="1"))
        if number < PEOPLE - 1:
            groups.join(made[-1], code, "1")
    return made, subjects


def codes() -> list[str]:
    """Every code of the catalogue: a refusal is known once its module is there, so all addresses are read first."""
    assert get_resolver().url_patterns
    return sorted(problems.lines())


def history(
    month: date, late: datetime
) -> tuple[dict[str, Party], dict[str, tuple[str, str]], list[Person], list[str]]:
    """Parties with their keys, and people with their pairwise names, who met online in a month that is closed since."""
    with clock.frozen(clock.now() - timedelta(days=90)):
        parties = {
            code: desk.create_party(
                code, kind, "示例机构", code, BEHAVIOURS if kind == "data_provider" else ()
            )
            for code, kind in PARTIES.items()
        }
        keys = {code: desk.issue_client(party) for code, party in parties.items() if code != "calls-other"}
        someone, subjects = townspeople(parties)
        desk.add_rule(clock.today() + timedelta(days=1), ("领取规则", "to be collected"), claim_days=365)
    noon = datetime.combine(month, datetime.min.time(), clock.zone()) + timedelta(days=10, hours=12)
    ours = parties["calls"]
    with clock.frozen(noon):
        send(ours, [samples.meeting("calls", one, f"old-{n}", noon) for n, one in enumerate(subjects)])
    closing.close_day(clock.today() - timedelta(days=1))
    closing.close_month(month)
    send(ours, [samples.meeting("calls", one, f"new-{n}", late) for n, one in enumerate(subjects)])
    return parties, keys, someone, subjects


def signers(keys: dict[str, tuple[str, str]]) -> dict[str, tuple[str, str]]:
    """By party: the id of a public key under which its key signs, and the private half."""
    found = {}
    for code, (client_id, _) in keys.items():
        private = Ed25519PrivateKey.generate()
        pem = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
        named = parties_actions.register_public_key(client_id, pem)
        found[code] = (
            named,
            private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(),
        )
    return found


def kept_back(party: Party, subjects: list[str]) -> list[int]:
    """Records in quarantine: from now on every walk of the party's is kept back."""
    today = clock.today()
    desk.decide(
        "quarantine.rule", rule="walks", party=party.code, held_behaviours=["walking"], cause="probation",
        reason_zh="试用期", reason_en="on probation",
        valid_from=today.isoformat(), valid_until=(today + timedelta(days=30)).isoformat(),
    )  # fmt: skip
    now = clock.now()
    send(party, [ride(party.code, one, f"walk-{n}", now - timedelta(hours=2 + n), "walking")
                 for n, one in enumerate(subjects * 4)])  # fmt: skip
    return [one.id for one in quarantine.records(quarantine.EVERY)]


def figures_asked(bureau: Party, month: date) -> list[str]:
    """Three requests for figures of a month; the last is not granted."""
    until = clock.today() + timedelta(days=60)
    asked = [
        str(sharing.ask(bureau.pk, purpose="评估", ground="统计", behaviours=[], from_month=month, to_month=month,
                        until=until, known=catalogue().methods).id)
        for _ in range(3)
    ]  # fmt: skip
    for request in asked[:2]:
        desk.decide("sharing.answer", request=request, granted=True)
    return asked


def people_asked(bureau: Party, someone: list[Person]) -> list[str]:
    """Two requests about single people, to which some agreed; of the second all took it back. Of this month, which has no
    figures of groups yet: nobody is told of one month in both ways."""
    parties_actions.add_behaviours(bureau, ["walking"])
    found = []
    for _ in range(2):
        asked = sharing.ask(bureau.pk, purpose="补贴", kind="service", ground="本人同意", about="people",
                            contact="calls@example.invalid", behaviours=[], fields=["month", "acts", "carbon_mg"],
                            from_month=clock.today(), to_month=clock.today(), until=clock.today() + timedelta(days=60),
                            known=catalogue().methods)  # fmt: skip
        desk.decide("sharing.answer", request=str(asked.id), granted=True)
        for one in someone[:5]:
            people.authorise(one, bureau, ["walking"], notice_version="1")
            telling.agree(one, asked.id)
        found.append(asked.id)
    for one in someone[:5]:
        telling.withdraw(one, found[-1])
    return [str(one) for one in found]


def make(count: int) -> dict[str, Any]:
    # A third of a second for each secret is a guesser's price; nobody guesses here.
    PBKDF2PasswordHasher.iterations = 1_000
    late = clock.now() - timedelta(hours=3)
    month = (clock.today().replace(day=1) - timedelta(days=1)).replace(day=1)
    parties, keys, someone, subjects = history(month, late)
    # The others' limits are far above what is asked of them.
    desk.decide("party.limits", code="calls", requests_per_minute=None, events_per_day=None)
    by = clock.today() + timedelta(days=9)
    noted = [noticing.open_notice(parties["calls"], "核对", "请核对", by, None) for _ in range(3)]
    desk.hire("made-up finance clerk", "finance")
    other = desk.hire("made-up other", "query")
    return {
        "keys": keys,
        "signers": signers(keys),
        "subjects": subjects,
        "events": [f"{when}-{n}" for when in ("old", "new") for n in range(PEOPLE)],
        "entries": [row.id for row in ledger.entries(someone[0].pk)],
        "sample": [samples.meeting("calls", subjects[0], "x", late),
                   *(ride("calls", subjects[0], "x", late, kind) for kind in ("cycling", "walking"))],
        "applications": drafts(count),
        "papers": sorted(kinds().documents),
        "terms": kinds().terms,
        "requests": figures_asked(parties["calls-bureau"], month)
                    + people_asked(parties["calls-bureau"], someone),
        "records": kept_back(parties["calls"], subjects),
        "notices": [notice.pk for notice in noted],
        "month": month.isoformat(),
        "changes": {name: {field: kind.__name__ for field, (kind, _) in one.fields.items()}
                    for name, one in changes.actions().items()},
        "person": someone[-1].pseudonym,
        "account": other.handle,
        "problems": codes(),
        "sessions": sessions(),
    }  # fmt: skip


def sessions() -> dict[str, str]:
    """Session cookies by whose they are: a person's, and one of each role of the staff that may change something."""
    staff = desk.staffed()
    roles = ("entry", "check", "approve", "security_admin", "finance")
    users: dict[str, User] = {role: staff[role] for role in roles}
    users["person"] = Person.objects.order_by("pk")[0].user
    found = {}
    for name, user in users.items():
        browser = Client()
        browser.force_login(user)
        session = browser.session
        proofs.note(session, proofs.TOTP)
        session.save()
        found[name] = browser.cookies[settings.SESSION_COOKIE_NAME].value
    return found


if __name__ == "__main__":
    print(json.dumps(make(int(sys.argv[2])) if sys.argv[1] == "make" else sessions()))
