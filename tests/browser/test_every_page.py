"""Every page, in both languages, on a phone and on a desk, light and dark: fits, can be read, can be hit."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import timedelta
from typing import Literal
from unittest.mock import patch
from uuid import uuid4

import pytest
from django.test import override_settings
from tests.browser import looks
from tests.browser.conftest import Visitor
from tests.platform.joining import applicants
from tests.platform.web import city as stage

from abate.demo import desk
from abate.platform.carbon import basis
from abate.platform.doors import clock
from abate.platform.incentives import actions as incentives
from abate.platform.joining import actions as joining
from abate.platform.joining import handing, mending, noticing
from abate.platform.joining.models import Application
from abate.platform.log import actions as log
from abate.platform.parties import actions
from abate.platform.parties.models import Party
from abate.platform.reconciliation import actions as reconciliation
from abate.platform.review import proposing
from abate.platform.review.models import Opening, User

pytestmark = [pytest.mark.browser, pytest.mark.platform]
LANGUAGES = {"zh": "zh-CN", "en": "en-GB"}
WAYS: tuple[tuple[int, tuple[Literal["light", "dark"], ...]], ...] = (
    (360, ("dark", "light")),
    (1440, ("light",)),
)
SEEN = "[document.documentElement.clientWidth, matchMedia('(prefers-color-scheme: dark)').matches]"
SIZES = [(width, language) for language in LANGUAGES for width in (1440, 360)]


def look(window: Visitor, name: str, shots: str | None) -> None:
    """Take the picture where one is wanted, and note what is wrong with the page."""
    page = window.page
    page.wait_for_load_state("load")
    if shots:
        page.screenshot(path=f"{shots}/{name}.png", full_page=True)
    seen = looks.at_once(page)
    faults = [f"faint: {text}" for text in seen["faint"]] + [f"small: {text}" for text in seen["small"]]
    if seen["overflow"]:
        faults.append(f"scrolls sideways by {seen['overflow']}")
    if (seen["h1"], seen["main"]) != (1, 1):
        faults.append("needs one h1 and one main")
    if seen["lang"] == "en":
        text = seen["text"].replace("中文", "").replace("碳普惠", "")
        faults += [f"Chinese in English: {found}" for found in re.findall(r"[\u4e00-\u9fff]+", text)]
    window.complaints += [f"{name}: {fault}" for fault in faults]


def look_every_way(window: Visitor, name: str, shots: str | None) -> None:
    """The page that is open, on a phone, on a phone in the dark, and on a desk: it need not be opened three times."""
    own = window.page.viewport_size
    assert own is not None
    for width, schemes in WAYS:
        window.page.set_viewport_size({"width": width, "height": own["height"]})
        for scheme in schemes:
            # Colours change at once: what fades in is not looked at half way.
            window.page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            assert window.page.evaluate(SEEN) == [width, scheme == "dark"]
            look(window, f"{width}-{scheme}-{name}", shots)
    window.page.set_viewport_size(own)


class Everywhere:
    """Windows of some users, each on a phone and on a desk in both languages: windows[360, "en", name]."""

    def __init__(self, visit: Callable[..., Visitor], shots: str | None, **users: User) -> None:
        self._names, self._shots = tuple(users), shots
        self.windows = {}
        for width, language in SIZES:
            for name, user in users.items():
                window = self.windows[width, language, name] = visit(width, LANGUAGES[language])
                window.sign_in(user)

    def look(self, name: str, path: str, tag: str) -> None:
        """Open a page in all windows of one of them, and look at it."""
        for width, language in SIZES:
            window = self.windows[width, language, name]
            assert window.go(path) == 200
            look(window, f"{width}-{language}-{tag}", self._shots)

    def complaints(self) -> list[str]:
        """What was wrong with any page; that a refusal was refused is no fault of it."""
        said = [one for window in self.windows.values() for one in window.complaints]
        return [one for one in said if "the server responded with" not in one]

    def phones(self) -> tuple[Visitor, ...]:
        """The English phone of each, in the order given."""
        return tuple(self.windows[360, "en", name] for name in self._names)


def walk_person(window: Visitor, city: stage.City, tag: str, shots: str | None) -> None:
    window.sign_in(city.person.user)
    paths = [
        "/",
        "/feed",
        "/entries",
        "/statement",
        "/offers",
        f"/offers/{city.offer}",
        "/codes",
        "/authorisations",
        "/notices",
    ]
    for path in [*paths, "/authorise/sample-app"]:
        assert window.go(path) == 200
        look_every_way(
            window,
            f"{tag}-{path.strip('/').split('/')[0] or 'home'}{'-one' if 'offers/' in path else ''}",
            shots,
        )
    # One behaviour of each kind of state.
    for tone in ("good", "part", "wait", "none"):
        window.go("/feed")
        href = window.page.locator(f".line > .{tone} a.stop").last.get_attribute("href")
        assert window.go(href or "") == 200
        look_every_way(window, f"{tag}-why-{tone}", shots)
    window.go("/codes")
    hrefs = [link.get_attribute("href") for link in window.page.locator("a.ticket").all()]
    for place, href in enumerate(hrefs):
        assert window.go(href or "") == 200
        look_every_way(window, f"{tag}-code-{place}", shots)
    window.go("/entries")
    href = window.page.locator("a.stop").first.get_attribute("href")
    window.go(href or "")
    look_every_way(window, f"{tag}-spent", shots)
    assert window.go("/nowhere") == 404
    look_every_way(window, f"{tag}-404", shots)
    assert window.go("/operator") == 403
    look_every_way(window, f"{tag}-403", shots)


def walk_joining(visitor: Callable[[], Visitor], tag: str, shots: str | None) -> None:
    """The public form, an applicant's page empty and full, and the console with what it decides and tells."""
    waiting = applicants.submitted(code="made-up-waiting", contact_name="The clerk")
    with patch.object(desk, "WHY", "set-up of a sample"):
        party = applicants.admitted(registration=applicants.registration(2), contact_name="The clerk")
    mended = applicants.draft(code="made-up-mended", registration=applicants.registration(3))
    noticing.open_notice(party, "Late events", "Since Monday.", clock.today() + timedelta(days=3), None)
    returned, one, number = mended_and_asked(party)
    for user, name, path in (
        (mended.user, "draft", "/joining"),
        (one.user, "trial", "/joining"),
        (one.user, "contact", "/joining/contact"),
        (returned.user, "returned", "/joining"),
        (returned.user, "mend", "/joining/mend"),
    ):
        window = visitor()
        window.sign_in(user)
        assert window.go(path) == 200
        window.page.locator("details").evaluate_all("all => all.forEach(one => (one.open = true))")
        look_every_way(window, f"{tag}-joining-{name}", shots)
    window = visitor()
    assert window.go("/join") == 200
    look_every_way(window, f"{tag}-join", shots)
    window.sign_in(applicants.reviewer())
    month = f"/operator/standing?month={clock.today():%Y-%m}"
    for path, name in (
        ("/operator/applications?all=1", "applications"),
        (f"/operator/applications/{waiting.pk}", "applications-one"),
        (f"/operator/applications/{returned.pk}", "applications-mended"),
        (f"/operator/applications/{one.pk}", "applications-asked"),
        (f"/operator/proposals/{number}", "proposal-contact"),
        (month, "standing"),
    ):
        assert window.go(path) == 200
        window.page.locator("details").evaluate_all("all => all.forEach(one => (one.open = true))")
        look_every_way(window, f"{tag}-{name}", shots)


def mended_and_asked(party: Party) -> tuple[Application, Application, int]:
    """An application that was returned and mended, and one whose contact asks for another, as a proposal of this number says."""
    given = replace(
        applicants.PARTICULARS,
        code="made-up-returned",
        registration=applicants.registration(4),
        title_zh="Made-up Rides",
        contact_name="The clerk",
    )
    returned = applicants.submitted(**asdict(given))
    joining.send_back(returned, "The name is not the licence's.", applicants.reviewer())
    mending.mend(returned, replace(given, title_en="Mended Rides"), basis.catalogue().methods)
    one = Application.objects.get(party=party)
    asked = handing.ask(one, one.user, "The next clerk", "next@example.org")
    about = {"application": str(one.pk), "contact": bytes(asked.reach).hex(), "request": asked.pk}
    entry = desk.staffed()["entry"]
    return returned, one, proposing.propose(entry, "party.contact", about, "letter of Monday").pk


@pytest.mark.clause("P-4.2", "P-6.1-a")
@pytest.mark.parametrize(
    ("width", "language"),
    [
        (360, "zh"),
        (1440, "en"),
        pytest.param(1440, "zh", marks=pytest.mark.slow),
        pytest.param(360, "en", marks=pytest.mark.slow),
    ],
)
def test_every_page(city, visit, shots, width: int, language: str) -> None:
    windows: list[Visitor] = []

    def visitor() -> Visitor:
        windows.append(visit(width, LANGUAGES[language]))
        return windows[-1]

    stage.book_every_outcome(city.partner, city.person)
    log.sequence()
    codes = [incentives.redeem(city.person, city.offer, uuid4()) for _ in range(2)]
    incentives.burn(city.cashier, codes[0].text)
    for party, file in (
        (city.partner, b"event\nnever-came\nmeeting-1\n"),
        (city.cafe, b"code\nABCD-EFGH-JKMN\n"),
    ):
        reconciliation.compare(party, clock.today() - timedelta(days=1), file, "csv", via="file")
    tag = f"from-{width}-{language}"
    with override_settings(ABATE_DEMO=True):
        window = visitor()
        for path, name in (
            ("/", "welcome"),
            ("/sign-in", "sign-in"),
            ("/sign-in/lost", "lost"),
            ("/sign-in/link/abc", "link"),
        ):
            assert window.go(path) == 200
            look_every_way(window, f"{tag}-{name}", shots)
        walk_person(window, city, tag, shots)
        window = visitor()
        window.sign_in(city.cashier)
        look_every_way(window, f"{tag}-acceptor", shots)
        window.page.fill("#code", "ABCD-EFGH-JKMN")
        window.page.locator("main button:not([name])").click()
        look_every_way(window, f"{tag}-acceptor-unknown", shots)
        window = visitor()
        window.sign_in(city.operator)
        look_every_way(window, f"{tag}-operator", shots)
        assert window.go("/operator/requests") == 200
        look_every_way(window, f"{tag}-requests", shots)
        actions.issue_client(city.partner, label="a server", addresses=["192.0.2.0/24", "2001:db8::/32"])
        assert window.go("/operator/keys") == 200
        look_every_way(window, f"{tag}-keys", shots)
        assert window.go("/operator/breaks") == 200
        for act in window.page.locator("details summary").all():
            act.click()
        look_every_way(window, f"{tag}-breaks", shots)
        walk_joining(visitor, tag, shots)
        window = visitor()
        window.sign_in(city.stranger.user)
        for path in ("/", "/feed", "/entries", "/statement", "/codes", "/privacy"):
            assert window.go(path) == 200
            look_every_way(window, f"{tag}-empty-{path.strip('/') or 'home'}", shots)
    Opening.objects.all().delete()
    window = visitor()
    assert window.go("/") == 200
    look_every_way(window, f"{tag}-fresh", shots)
    # A page that is refused is an error to the console; nothing else may be.
    found = [one for window in windows for one in window.complaints if "the server responded with" not in one]
    assert found == [], "\n".join(found)


@pytest.mark.clause("P-6.1-a")
def test_large_type_fits_a_phone(city, visit) -> None:
    """Twice the type size, as somebody with weak eyes sets it: nothing runs out of the window."""
    stage.book_every_outcome(city.partner, city.person)
    code = incentives.redeem(city.person, city.offer, uuid4())
    window = visit(360, "en-GB")
    window.sign_in(city.person.user)
    for path in ("/", "/feed", f"/entries/{code.entry_id - 1}", f"/offers/{city.offer}", f"/codes/{code.id}"):
        assert window.go(path) == 200
        window.page.evaluate("document.documentElement.style.fontSize = '200%'")
        assert looks.wide(window.page) == [], path


def test_the_checks_see_what_is_planted(city, visit) -> None:
    """A faint text, a small button and a wide box are found."""
    window = visit(360, "en-GB")
    window.go("/")
    assert (looks.faint(window.page), looks.small(window.page), looks.overflow(window.page)) == ([], [], 0)
    plant = """const main = document.querySelector('main');
        main.insertAdjacentHTML('beforeend', '<p id=f>faint</p><button>x</button>');
        const faint = document.querySelector('#f');
        faint.style.color = '#999';
        faint.style.width = '500px'"""
    window.page.evaluate(plant)
    assert len(looks.faint(window.page)) == 1 and len(looks.small(window.page)) == 1
    assert looks.overflow(window.page) > 0
    seen = looks.at_once(window.page)
    assert (len(seen["faint"]), len(seen["small"]), seen["overflow"] > 0) == (1, 1, True)
    window.page.evaluate("document.body.append(document.createElement('main'), document.createElement('h1'))")
    assert [looks.at_once(window.page)[one] for one in ("h1", "main")] == [2, 2]


def test_a_fault_of_one_width_or_of_the_dark_is_found_from_any_window(city, visit) -> None:
    """What is faint in the dark only, and what is too wide for a phone only."""
    window = visit(1440, "en-GB")
    window.go("/")
    look_every_way(window, "sound", None)
    assert window.complaints == []
    window.page.evaluate("""() => {
        const sheet = new CSSStyleSheet();
        sheet.replaceSync(`@media (prefers-color-scheme: dark) { #f { color: #333; } }
                           @media (max-width: 400px) { #w { width: 500px; } }`);
        document.adoptedStyleSheets.push(sheet);
        document.querySelector('main').insertAdjacentHTML('beforeend', '<p id=f>faint</p><div id=w>wide</div>'); }""")
    look_every_way(window, "planted", None)
    told = {tuple(one.split(" ")[:2]) for one in window.complaints}
    assert told == {
        ("360-dark-planted:", "faint:"),
        ("360-dark-planted:", "scrolls"),
        ("360-light-planted:", "scrolls"),
    }
    assert window.page.viewport_size == {"width": 1440, "height": 800}
