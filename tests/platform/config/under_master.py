"""A text at every place where one lies under the master key, and what each of them opens to."""

from __future__ import annotations

from datetime import timedelta

from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.db import connection
from tests.platform.joining import applicants
from tests.platform.people.townspeople import made_up_person
from tests.platform.review import shell

from abate.demo import desk
from abate.platform.config import rewrapping
from abate.platform.config.rewrapping import Place
from abate.platform.doors import clock, randomness, sealed
from abate.platform.doors.keyring import keyring
from abate.platform.joining.models import ContactRequest
from abate.platform.notices import actions as notices
from abate.platform.notices.models import Browser
from abate.platform.notices.queries import PLACE
from abate.platform.notices.queries import Place as Told
from abate.platform.parties import webhooks
from abate.platform.parties.models import Party
from abate.platform.people.models import Recovery
from abate.platform.review.models import User

Opened = dict[str, dict[str, bytes]]
"""Place -> id of the row -> what lies sealed there."""


def fill(people: int = 3) -> User:
    """Rows of every place, by the platform's own functions where they need no browser; returns somebody of the staff."""
    user = desk.staffed()["entry"]
    for one in range(people):
        # As an earlier version kept them: by their seed.
        RecoveryCodes.activate(made_up_person(one + 1).user)
        shell.code(user)
        notices.write([user.pk], "sign-in.key", to=[Told("email", "a@example.org", "a***")])
    place = sealed.seal('{"endpoint": "https://push.example/1"}', PLACE)
    Browser.objects.create(
        user=user, digest=randomness.token_bytes(8), place_enc=place, device="x", added_at=clock.now()
    )
    if not Party.objects.filter(code="city-bikes").exists():
        desk.create_party("city-bikes", "data_provider", "单车", "Bikes", ["cycling"])
    hook, _ = webhooks.add_endpoint(Party.objects.get(code="city-bikes"), "https://bikes.example/hook")
    webhooks.rotate_secret(hook, overlap=timedelta(days=1))
    one = applicants.draft()
    applicants.bring(one)
    ContactRequest.objects.create(
        application=one,
        user=one.user,
        contact=bytes(one.contact),
        reach=b"r",
        state="waiting",
        asked_at=clock.now(),
    )
    digests = {name: randomness.token_bytes(32) for name in ("identity_hmac", "name_hmac", "contact_hmac")}
    Recovery.objects.create(
        **digests,
        contact_enc=sealed.seal('["email", "b@example.org"]', b"abate-recovery-contact"),
        code_enc=sealed.seal("12345678", b"abate-recovery-code"),
        how="code",
        asked_at=clock.now(),
    )
    return user


def texts(place: Place) -> dict[str, bytes]:
    """Every text of a place as it lies there, by the id of its row."""
    with connection.cursor() as cursor:
        cursor.execute(
            place.statement("select id::text, {held} from {table} where octet_length({held}) > 0 order by id")
        )
        return {number: bytes(text) for number, text in cursor.fetchall()}


def opened() -> Opened:
    """What every text opens to; raises where one does not open."""
    return {
        place.name: {number: sealed.unwrap(text, place.purpose) for number, text in texts(place).items()}
        for place in rewrapping.places()
    }


def as_of_old() -> None:
    """Every text in the form that it had before one said under which master it lies."""
    key = keyring().masters[0].key
    for place in rewrapping.places():
        for number, text in texts(place).items():
            nonce, plain = randomness.token_bytes(12), sealed.unwrap(text, place.purpose)
            former = nonce + AESGCM(key).encrypt(nonce, plain, place.purpose)
            with connection.cursor() as cursor:
                cursor.execute(
                    place.statement(
                        "update {table} as one set {anew} from (select %s::bytea as sealed) as anew"
                        " where one.id::text = %s"
                    ),
                    [former, number],
                )
