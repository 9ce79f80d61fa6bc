"""Everybody who may call with a key or a token, in every standing of their party and of the key, and what is theirs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any
from unittest.mock import patch
from uuid import uuid4

from allauth.idp.oidc.adapter import get_adapter
from allauth.idp.oidc.models import Token
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from django.conf import settings
from django.db import transaction
from django.http import HttpRequest
from tests.platform.joining import applicants
from tests.platform.web import city as stage

from abate.client import Signer
from abate.demo import desk
from abate.platform import spool
from abate.platform.carbon import basis
from abate.platform.doors import clock
from abate.platform.events.models import File
from abate.platform.joining import actions as joining
from abate.platform.joining import noticing
from abate.platform.joining.models import Run
from abate.platform.log import actions as log
from abate.platform.log.models import Leaf
from abate.platform.parties import actions, webhooks
from abate.platform.parties.models import Client as PartyClient
from abate.platform.parties.models import Message, Party
from abate.platform.people.models import Person
from abate.platform.review import actions as review
from abate.platform.review.models import Grant, User
from abate.platform.sharing import actions as sharing
from abate.platform.sharing import people as telling
from abate.platform.web import screen

Headers = dict[str, str]
Things = dict[str, dict[str, object]]
EVENTS, LOG, SHARING = "events", "log", "sharing"


@dataclass(frozen=True)
class Caller:
    """`refusal`: the code by which every door of the interface refuses it; empty where its `scopes` decide. `headers` are
    those of one call, by its method, address and body; `things` the arguments of addresses that show what is its own."""

    name: str
    headers: Callable[[str, str, bytes], Headers]
    scopes: frozenset[str] = frozenset()
    refusal: str = ""
    verifier: bool = False
    things: Things = field(default_factory=dict)


@dataclass(frozen=True)
class Town:
    """`foreign`: things of a party that is none of the callers'."""

    city: stage.City
    callers: list[Caller]
    foreign: Things
    applications: dict[str, str]


def bearer(token: str) -> Callable[[str, str, bytes], Headers]:
    return lambda method, target, body: {"authorization": f"Bearer {token}"}


def key(party: Party, *scopes: str, minutes: int = 60, user: Any = None) -> tuple[str, str]:
    """A new key of the party's, and an access token as the token endpoint would have written it."""
    client_id, _ = actions.issue_client(party, [one for one in scopes if one != "openid"] or None)
    text = f"token-of-{client_id}"
    Token.objects.create(
        type=Token.Type.ACCESS_TOKEN, hash=get_adapter().hash_token(text), client_id=client_id, user=user,
        scopes=" ".join(scopes), expires_at=clock.now() + timedelta(minutes=minutes),
    )  # fmt: skip
    return client_id, text


def signing(client_id: str, *, key_id: str = "", must_sign: bool = False) -> Signer:
    """The private half of a new public key of this key's."""
    private = Ed25519PrivateKey.generate()
    pem = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    named = key_id or actions.register_public_key(client_id, pem, must_sign=must_sign)
    return Signer(named, private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


def signed(signer: Signer) -> Callable[[str, str, bytes], Headers]:
    return lambda method, target, body: {
        name.lower(): value
        for name, value in signer.headers(method, settings.ABATE_ORIGIN, target, {}, body).items()
    }


def things_of(party: Party) -> Things:
    """A file, a notice, a message and a run of a party's, as the addresses name them."""
    made = File.objects.create(
        id=uuid4(), party_id=party.pk, name="f.csv", sha256=b"", size=1, declaration="", rehearsal=False, via="http",
        client_id="", at=clock.now(), state=File.DONE, rows=1, counts={}, ended_at=clock.now(),
    )  # fmt: skip
    spool.back(made).write_bytes(b"id\n")
    notice = noticing.open_notice(party, "核对", "请核对", clock.today() + timedelta(days=9), None)
    webhooks.add_endpoint(party, "https://partner.example/hook")
    webhooks.note(party.pk, [("event.credited", "{}")], clock.now())
    message = Message.objects.filter(endpoint__party=party).latest("pk")
    Message.objects.filter(pk=message.pk).update(next_at=None)
    run = Run.objects.create(party=party, run="r", via="page", lines=[], failed=0, statement="{}", signature="s",
                             at=clock.now())  # fmt: skip
    file: dict[str, object] = {"file_id": made.pk}
    return {
        **dict.fromkeys(("file", "file-errors", "file-back", "partner-file", "partner-file-back"), file),
        "notice-answer": {"notice_id": notice.pk},
        "partner-notice": {"notice_id": notice.pk},
        "partner-message": {"message_id": message.pk},
        "partner-check": {"run_id": run.pk},
        "partner-report": {"run_id": run.pk},
    }


def asked_by(authority: Party) -> Things:
    """A request for figures, as the addresses name it."""
    month = clock.today().replace(day=1)
    made = sharing.ask(authority.pk, purpose="评估", ground="统计", behaviours=[], from_month=month, to_month=month,
                       until=clock.today() + timedelta(days=60), known=basis.catalogue().methods)  # fmt: skip
    return {name: {"request_id": made.id} for name in ("sharing-request", "sharing-figures")}


def told_of(party: Party, person: Person) -> Things:
    """A granted request about people that this one, bound to the party, agreed to, as the addresses name it."""
    month = clock.today().replace(day=1)
    actions.add_behaviours(party, ["walking"])
    stage.people.authorise(person, party, ["walking"], stage.NOTICE)
    made = sharing.ask(party.pk, purpose="补贴", ground="本人同意", about="people", contact="ask@example.org",
                       behaviours=[], fields=["month", "acts"], from_month=month, to_month=month,
                       until=clock.today() + timedelta(days=60), known=basis.catalogue().methods)  # fmt: skip
    desk.decide("sharing.answer", request=str(made.id), granted=True)
    telling.agree(person, made.id)
    names = ("sharing-people", "disclosure", "disclosure-agree", "disclosure-withdraw")
    return {name: {"request_id": made.id} for name in names}


def of_kind(kind: str, code: str) -> Party:
    return actions.create_party(code, kind, "示例机构", code, made_up=True)


def fall(party: Party, standing: str) -> None:
    """From now on the party stands so: one of FALLEN, or `active`."""
    lapsed = standing == "lapsed"
    Party.objects.filter(pk=party.pk).update(
        status=Party.Status.ACTIVE if lapsed else standing,
        valid_until=clock.today() - timedelta(days=1) if lapsed else None,
    )


@contextmanager
def taken_back() -> Iterator[None]:
    """What is done inside leaves nothing behind. It is the test's own block: what must not lie within another transaction
    (what is counted, whatever comes of it) may stand in it."""
    block = transaction.atomic()
    block._from_testcase = True
    with block:
        yield
        transaction.set_rollback(True)


@contextmanager
def tabs_drawn_once() -> Iterator[None]:
    """The tabs above a page follow from who is signed in, not from the address: asked of the tables once for a cell, and
    not for each of its 400 answers, most of which are refusals. What is asked here is who is let in.
    """
    drawn, draw = {}, screen._tabs

    def tabs(request: HttpRequest, section: str) -> list[screen.Tab]:
        if section not in drawn:
            drawn[section] = draw(request, section)
        return drawn[section]

    with patch.object(screen, "_tabs", tabs):
        yield


SUSPENDED = "party-suspended"


def bring_into(state: str, user: User | None, city: stage.City) -> None:
    """From here to the end of the transaction the account, or the parties it may act for, stand so: a state of
    test_matrix.py's."""
    if state == "role-ended":
        Grant.objects.filter(user=user).delete()
        actions.remove_member(user, city.cafe, "acceptor")
        actions.remove_member(user, city.partner, "partner")
    elif state == "closed":
        review.deactivate(user)
    elif state == SUSPENDED:
        for party in (city.cafe, city.partner):
            fall(party, Party.Status.SUSPENDED)


FALLEN = {
    "suspended": "party-suspended",
    "left": "token-refused",
    "trial": "token-refused",
    "lapsed": "party-documents-expired",
}
"""Standings in which a party takes no part, and the word that its keys hear."""


def _keys_that_do_not_open(party: Party) -> list[Caller]:
    """Keys of a party in good standing, none of which may be used; and those of parties that stand no more."""
    revoked, expired, elsewhere, signs, unsaid = (key(party, EVENTS) for _ in range(5))
    unsaid_signer = signing(unsaid[0])
    actions.revoke_client(revoked[0])
    PartyClient.objects.filter(pk=expired[0]).update(expires_at=clock.now() - timedelta(seconds=1))
    PartyClient.objects.filter(pk=elsewhere[0]).update(addresses=["192.0.2.0/24"])
    signing(signs[0], must_sign=True)
    actions.revoke_public_key(unsaid_signer.key_id)
    found = [
        Caller("nobody", lambda method, target, body: {}, refusal="token-refused"),
        Caller("a made-up token", bearer("made-up"), refusal="token-refused"),
        Caller("a key that was revoked", bearer(revoked[1]), refusal="token-refused"),
        Caller("a key past its time", bearer(expired[1]), refusal="party-key-expired"),
        Caller("a key from another network", bearer(elsewhere[1]), refusal="party-key-address"),
        Caller("a token of a key that must sign", bearer(signs[1]), refusal="signature-needed"),
        Caller("a token past its hour", bearer(key(party, EVENTS, minutes=-1)[1]), refusal="token-refused"),
        Caller("a public key that was revoked", signed(unsaid_signer), refusal="signature-invalid"),
        Caller("a sandbox's key", signed(signing("", key_id="sandbox-0#1")), refusal="party-key-other-area"),
    ]
    for standing, refusal in FALLEN.items():
        one = of_kind("data_provider", f"key-of-{standing}")
        _, text = key(one, EVENTS)
        fall(one, standing)
        found.append(Caller(f"a party that is {standing}", bearer(text), refusal=refusal))
    return found


def build() -> Town:
    """Every kind of caller, in the city of the pages."""
    city = stage.build()
    stage.send(city.partner, [stage.meeting(city.partner, city.person, "m-own", clock.now())])
    other = of_kind("data_provider", "other-app")
    actions.add_behaviours(other, ["online-meeting"])
    stage.people.authorise(city.person, other, ["online-meeting"], stage.NOTICE)
    stage.send(other, [stage.meeting(other, city.person, "m-other", clock.now())])
    log.sequence()
    index = Leaf.objects.filter(person_id=city.person.pk).latest("idx").idx
    parties = {kind: of_kind(kind, kind.replace("_", "-")) for kind in Party.Kind.values}
    named, unopened = parties["verifier"], of_kind("verifier", "verifier-without")
    log.give_access(named.pk, index, index, "核查", 30)
    applied = {}
    for number in (1, 2):
        one, token = joining.apply(_particulars(number), basis.catalogue().methods)
        applied[str(one.pk)] = token
    own, (_, text) = things_of(city.partner), key(city.partner, EVENTS)
    own["event"] = {"event_id": "m-own"}
    callers = [
        *_keys_that_do_not_open(city.partner),
        Caller("a partner", bearer(text), frozenset({EVENTS}), things=own),
        Caller("a partner that signs", signed(signing(key(city.partner, EVENTS)[0])), frozenset({EVENTS}), things=own),
        Caller("a partner's key without the scope", bearer(key(city.partner, LOG)[1]), frozenset({LOG})),
        Caller("a token for a person", bearer(key(city.partner, "openid", user=city.person.user)[1]),
               refusal="token-refused"),
        Caller("a verifier with an opening", bearer(key(named, LOG)[1]), frozenset({LOG}), verifier=True,
               things={"log-opening": {"index": index}}),
        Caller("a verifier without an opening", bearer(key(unopened, LOG)[1]), frozenset({LOG}), verifier=True),
        Caller("a verifier's key without the scope", bearer(key(named, SHARING)[1]), frozenset({SHARING})),
        Caller("an authority", bearer(key(parties["authority"], SHARING)[1]), frozenset({SHARING}),
               things=asked_by(parties["authority"]) | told_of(parties["authority"], city.person)),
        Caller("an authority's key without the scope", bearer(key(parties["authority"], LOG)[1]), frozenset({LOG})),
    ]  # fmt: skip
    kinds = set(parties) - {"verifier", "authority"}
    callers += [
        Caller(f"a key of kind {kind}", bearer(key(parties[kind], EVENTS)[1]), frozenset({EVENTS}))
        for kind in sorted(kinds)
    ]
    elsewhere = of_kind("authority", "other-bureau")
    foreign = things_of(other) | asked_by(elsewhere) | told_of(elsewhere, city.person)
    foreign |= {"event": {"event_id": "m-other"}, "log-opening": {"index": index}}
    return Town(city, callers, foreign, applied)


def _particulars(number: int) -> joining.Particulars:
    return replace(
        applicants.PARTICULARS, code=f"applies-{number}", registration=applicants.registration(number)
    )
