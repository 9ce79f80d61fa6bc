"""The static page lets a receipt pass where the command does, and nowhere else: kinds, recipes, and JSON read one way."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from playwright.sync_api import Browser, Page
from tests.bookkeeping import real_log
from tests.browser.test_receipt_page import FILE, check, receipt_of

from abate.bookkeeping import checkpoint, kinds, leaf
from abate.bookkeeping.kinds import RULES, EntryError, Kind
from abate.bookkeeping.leaf import LeafError
from abate.bookkeeping.receipt import Opening
from abate.bookkeeping.verify import verify_receipt

pytestmark = [pytest.mark.browser]


@pytest.fixture(scope="module")
def log() -> real_log.RealLog:
    return real_log.make(60)


@pytest.fixture(scope="module")
def page(chromium: Browser) -> Iterator[Page]:
    context = chromium.new_context(locale="zh-CN")
    opened = context.new_page()
    yield opened
    context.close()


def admitted(data: bytes) -> bool:
    try:
        public = leaf.decode(data)
        kinds.check(public.kind, public.carbon_mg, public.credits)
    except (LeafError, EntryError):
        return False
    return True


def test_a_leaf_that_its_kind_does_not_admit_is_refused_as_the_command_refuses_it(page: Page) -> None:
    """A signed leaf of a kind that is none, or of a release that gives a million credits, was told as verified."""
    page.goto(FILE)
    assert page.evaluate("Object.entries(RULES).map(([kind, [name]]) => [Number(kind), name])") == [
        [kind, Kind(kind).name.lower()] for kind in sorted(RULES)
    ]
    amounts = (-(10**6), 0, 10**6)
    leaves = [
        struct.pack(">Bhqqq", 1, kind, carbon, credits, at) + bytes(128)
        for kind in range(-1, 24)
        for carbon in amounts
        for credits in amounts
        for at in (0, 2**62)
    ]
    taken = page.evaluate(
        "all => all.map(bytes => { try { readLeaf(Uint8Array.from(bytes)); return true; } catch { return false; } })",
        [list(one) for one in leaves],
    )
    assert taken == [admitted(one) for one in leaves] and any(taken)


def signed_anew(log: real_log.RealLog, personal: str, **values: Any) -> dict[str, Any]:
    """The receipt of a log in which entry 5 is this one: every hash and signature right."""
    made = log.copy()
    opening = Opening(real_log.salt_of(5), personal)
    fields = {"carbon_mg": 0, "credits": 0, "at": real_log.START, **values}
    data = leaf.encode(leaf.Leaf(**fields, commitment=leaf.commitment(opening.salt, personal)))
    made.booked[5] = real_log.Booked(data, (opening, None, None))
    return receipt_of(made, 5)


def both(page: Page, document: dict[str, Any] | str, key: checkpoint.Key) -> tuple[bool, dict[str, str]]:
    """Whether the page lets it pass, as the command must, and the page's checks."""
    text = document if isinstance(document, str) else json.dumps(document, ensure_ascii=False)
    verdict, states = check(page, text, str(key))
    assert (verdict == "right") == verify_receipt(text, key).ok, (text, states)
    return verdict == "right", states


BOOKED = leaf.BookingPart("person-1", "hold", "order-7", 0, 0, 5)
NAMED = leaf.BookingPart("person-1", "release", f"{'ab' * 32} let go", 0, 0, -5)


def test_what_opens_any_kind_of_entry_is_held_against_its_leaf(page: Page, log: real_log.RealLog) -> None:
    """Of kinds other than award and redemption the page read nothing, and of these not the whole."""
    page.goto(FILE)
    hold = {"kind": Kind.HOLD, "cause": leaf.text_hash("order-7")}
    release = {"kind": Kind.RELEASE, "cause": bytes.fromhex("ab" * 32)}
    for part, values in ((BOOKED, hold), (NAMED, release)):
        told = leaf.personal_booking(part)
        passed, states = both(page, signed_anew(log, told, **values), log.key)
        assert passed and states["facts"] == "passed"
        for wrong in (
            leaf.personal_booking(replace(part, kind="expire")),
            leaf.personal_booking(replace(part, credits=1)),
            leaf.personal_booking(replace(part, cause="cd" * 32)),
            told.replace(",", ", "),
            told.replace('"person":', '"kind":"x","person":'),
            told.replace('"person-1"', r'"person\u002d1"'),
            leaf.personal_redeem("person-1", "order-7", 5),
        ):
            passed, states = both(page, signed_anew(log, wrong, **values), log.key)
            assert not passed and states["facts" if "facts" in states else "opening"] == "failed", wrong
    spent = {"kind": Kind.REDEEM, "credits": -5, "cause": leaf.text_hash("o")}
    told = leaf.personal_redeem("p", "o", 5)
    assert both(page, signed_anew(log, told, **spent), log.key)[0]
    for wrong in (
        told.replace("5}", '5,"more":1}'),
        told.replace("5}", "5.0}"),
        told.replace("{", '{"credits":9,'),
    ):
        assert not both(page, signed_anew(log, wrong, **spent), log.key)[0], wrong


def test_a_member_twice_and_half_a_sign_are_refused_as_the_command_refuses_them(
    page: Page, log: real_log.RealLog
) -> None:
    """The browser keeps the last of two members in silence, and puts another sign in the place of half of one."""
    page.goto(FILE)
    good = json.dumps(receipt_of(log, 37), ensure_ascii=False)
    assert both(page, good, log.key)[0]
    for wrong in (
        good.replace('"index": 37', '"index": 3, "index": 37'),
        good.replace('"index": 37', r'"inde\u0078": 3, "index": 37'),
        good.replace('"salt": ', '"salt": "", "salt": '),
        good.replace('"opening": {', '"opening": {"more": 1, '),
        good.replace('"floor": "standard"', '"floor": 5'),
        good.replace('"floor": "standard"', r'"floor": "\ud800"'),
        good.replace('"version": 1}', '"version": 1, "more": 2}'),
    ):
        assert wrong != good
        assert not both(page, wrong, log.key)[0], wrong
