"""The sample city: partners, an acceptor with its offer, residents, an operator. All made up, all marked so."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from django.db import transaction

from abate.demo import desk
from abate.demo.rides import Ride
from abate.platform.doors import clock
from abate.platform.parties import queries as party_queries
from abate.platform.parties import tills
from abate.platform.parties.models import Party
from abate.platform.people import actions as people
from abate.platform.people import consents
from abate.platform.people.identity import made_up_number
from abate.platform.people.models import Person
from abate.platform.review.models import Grant, User

BORN = date(1990, 1, 1)
JOINED = timedelta(days=90)
PARTNERS = (
    ("sample-bikes", "示例单车", "Sample Bikes", "cycling"),
    ("sample-meetings", "示例会议", "Sample Meetings", "online-meeting"),
    ("sample-power", "示例供电", "Sample Power", "saving-electricity"),
)
PRICE_CREDITS = 300
# The demo's own policy, to show a cap at work: 400 g of cycling a day count toward credits.
CYCLING_CAP_MG = 400_000


@dataclass(frozen=True, slots=True)
class City:
    """Keys of the partners (shown once, kept nowhere) and the subjects by which each knows the residents."""

    clients: dict[str, tuple[str, str]]
    subjects: dict[str, dict[str, str]]
    riders: dict[str, int]
    acceptor: User
    operator: User


def _residents(sample: list[Ride], notice: str) -> dict[str, Person]:
    """One made-up resident per bike of the sample, keyed by bike."""
    bikes = sorted({ride.bike_id for ride in sample}, key=int)
    return {
        bike: people.register("示例居民", made_up_number(BORN + timedelta(days=order // 1000), order % 1000),
                              [f"resident-{order:03d}@demo.invalid"], notice, made_up=True)
        for order, bike in enumerate(bikes)
    }  # fmt: skip


def _acceptor() -> tuple[Party, User]:
    cafe = desk.create_party("sample-cafe", Party.Kind.MERCHANT, "示例咖啡店", "Sample Café", made_up=True)
    _, token = tills.invite(cafe, "示例收银台", made_up_number(BORN, 998))
    return cafe, tills.take(token)


@transaction.atomic
def build(sample: list[Ride]) -> City:
    """Make the city, all or nothing."""
    clients, subjects = {}, {}
    notice = consents.current().version
    # The residents joined and agreed before their shifted rides: an act before its authorisation counts nothing.
    with clock.frozen(clock.now() - JOINED):
        residents = _residents(sample, notice)
        for code, zh, en, behaviour in PARTNERS:
            party = desk.create_party(code, Party.Kind.DATA_PROVIDER, zh, en, [behaviour], made_up=True)
            subjects[code] = {
                bike: people.authorise(person, party, [behaviour], notice)
                for bike, person in residents.items()
            }
    for code, *_ in PARTNERS:
        clients[code] = desk.issue_client(party_queries.party(code))
    cafe, cashier = _acceptor()
    now = clock.now()
    desk.create_offer(
        party_id=cafe.pk, title=("示例咖啡券", "Sample coffee voucher"),
        detail=("一杯咖啡。示例优惠，不可在任何真实门店使用。", "One coffee. A sample offer: no real shop takes it."),
        price_credits=PRICE_CREDITS, stock=50, valid_days=30, from_at=now, to_at=now + timedelta(days=365), made_up=True,
    )  # fmt: skip
    desk.add_cap("cycling", date(2020, 1, 1), CYCLING_CAP_MG,
                    ("示例上限：每日骑行", "sample cap: a day's cycling"))  # fmt: skip
    operator = desk.hire(made_up_number(BORN, 999), Grant.Role.QUERY.value)
    return City(clients, subjects, {bike: p.id for bike, p in residents.items()}, cashier, operator)
