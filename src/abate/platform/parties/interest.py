"""Who has a part in what is decided about a party, and therefore no say in it. (P-8.4-c)

A seat has a user, and often no row of the staff's: whose it is, its party says of a till (tills.py), and the rooms below know
as well, and tell it when Django starts.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from abate.platform.parties import tills
from abate.platform.parties.models import Member
from abate.platform.review import queries as review

Known = Callable[[bytes], Collection[int]]
_KNOWN: list[Known] = [review.accounts_of, tills.seats_of]


def learn(known: Known) -> None:
    """Also ask `known`, which gives the users that it knows of whoever a digest of an identity names."""
    if known not in _KNOWN:
        _KNOWN.append(known)


def accounts(human: bytes) -> list[int]:
    """Every user that whoever this digest of an identity names is known to act under, in order."""
    return sorted({user for known in _KNOWN for user in known(human)})


def has_part(code: str, human: bytes) -> bool:
    """Whether whoever this digest of an identity names acts for the party `code`, under whatever account is known as theirs.

    Raises AtItsTill where nothing but the party's own word about a seat at its till says so.
    """
    acting = Member.objects.filter(party__code=code, user_id__in=accounts(human))
    users, seats = set(acting.values_list("user_id", flat=True)), tills.seats_of(human)
    if users and users <= set(seats):
        named = sorted(seats[user].pk for user in users)
        raise tills.AtItsTill(f"{code}: {', '.join(map(str, named))}")
    return bool(users)
