"""Nobody learns who or what is here from how long an answer takes: for what there is and for what there is not, each door
does the same work. Counted, not timed: hashes of secrets, statements in their order, messages, and the answer itself.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from unittest.mock import patch
from uuid import uuid4

import pytest
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from tests.platform.joining import applicants
from tests.platform.review import callers
from tests.platform.web import city as stage

from abate.demo import desk
from abate.platform.doors import clock, messages
from abate.platform.doors.keyring import keyring
from abate.platform.incentives import actions as incentives
from abate.platform.joining import actions as joining
from abate.platform.ledger import queries as ledger
from abate.platform.log import queries as log
from abate.platform.parties import actions as parties
from abate.platform.parties.models import Party
from abate.platform.people import actions as people
from abate.platform.people import contacts, groups
from abate.platform.people.models import Contact, Person
from abate.platform.people.models_family import Invitation
from abate.platform.people.models_recovery import ContactUndo
from abate.platform.review import actions as review
from abate.platform.review.errors import LinkSpent
from abate.platform.review.models import SignInLink, User
from abate.platform.signin import actions as signin
from abate.platform.web.refusals import NotAllowed

pytestmark = [pytest.mark.platform, pytest.mark.django_db]
Act = Callable[[], HttpResponse]
PASSWORD = "correct horse battery staple"


@dataclass(frozen=True)
class Work:
    """What one answer took and what it was. `statements` without their values."""

    status: int
    body: str
    headers: tuple[tuple[str, str], ...]
    hashes: int
    sent: int
    statements: tuple[str, ...]


def work(act: Act, named: str) -> Work:
    """`named`: what the asker typed and the answer may repeat."""
    hashed, sent = [], []
    real_hash, real_send = PBKDF2PasswordHasher.encode, messages.Files.send

    def encode(*given: Any, **more: Any) -> str:
        hashed.append(1)
        return real_hash(*given, **more)

    def send(*given: Any, **more: Any) -> None:
        sent.append(1)
        real_send(*given, **more)

    with (
        patch.object(PBKDF2PasswordHasher, "encode", encode),
        patch.object(messages.Files, "send", send),
        CaptureQueriesContext(connection) as ran,
    ):
        answer = act()
    text = answer.content.decode() if not answer.streaming else ""
    text = re.sub(r'name="csrfmiddlewaretoken" value="\w+"', "", text)
    if named:
        # Where it stands alone: a number such as 1 is a part of many a word.
        before = """/"'>*""" + ("" if named.isdigit() else "=")
        text = re.sub(rf"""(?<=[{before}]){re.escape(named)}(?=[/"'&?<])""", "?", text)
    headers = {name.lower(): value for name, value in answer.headers.items()}
    length = {"content-length": "the same"} if "content-length" in headers else {}
    # Values aside: what is done, in which order.
    plain = (re.sub(r"::\w+(\[\])?", "", one["sql"]) for one in ran)
    statements = tuple(re.sub(r"'[^']*'|\s?NULL|\s?-?[0-9]+|s[0-9_x]+", "?", one) for one in plain)
    return Work(
        answer.status_code,
        text,
        tuple(sorted((headers | length).items())),
        len(hashed),
        len(sent),
        statements,
    )


@dataclass(frozen=True)
class Town:
    city: stage.City
    clerk: User
    asker: Party
    key: str
    bearer: dict[str, str]
    other: callers.Things


def town() -> Town:
    """The city of the pages; a clerk with a password, a partner with its key and token, and things of another party."""
    city = stage.build()
    clerk = desk.hire("made-up clerk of the doors", "query")
    signin.set_password(clerk, PASSWORD)
    asker = parties.create_party("asks", "data_provider", "问询", "Asks", ["online-meeting"], made_up=True)
    at = clock.now() - timedelta(hours=2)
    (result,) = stage.send(city.partner, [stage.meeting(city.partner, city.stranger, "of-another", at)])
    assert result.outcome.text == "credited"
    client_id, text = callers.key(asker, callers.EVENTS)
    bearer = {"authorization": f"Bearer {text}"}
    return Town(city, clerk, asker, client_id, bearer, callers.things_of(city.partner))


def enter(user: User) -> Client:
    browser = Client()
    browser.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    stage.prove(browser)
    return browser


def post(path: str, browser: Client | None = None, **given: str) -> Act:
    return lambda: (browser or Client()).post(path, given)


def get(path: str, browser: Client | None = None, **headers: str) -> Act:
    return lambda: (browser or Client()).get(path, headers=headers)


Pair = tuple[tuple[Act, str], tuple[Act, str]]


def of_form(path: str, browser: Client, there: str, gone: str, field: str = "code") -> Pair:
    return (post(path, browser, **{field: there}), there), (post(path, browser, **{field: gone}), gone)


def strangers_doors(made: Town) -> dict[str, Pair]:
    """Where nobody has signed in yet: what is known, and what is not; each with what was typed."""
    contacts = made.city.contact, "13800000009"
    asked = {}
    for contact in contacts:
        asked[contact] = Client()
        asked[contact].post("/sign-in", {"contact": contact})
    spent = review.issue_link(made.clerk)
    review.use_link(spent)
    revoked, secret = parties.issue_client(made.city.partner)
    parties.revoke_client(revoked)
    ContactUndo.objects.create(person=made.city.person, token_hmac=keyring().code_hmac("contact-undo\x00spent"),
                               contacts_enc=b"", changed_at=clock.now(), until=clock.now() + timedelta(days=1),
                               ended_at=clock.now())  # fmt: skip
    applied, _ = joining.apply(applicants.PARTICULARS, stage.catalogue().methods)
    wrong = {"authorization": "Bearer wrong"}
    nobody, person = str(uuid4()), made.city.person.user.handle
    idle, closed = (desk.hire(f"made-up {name} clerk of the doors", "query") for name in ("idle", "closed"))
    signin.set_password(closed, PASSWORD)
    review.deactivate(closed)

    def staff(handle: str) -> tuple[Act, str]:
        return post("/sign-in/staff", account=handle, password="wrong " + PASSWORD), handle

    def ask(named: str, basic: str, at: str, **form: str) -> tuple[Act, str]:
        form |= {"grant_type": "client_credentials", "token": "x"}
        headers = {"authorization": f"Basic {basic}"}
        return lambda: Client().post(f"/identity/o/api/{at}", form, headers=headers), named

    def token(client_id: str, told: str = "wrong", at: str = "token") -> tuple[Act, str]:
        return ask(client_id, base64.b64encode(f"{client_id}:{told}".encode()).decode(), at)

    def form(client_id: str, basic: str, at: str = "token") -> tuple[Act, str]:
        return ask(client_id, basic, at, client_id=client_id, client_secret="wrong")

    return {
        "a contact": ((post("/sign-in", contact=contacts[0]), ""), (post("/sign-in", contact=contacts[1]), "")),
        "a code for a contact": (
            (post("/sign-in/code", asked[contacts[0]], code="00000x"), contacts[0][-4:]),
            (post("/sign-in/code", asked[contacts[1]], code="00000x"), contacts[1][-4:]),
        ),
        "an account of the staff": (staff(made.clerk.handle), staff(str(uuid4()))),
        "one without a password": (staff(idle.handle), staff(str(uuid4()))),
        "one that was closed": (staff(closed.handle), staff(str(uuid4()))),
        "a person's account": (staff(person), staff(str(uuid4()))),
        "a link that was used": ((post(f"/sign-in/link/{spent}"), spent), (post("/sign-in/link/x"), "x")),
        "a link that takes a change back": (
            (post("/sign-in/contact/undo/spent"), "spent"), (post("/sign-in/contact/undo/other"), "other")),
        "an applicant's contact": of_form(
            "/join/link", Client(), applicants.PARTICULARS.contact, "nobody@example.org", "contact"
        ),
        "an application": (
            (get(f"/v1/applications/{applied.pk}", **wrong), str(applied.pk)),
            (get(f"/v1/applications/{nobody}", **wrong), nobody),
        ),
        "a key's secret": (token(made.key), token(nobody.replace("-", ""))),
        "a key's secret, to give a token back": (token(made.key, at="revoke"), token(uuid4().hex, at="revoke")),
        # A header that says nothing is none: then the form counts.
        "a key's secret in the form": (form(made.key, "x"), form(uuid4().hex, "x")),
        "a key's secret in the form, half of one before it": (form(made.key, "eDo="), form(uuid4().hex, "eDo=")),
        "a key's secret in the form, to give a token back": (form(made.key, "x", "revoke"), form(uuid4().hex, "x", "revoke")),
        "a revoked key's secret": (token(revoked, secret), token(nobody.replace("-", ""))),
    }  # fmt: skip


def partners_doors(made: Town) -> dict[str, Pair]:
    """What is another party's, and what is not there."""
    none, keeper = str(uuid4()), review.create_user("staff", made_up=True)
    parties.add_member(keeper, made.asker, "partner")
    page = enter(keeper)
    found: dict[str, Pair] = {}

    def ask(what: str, path: str, there: object, gone: object, browser: Client | None = None) -> None:
        headers = {} if browser else made.bearer
        found[what] = tuple((get(path.format(one), browser, **headers), str(one)) for one in (there, gone))  # type: ignore[assignment]

    file, notice = made.other["file"]["file_id"], made.other["notice-answer"]["notice_id"]
    ask("an event", "/v1/events/{}", "of-another", "of-nobody")
    for rest in ("", "/errors", "/back"):
        ask(f"a file{rest}", f"/v1/files/{{}}{rest}", file, none)
        if rest != "/errors":
            ask(f"a file's page{rest}", f"/partner/files/{{}}{rest}", file, none, page)
    ask("an event on the page", "/partner?event={}", "of-another", "of-nobody", page)
    ask("a conformance run", "/partner/checks/{}", made.other["partner-check"]["run_id"], 999_999, page)
    found["a notice"] = tuple(  # type: ignore[assignment]
        (lambda one=one: Client().post(f"/v1/notices/{one}/answer", {"text": "x"}, content_type="application/json",
                                       headers=made.bearer), str(one))
        for one in (notice, 999_999)
    )  # fmt: skip
    gone = callers.key(made.asker, callers.EVENTS)
    parties.revoke_client(gone[0])
    found["a token that was taken away"] = tuple(  # type: ignore[assignment]
        (get("/v1/events", authorization=f"Bearer {one}"), one) for one in (gone[1], "made-up")
    )
    verifier = callers.key(callers.of_kind("verifier", "verifier"), callers.LOG)[1]
    found["an opening that was not given"] = tuple(  # type: ignore[assignment]
        (get(f"/log/opening/{one}", authorization=f"Bearer {verifier}"), str(one))
        for one in (0, log.size() + 9)
    )
    return found


def persons_doors(made: Town) -> dict[str, Pair]:
    """What is another person's, and what is not there."""
    browser, found = enter(made.city.person.user), {}
    entry = ledger.entries(made.city.stranger.pk)[0].id
    desk.adjust(made.city.stranger.pk, 1000, "gift")
    code = incentives.redeem(made.city.stranger, made.city.offer, uuid4())
    expired, _ = groups.invite(made.city.stranger)
    Invitation.objects.update(expires_at=clock.now() - timedelta(days=1))
    member = groups.of(made.city.stranger.pk)[0].id
    pages = {
        "an entry": ("/entries/{}", entry), "an entry's receipt": ("/entries/{}/receipt.json", entry),
        "a receipt": ("/v1/me/entries/{}/receipt", entry), "an explanation": ("/v1/me/entries/{}/explanation", entry),
        "a voucher": ("/codes/{}", code.id), "an event that is told why": (
            f"/why?party={made.city.partner.pk}&event={{}}", "of-another"),
    }  # fmt: skip
    for what, (path, there) in pages.items():
        gone = "of-nobody" if isinstance(there, str) else 10**9
        found[what] = (
            (get(path.format(there), browser), str(there)),
            (get(path.format(gone), browser), str(gone)),
        )
    found["an invitation"] = of_form("/groups/join", browser, expired, "AAAABBBBCCCC")
    found["a membership"] = (
        (post(f"/groups/{member}/leave", browser), ""),
        (post("/groups/999999/leave", browser), ""),
    )
    query = (
        "/identity/o/authorize?response_type=code&scope=openid&code_challenge_method=S256&code_challenge=x"
    )
    query += "&redirect_uri=https://elsewhere.example/&client_id={}"
    client, _ = parties.issue_binding(made.city.partner, ["https://app.example/back"])
    found["an app that asks for binding"] = tuple(  # type: ignore[assignment]
        (get(query.format(one), browser), one) for one in (client, uuid4().hex)
    )
    keeper = review.create_user("staff", made_up=True)
    parties.add_member(keeper, callers.of_kind("merchant", "elsewhere"), "acceptor")
    found["another shop's voucher"] = of_form("/acceptor", enter(keeper), code.text, "AAAABBBBCCCC")
    return found


def apart(there: Work, gone: Work) -> Iterator[str]:
    """What differs, each with its first difference."""
    for name in Work.__dataclass_fields__:
        one, other = str(getattr(there, name)), str(getattr(gone, name))
        if one != other:
            at = next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), 0)
            yield f"{name}: {one[max(0, at - 40) : at + 80]!r} | {other[max(0, at - 40) : at + 80]!r}"


@pytest.mark.clause("P-8.4-b")
@pytest.mark.parametrize("doors", [strangers_doors, partners_doors, persons_doors])
def test_what_is_there_and_what_is_not_take_the_same_work(
    doors: Callable[[Town], dict[str, Pair]], settings: Any
) -> None:
    settings.ABATE_ADDRESS_PER_MINUTE = settings.ABATE_ACCOUNT_PER_MINUTE = 1_000_000
    with clock.frozen(clock.now()):
        found = different(doors(town()))
    assert found == {}, "\n".join(f"{what}: {one}" for what, told in found.items() for one in told)


def different(doors: dict[str, Pair]) -> dict[str, list[str]]:
    """The doors that tell what is there, with what differs."""
    found = {}
    for what, asked in doors.items():
        # Each once before: what is made at the first use is not this answer's.
        for one in asked:
            work(*one)
        there, gone = (work(*one) for one in asked)
        # A door that was answered before anything was looked up has compared nothing.
        assert there.statements or there.hashes, (what, there)
        if there != gone:
            found[what] = list(apart(there, gone))
    return found


def test_a_hole_is_found(settings: Any) -> None:
    """No hash for a key that is not there; a link that says whether it was one."""
    settings.ABATE_ADDRESS_PER_MINUTE = settings.ABATE_ACCOUNT_PER_MINUTE = 1_000_000
    with clock.frozen(clock.now()):
        doors = strangers_doors(town())
        asked = {what: doors[what] for what in ("a key's secret", "a link that was used")}
        assert different(asked) == {}
        with patch("abate.platform.web.token_door.queries.compare_with_none"):
            assert different(asked).keys() == {"a key's secret"}

        def told(token: str) -> User:
            raise (
                LinkSpent
                if SignInLink.objects.filter(digest=keyring().code_hmac(token)).exists()
                else NotAllowed
            )

        with patch("abate.platform.web.pages.signin.review.use_link", told):
            assert different(asked).keys() == {"a link that was used"}


def test_a_hole_at_the_doors_of_signing_in_is_found(settings: Any) -> None:
    """No hash for an account that is not there; no code sent to a contact that is nobody's; one more look for a known one."""
    settings.ABATE_ADDRESS_PER_MINUTE = 1_000_000
    compared, sent, start = people.prove_contact, people.request_code, clock.now()

    def digest(contact: str) -> bytes:
        return keyring().identity_hmac(contacts.normal(contact).value)

    def looked_up(contact: str, code: str) -> str:
        for row in Contact.objects.filter(contact_hmac=digest(contact)):
            Person.objects.filter(pk=row.person_id).exists()
        return compared(contact, code)

    def known_alone(contact: str, address: str | None = None) -> datetime:
        there = Contact.objects.filter(contact_hmac=digest(contact)).exists()
        return sent(contact, address) if there else clock.now()

    # Django's backend hashes by set_password for an account that is not there.
    holes = {
        "a code for a contact": patch.object(people, "prove_contact", looked_up),
        "an account of the staff": patch.object(User, "set_password"),
        "a contact": patch.object(people, "request_code", known_alone),
    }
    with clock.frozen(start):
        doors = strangers_doors(town())
    for hours, (what, hole) in enumerate(holes.items()):
        # So few codes are sent within ten minutes, and so few tries taken, that each hour begins anew.
        with clock.frozen(start + timedelta(hours=hours)):
            assert different({what: doors[what]}) == {}
            with hole:
                assert different({what: doors[what]}).keys() == {what}
