"""What an organisation learns of its members: sums of closed months, never of one of them. (P-8.4-b, P-8.5-b)

The rule is that of editions.py: so many people, none of whom makes more than a share of it, and one edition a month for
good, so that two answers never differ by somebody who came or left. Counted are those who are members when the edition is made,
for what they did since they joined.
"""

from __future__ import annotations

import hashlib
import json
from datetime import date

from django.conf import settings
from django.db import connection, transaction

from abate.platform.doors import clock
from abate.platform.parties import queries as parties
from abate.platform.people import groups
from abate.platform.sharing import editions
from abate.platform.sharing.actions import Answer, months_of, told_one_way
from abate.platform.sharing.errors import MonthOpen, OutsideGrant
from abate.platform.sharing.models import MembersEdition, MembersRead
from abate.platform.sharing.queries import SQL


def read(party_id: int, from_month: date, to_month: date, client_id: str) -> Answer:
    """The figures of an organisation's members, and a row that they were given. Raises OutsideGrant, ToldOtherwise, MonthOpen."""
    first, last = from_month.replace(day=1), to_month.replace(day=1)
    if first > last or len(months_of(first, last)) > editions.MONTHS:
        raise OutsideGrant(f"{first.isoformat()[:7]} to {last.isoformat()[:7]}")
    with transaction.atomic():
        told_one_way(party_id, "members", first, last)
        months = [_told(edition(party_id, month)) for month in months_of(first, last)]
        body = json.dumps({"months": months}, sort_keys=True, separators=(",", ":"))
        answer = Answer(body, hashlib.sha256(body.encode()).digest())
        MembersRead.objects.create(
            party_id=party_id,
            at=clock.now(),
            client_id=client_id,
            from_month=first,
            to_month=last,
            sha256=answer.sha256,
        )
    return answer


def newest(party_id: int, limit: int = 12) -> list[MembersEdition]:
    """The editions there are, the newest month first: none is made by looking."""
    return list(MembersEdition.objects.filter(party_id=party_id).order_by("-month")[:limit])


def edition(party_id: int, month: date) -> MembersEdition:
    """The edition of this organisation and month, made now where it was not. Raises MonthOpen."""
    first = month.replace(day=1)
    if made := MembersEdition.objects.filter(party_id=party_id, month=first).first():
        return made
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(SQL["alone"])
        if made := MembersEdition.objects.filter(party_id=party_id, month=first).first():
            return made
        cursor.execute(SQL["month_closed"], {"month": first})
        if not cursor.fetchone()[0]:
            raise MonthOpen(first.isoformat()[:7])
        group = groups.group_of(party_id)
        left_out = editions.hold_back("members", first, parties.codes()[party_id])
        cursor.execute(SQL["make_parts"])
        cursor.execute(SQL["empty_parts"])
        given = {"first": first, "last": editions.last_day(first), "group": group, "now": clock.now()}
        cursor.execute(SQL["fill_members"], given)
        found = editions.together(["members"])
    least, percent = settings.ABATE_SHARING_LEAST_PEOPLE, settings.ABATE_SHARING_LARGEST_PERCENT
    sums = {
        "people": found.people,
        "acts": found.acts,
        "carbon_mg": found.carbon_mg,
        "credits": found.credits,
    }
    return MembersEdition.objects.create(
        party_id=party_id,
        month=first,
        at=clock.now(),
        least_people=least,
        largest_percent=percent,
        left_out=left_out,
        **(sums if found.showable(least, percent) else {}),
    )


def _told(made: MembersEdition) -> dict[str, object]:
    """One month as it is given."""
    told: dict[str, object] = {
        "month": made.month.isoformat()[:7],
        "made_at": made.at.isoformat(),
        "withheld": made.people is None,
        "least_people": made.least_people,
        "largest_percent": made.largest_percent,
        "left_out": made.left_out,
    }
    if made.people is not None:
        told |= {"people": made.people, "acts": made.acts}
        told |= {"carbon_mg": int(made.carbon_mg or 0), "credits": int(made.credits or 0)}
    return told
