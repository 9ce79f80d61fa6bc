"""What is unique among people: who was first takes an identity or a contact, and keys of the tables decide it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from django.db import connection

from abate.platform.people import keys
from abate.platform.people.contacts import Reach
from abate.platform.people.errors import ContactTaken, IdentityTaken
from abate.platform.people.models import Person


def identity(digest: bytes) -> int:
    """Take the identity for a new person's number. Of those who try at once the primary key lets one through;
    the others wait for its transaction and are then refused."""
    with connection.cursor() as cursor:
        cursor.execute(
            "insert into people_identity (identity_hmac, person_id, key_version)"
            " values (%s, nextval(pg_get_serial_sequence('people_person', 'id')), 1)"
            " on conflict (identity_hmac) do nothing returning person_id",
            [digest],
        )
        row = cursor.fetchone()
    if row is None:
        raise IdentityTaken
    return int(row[0])


def contacts(person_id: int, digests: Mapping[bytes, Reach]) -> None:
    with connection.cursor() as cursor:
        # In order of the digests: two registrations that share two contacts must not wait for each other.
        for digest, reach in sorted(digests.items()):
            cursor.execute(
                "insert into people_contact (contact_hmac, person_id, kind) values (%s, %s, %s)"
                " on conflict (contact_hmac) do nothing",
                [digest, person_id, reach.kind],
            )
            if not cursor.rowcount:
                raise ContactTaken


def sealed_contacts(person: Person, reaches: Sequence[Reach]) -> bytes:
    """The contacts as the person's row keeps them."""
    told = [{"kind": reach.kind, "value": reach.value} for reach in reaches]
    return keys.encrypt(person, json.dumps(told, ensure_ascii=False, sort_keys=True).encode(), "contacts")
