"""A small made-up city for the pages: a partner, people, behaviours of every outcome, a shop, an operator."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from django.test import Client, override_settings
from tests.platform.people.townspeople import made_up_person

from abate.demo import desk
from abate.platform import pipeline
from abate.platform.carbon.basis import catalogue
from abate.platform.doors import clock
from abate.platform.events.actions import Arrival
from abate.platform.events.envelope import PREFIX, Reader, Sender
from abate.platform.events.outcomes import Result
from abate.platform.parties import queries as parties
from abate.platform.parties.models import Party
from abate.platform.people import actions as people
from abate.platform.people.identity import made_up_number
from abate.platform.people.models import Person
from abate.platform.review import actions as review
from abate.platform.review.models import User
from abate.platform.signin import proofs

BEHAVIOURS = ["online-meeting", "cycling", "walking"]
NOTICE = "notice-1"
AT_TILL = made_up_number(date(1990, 1, 1), 900)
"""The identity number that a party gives of whoever it seats at its till: nobody else's."""


@dataclass(frozen=True, slots=True)
class City:
    person: Person
    contact: str
    stranger: Person
    partner: Party
    cafe: Party
    cashier: User
    operator: User
    offer: UUID


def send(party: Party, events: list[dict[str, object]]) -> list[Result]:
    """Book events of `party` as the intake does."""
    body, now = json.dumps(events).encode(), clock.now()
    sender = Sender(party.pk, party.code, frozenset(BEHAVIOURS), hooked=parties.is_hooked(party.pk))
    reader = Reader(sender, catalogue().methods, now)
    read = [reader.read(place, json.dumps(event).encode()) for place, event in enumerate(events)]
    return pipeline.run_batch(Arrival(sender, "http", now, hashlib.sha256(body).digest(), len(events)), read)


def event(
    party: Party, person: Person, behaviour: str, name: str, at: datetime, **data: object
) -> dict[str, object]:
    return {
        "specversion": "1.0",
        "id": name,
        "source": party.code,
        "type": PREFIX + behaviour,
        "subject": people.authorise(person, party, [behaviour], NOTICE),
        "time": f"{at:%Y-%m-%dT%H:%M:%SZ}",
        "data": data,
    }


def meeting(party: Party, person: Person, name: str, at: datetime, **data: object) -> dict[str, object]:
    given: dict[str, object] = {
        "meeting_id": name,
        "start": f"{at:%Y-%m-%dT%H:%M:%SZ}",
        "duration_min": 60,
        "participants": 3,
        "replacement_rate": "0.5",
        "pkm_rail": "30",
        "electricity_kwh": "0.2",
    }
    return event(party, person, "online-meeting", name, at, **(given | data))


def ride(party: Party, person: Person, name: str, at: datetime, km: str) -> dict[str, object]:
    end = at + timedelta(minutes=30)
    return event(
        party,
        person,
        "cycling",
        name,
        at,
        trip_id=name,
        start=f"{at:%Y-%m-%dT%H:%M:%SZ}",
        end=f"{end:%Y-%m-%dT%H:%M:%SZ}",
        distance_km=km,
        city="sample",
    )


def book_every_outcome(party: Party, person: Person) -> list[Result]:
    """Behaviours of the last days: credited, capped, not below the baseline, not counted, refused."""
    now = clock.now().replace(microsecond=0)
    ago = [now - timedelta(days=back, hours=1) for back in range(7)]
    sent = [
        meeting(party, person, "meeting-1", ago[1]),
        meeting(party, person, "meeting-2", ago[2], pkm_rail="12.5"),
        meeting(party, person, "meeting-3", ago[4], pkm_metro="60"),
        meeting(party, person, "meeting-short", ago[3], duration_min=30),
        meeting(party, person, "meeting-heavy", ago[5], pkm_rail="1", electricity_kwh="900"),
        ride(party, person, "ride-without-figure", ago[3], "3.2"),
        meeting(party, person, "meeting-bad", ago[2], replacement_rate="1.0001"),
    ]
    results = [result for one in sent for result in send(party, [one])]
    with override_settings(ABATE_OPERATOR_PACK="demo"):
        desk.decide("basis.adopt")
        rides = [ride(party, person, "ride-1", ago[0], "4.8"), ride(party, person, "ride-2", ago[0], "6.1")]
        results += [result for one in rides for result in send(party, [one])]
    desk.decide("basis.adopt")
    return results


def prove(browser: Client) -> None:
    """As if the signed-in user had just shown a code of their app; tests of signing in itself do without."""
    session = browser.session
    proofs.note(session, proofs.TOTP)
    session.save()


def build() -> City:
    """Everything but the log's numbering, which the test starts when it wants receipts."""
    contact = "13800000001"
    # Authorised before the behaviours that the tests book: a month ago.
    with clock.frozen(clock.now() - timedelta(days=30)):
        partner = desk.create_party(
            "sample-app", "data_provider", "示例出行", "Sample Trips", BEHAVIOURS, made_up=True
        )
        cafe = desk.create_party("sample-cafe", "merchant", "示例咖啡店", "Sample Café", made_up=True)
        person, stranger = made_up_person(1, contact), made_up_person(2)
        for one in (person, stranger):
            people.authorise(one, partner, BEHAVIOURS, NOTICE)
        desk.add_cap("cycling", clock.today() - timedelta(days=60), 900_000, ("示例上限", "sample cap"))
    cashier = review.create_user("staff", made_up=True)
    desk.add_member(cashier, cafe, "acceptor")
    operator = desk.hire("made-up operator", "query")
    now = clock.now()
    offer = desk.create_offer(
        party_id=cafe.pk,
        title=("示例咖啡券", "Sample coffee voucher"),
        detail=("任意一杯中杯咖啡。", "Any medium coffee."),
        price_credits=300,
        stock=20,
        valid_days=30,
        from_at=now - timedelta(days=1),
        to_at=now + timedelta(days=90),
        made_up=True,
    )
    return City(person, contact, stranger, partner, cafe, cashier, operator, offer)
