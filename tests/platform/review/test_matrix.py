"""Every role at every address, with every method, for own and another's, in every state of the account: no cell untried.

What is expected stands in ALLOWED, apart from the data that the platform reads: both must be changed to give a right.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import AnonymousUser
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from tests.platform.joining import applicants
from tests.platform.review import answers, callers
from tests.platform.review.answers import Answer
from tests.platform.review.arguments import COMMON
from tests.platform.review.callers import SUSPENDED
from tests.platform.web import city as stage

from abate.demo import desk
from abate.platform.incentives import actions as incentives
from abate.platform.incentives import queries as offers
from abate.platform.ledger import queries as ledger
from abate.platform.log import actions as log
from abate.platform.parties import actions as parties
from abate.platform.people import consents, groups, guardians, identity
from abate.platform.people import queries as people
from abate.platform.review import actions as review
from abate.platform.review import rights
from abate.platform.review.models import Grant, Proposal, User
from abate.platform.web import gate

pytestmark = [pytest.mark.platform, pytest.mark.django_db]
METHODS = ("GET", "POST")
OTHERS = ("HEAD", "PUT", "PATCH", "DELETE", "OPTIONS")
Methods = Callable[[str], Collection[str]]
"""By which methods an address is asked, by its name."""
# `one-factor`: signed in, no second factor shown.
STATES = ("live", "one-factor", "role-ended", "closed")
ALLOWED = {
    "operator": {"system_admin", "audit_admin", "entry", "check", "approve", "query", "finance", "content"},
    "alarms": set(Grant.Role.values) - {"content"},
    "keys": set(Grant.Role.values) - {"content", "finance"},
    "key-revoke": {"security_admin", "entry"},
    "tills": {"security_admin", "audit_admin", "entry", "check", "approve", "query"},
    "till-end": {"security_admin", "entry"},
    "sessions": {"security_admin"},
    "sessions-end": {"security_admin"},
    "requests": {"audit_admin", "entry", "check", "query"},
    "request-answer": {"entry"},
    "anomalies": {"audit_admin", "entry", "check", "approve", "query"},
    "anomaly": {"audit_admin", "entry", "check", "approve", "query"},
    "anomalies-decide": {"entry"},
    "quarantine": {"audit_admin", "entry", "check", "approve", "query"},
    "quarantine-proposal": {"audit_admin", "entry", "check", "approve", "query"},
    "quarantine-propose": {"entry"},
    "quarantine-decide": {"check", "approve"},
    "v1:quarantined": {"audit_admin", "entry", "check", "approve", "query"},
    "v1:quarantine_proposals": {"audit_admin", "entry", "check", "approve", "query"},
    "v1:quarantine_propose": {"entry"},
    "v1:quarantine_decide": {"check", "approve"},
    "breaks": {"audit_admin", "entry", "check", "approve", "query", "finance"},
    "break-step": {"finance"},
    "applications": {"audit_admin", "entry", "check", "approve", "query"},
    "application": {"audit_admin", "entry", "check", "approve", "query"},
    "application-paper": {"entry", "check", "approve"},
    "application-finding": {"entry"},
    "application-propose": {"entry"},
    "application-contact-refuse": {"entry"},
    "standing": {"audit_admin", "entry", "check", "approve", "query"},
    "notice": {"entry"},
    "sharing": {"security_admin", "audit_admin", "entry", "check", "approve", "query", "finance"},
    "sharing-one": {"security_admin", "audit_admin", "entry", "check", "approve", "query", "finance"},
    "sharing-revoke": {"security_admin", "approve"},
    "audit": {"audit_admin"},
    "audit-file": {"audit_admin"},
    # Content is shown and takes part in its own changes alone: test_announcements.py.
    "proposals": set(Grant.Role.values),
    "proposal": set(Grant.Role.values),
    "proposal-compare": set(Grant.Role.values),
    "proposals-decide": {"security_admin", "entry", "check", "approve", "finance", "content"},
    "propose": {"security_admin", "entry", "finance", "content"},
    "v1:proposals": set(Grant.Role.values),
    "v1:propose": {"security_admin", "entry", "finance", "content"},
    "v1:decide": {"security_admin", "entry", "check", "approve", "finance", "content"},
}
PERSON, ACCEPTOR, PARTNER, APPLICANT = "person", "acceptor", "partner", "applicant"
CALLERS = ("stranger", PERSON, ACCEPTOR, PARTNER, APPLICANT, *Grant.Role.values)
OUR_OWN = {"v1:api-root"}  # ninja's name for the prefix, no page: refused to everybody


def addresses(patterns: list[object], space: str = "") -> Iterator[str]:
    for one in patterns:
        if isinstance(one, URLResolver):
            inner = f"{space}{one.namespace}:" if one.namespace else space
            yield from addresses(one.url_patterns, inner)
        elif isinstance(one, URLPattern):
            yield f"{space}{one.name or one.pattern}"


# allauth's view at the address of our page `bind`, which stands before it and is the one that is reached.
BEHIND = {"idp:oidc:authorization"}


def known() -> set[str]:
    return set(addresses(get_resolver().url_patterns)) - BEHIND


# Addresses that allauth brings and this platform does not offer: closed to everybody until a line opens them.
CLOSED = {f"idp:oidc:{n}" for n in ("device_authorization", "logout", "device_code")}


def undeclared(names: set[str]) -> set[str]:
    return names - {name for name, _ in gate.lines()} - CLOSED - OUR_OWN


@pytest.mark.clause("P-8.4-c")
def test_every_address_has_a_declared_right() -> None:
    assert undeclared(known()) == set(), "declare it in src/abate/platform/web/endpoints.csv"
    assert {name for name, _ in gate.lines()} <= known(), "a line for an address that is not there"


def test_an_address_without_a_right_would_be_found() -> None:
    assert undeclared(known() | {"new-page"}) == {"new-page"}


@dataclass(frozen=True)
class Town:
    city: stage.City
    own: dict[str, dict[str, object]]
    foreign: dict[str, dict[str, object]]


def town() -> Town:
    """Arguments of the addresses that show somebody's things: the person's, and another person's."""
    city = stage.build()
    now = stage.clock.now()
    ours = stage.send(city.partner, [stage.meeting(city.partner, city.person, "m-own", now)])
    theirs = stage.send(city.partner, [stage.meeting(city.partner, city.stranger, "m-other", now)])
    assert {result.outcome.text for result in (*ours, *theirs)} == {"credited"}
    for person in (city.person, city.stranger):
        desk.adjust(person.pk, 1000, f"gift-{person.pk}")
    found = []
    for person, event in ((city.person, "m-own"), (city.stranger, "m-other")):
        code = incentives.redeem(person, city.offer, uuid4())
        award = min(row.id for row in ledger.entries(person.pk))
        given = people.authorisations(person.pk)[0].id
        born = stage.clock.today() - timedelta(days=4000)
        number = identity.made_up_number(born, person.pk % 1000)
        child = guardians.open_for_child(
            person,
            "parent",
            "试用童",
            number,
            {"account", "identity"},
            consents.current("children").version,
        )
        groups.invite(person)
        found.append({"family-enter": {"child_id": child.pk}, "groups-leave": {"member_id": groups.of(person.pk)[0].id},
                      "groups-agree": {"member_id": groups.of(person.pk)[0].id},
                      "entry": {"entry_id": award}, "entry-receipt": {"entry_id": award},
                      "v1:explanation": {"entry_id": award}, "v1:receipt": {"entry_id": award},
                      **callers.told_of(callers.of_kind("authority", f"asks-{person.pk}"), person),
                      "code": {"code_id": code.id}, "withdraw": {"authorisation_id": given},
                      "why": {"?": f"party={city.partner.pk}&event={event}"}})  # fmt: skip
    return Town(city, *found)


OFFERED = ("offer", "redeem")


def staff(role: str) -> User:
    return desk.hire(f"made-up {role} of the matrix", role)


def expected(name: str, method: str, who: str, state: str) -> bool:
    # A person's own account is no role that could end, and the second factor is asked of the staff only.
    live = (
        state == "live"
        or (who == PERSON and state != "closed")
        # Nor does an application end with a role.
        or (who == APPLICANT and state != "closed")
        or (who in (ACCEPTOR, PARTNER) and state == "one-factor")
    )
    line = gate.lines().get((name, "GET" if method == "HEAD" else method))
    if line is None or (
        method == "HEAD" and name.startswith("v1:") and name != "v1:openapi-json"
    ):  # ninja's own operations answer no HEAD
        return False
    if line.fresh and state == "one-factor":
        return False
    if line.who == "user":
        return who != "stranger" and state != "closed"
    if line.who == "staff":
        return live and who in ALLOWED[name]
    if line.who in (PERSON, ACCEPTOR, PARTNER, APPLICANT):
        return live and who == line.who
    # A key or a verifier's token is no session: who holds one has a table of their own (test_matrix_of_keys.py).
    return line.who == "anyone"


def addresses_of(state: str) -> set[str]:
    """All of them; with one factor those at which it makes a difference (gate.py), the rest being as in `live`."""
    asked = {name for (name, _), line in gate.lines().items() if line.who == "staff" or line.fresh}
    return asked if state == "one-factor" else known() - OUR_OWN


@dataclass(frozen=True)
class Stage:
    """The town and who comes to its addresses: the user of each, none for a stranger."""

    made: Town
    users: dict[str, User | None]


@pytest.fixture(scope="module")
def whole(module_db: None) -> Stage:
    """Built once for all tests of this module that a process runs."""
    made = town()
    log.sequence()
    keeper = review.create_user("staff", made_up=True)
    parties.add_member(keeper, made.city.partner, "partner")
    return Stage(
        made,
        {
            "stranger": None,
            PERSON: made.city.person.user,
            ACCEPTOR: made.city.cashier,
            PARTNER: keeper,
            APPLICANT: applicants.draft().user,
            **{role: staff(role) for role in Grant.Role.values},
        },
    )


@pytest.fixture(autouse=True)
def never_too_often(settings: Any) -> None:
    """One account asks for every address there is within a minute."""
    settings.ABATE_ACCOUNT_PER_MINUTE = 1_000_000


def states_of(who: str) -> tuple[str, ...]:
    if who == "stranger":
        return ("live",)
    return (*STATES, SUSPENDED) if who in (ACCEPTOR, PARTNER) else STATES


def declared(name: str) -> Collection[str]:
    """The methods by which somebody may, or else all that somebody could: of an address that is open to nobody."""
    return [method for method in METHODS if (name, method) in gate.lines()] or METHODS


def undeclared_methods(name: str) -> Collection[str]:
    """The other ones of METHODS: the gate refuses them before it looks at who asks."""
    return [method for method in METHODS if method not in declared(name)]


def not_usual(name: str) -> Collection[str]:
    return [*OTHERS, *undeclared_methods(name)]


def owners_of(made: Town, name: str) -> list[dict[str, dict[str, object]]]:
    return [made.own, made.foreign] if name in made.own else [{}]


Wrong = tuple[str, str, str, str, bool, Answer, Answer | None]
"""Who in which state, address and method, whether the thing is their own, what was answered and what is right."""


def asked(
    whole: Stage, who: str, state: str, methods: Methods, only: Collection[str] = ()
) -> Iterator[tuple[str, str, bool, Answer]]:
    """What is answered to somebody in a state: address, method, whether the thing is their own, and the answer."""
    made, user = whole.made, whole.users[who]
    # By their numbers: what a suspended party offers stands in no list, and other tests may have counted proposals on.
    common = COMMON | {name: {"offer_id": made.city.offer} for name in OFFERED}
    common["proposal"] = {"number": Proposal.objects.earliest("pk").pk}
    with callers.taken_back(), callers.tabs_drawn_once():
        callers.bring_into(state, user, made.city)
        browser = Client(raise_request_exception=False)
        if user is not None:
            browser.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
            if state != "one-factor":
                stage.prove(browser)
            # The first use of a session is written down, and what is asked below leaves nothing behind.
            browser.get("/livez")
        cookies = dict(browser.cookies)
        for name in sorted(set(only) or addresses_of(state)):
            for owned in owners_of(made, name):
                for method in methods(name):
                    browser.cookies.clear()
                    browser.cookies.update(cookies)
                    arguments = common.get(name, {}) | owned.get(name, {})
                    given = ask(browser, name, method, arguments)
                    yield name, method, owned is not made.foreign, answers.told(given)


def right_answer(name: str, method: str, who: str, state: str, own: bool) -> Answer | None:
    """None where answers.csv lacks a line."""
    if expected(name, method, who, state):
        return (
            answers.to_who_may(name, method, answers.seen_as(who, state))
            if own
            else answers.about_another_s(name)
        )
    return answers.by_standing(name, method, who, state) or answers.to_who_may_not(
        name,
        method,
        signed_in=who != "stranger" and state != "closed",
        one_factor=state == "one-factor",
        has_right=who in ALLOWED.get(name, ()) and state != "role-ended",
    )


def wrong_of(
    whole: Stage, who: str, state: str, methods: Methods, only: Collection[str] = ()
) -> tuple[int, list[Wrong]]:
    """How many cells were tried, and those that are not answered as they should be, to the letter."""
    tried, found = 0, list[Wrong]()
    for name, method, own, answer in asked(whole, who, state, methods, only):
        tried += 1
        right = right_answer(name, method, who, state, own)
        if answer != right:
            found.append((who, state, name, method, own, answer, right))
    return tried, found


@pytest.mark.clause("P-8.4-c", "P-8.2-b")
@pytest.mark.parametrize("who", CALLERS)
@pytest.mark.parametrize(
    "methods", [declared, pytest.param(not_usual, marks=pytest.mark.slow)], ids=["usual", "others"]
)
def test_the_whole_matrix(whole: Stage, db: None, who: str, methods: Methods) -> None:
    """A role that ended and an account that was closed reach what a stranger reaches."""
    for state in states_of(who):
        nothing_wrong(whole, who, state, methods)


@pytest.mark.parametrize("who", ["stranger", PERSON, "entry"])
def test_a_method_that_is_not_declared_opens_no_address(whole: Stage, db: None, who: str) -> None:
    """To those of one standing each; to all of them in the larger tier."""
    nothing_wrong(whole, who, "live", undeclared_methods)


def nothing_wrong(whole: Stage, who: str, state: str, methods: Methods) -> None:
    tried, wrong = wrong_of(whole, who, state, methods)
    assert tried == sum(len(owners_of(whole.made, name)) * len(methods(name)) for name in addresses_of(state))
    assert not wrong, "\n".join(map(str, wrong))


def ask(browser: Client, name: str, method: str, given: dict[str, object]) -> object:
    values = {k: v for k, v in given.items() if k != "?"}
    if name in OFFERED and "offer_id" not in values:
        values["offer_id"] = offers.offers()[0].id
    path = reverse(name, kwargs=values) + (f"?{given['?']}" if "?" in given else "")
    with callers.taken_back():
        answer = browser.generic(method, path)
    assert answer.status_code < 500 or name == "readyz", (name, method, answer.status_code)
    return answer


def test_the_expectation_names_every_address_of_the_staff() -> None:
    assert set(ALLOWED) == {name for (name, _), line in gate.lines().items() if line.who == "staff"}


def test_fields_are_withheld_by_label(db: None) -> None:
    content, query = staff("content"), staff("query")
    values = {"parties": ["p"], "sums": {"x": 1}, "nobody-said-what-this-is": "secret"}
    assert rights.shown(content, "overview", values) == {
        "parties": ["p"],
        "sums": None,
        "nobody-said-what-this-is": None,
    }
    assert rights.shown(query, "overview", values)["sums"] == {"x": 1}
    assert rights.shown(query, "overview", values)["nobody-said-what-this-is"] is None
    assert not rights.may(AnonymousUser(), "view", "overview")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "word", ['"view"', '"internal"', '"operation"', "overview = ["], ids=["act", "label", "side", "thing"]
)
def test_a_typing_error_in_the_rights_is_refused(word: str) -> None:
    text = rights.Path(rights.__file__).with_name("rights.toml").read_text(encoding="utf-8")
    head, tail = text.split("[roles.system_admin]")
    with pytest.raises(ValueError, match="is not known"):
        rights.read(head + "[roles.system_admin]" + tail.replace(word, word.replace("e", "3", 1)))
