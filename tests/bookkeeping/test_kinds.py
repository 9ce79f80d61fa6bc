"""No unbalanced and no wrongly signed entry can be built; codes never move."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abate.bookkeeping.kinds import RULES, Counter, Entry, EntryError, Kind, check

AMOUNT = st.one_of(st.integers(-(2**63), 2**63 - 1), st.sampled_from([-1, 0, 1]))


def test_codes_are_for_ever() -> None:
    assert {kind.name.lower(): kind.value for kind in Kind} == {
        "award": 1,
        "convert": 2,
        "redeem": 3,
        "cancel": 4,
        "expire": 5,
        "transfer": 6,
        "hold": 7,
        "settle": 8,
        "release": 9,
        "reverse": 10,
        "adjust": 11,
        "exchange_out": 12,
        "exchange_in": 13,
        "retire": 14,
        "erased": 15,
        "uncollected": 16,
        "collect": 17,
        "lapse": 18,
        "decided": 19,
        "audited": 20,
        "restore": 21,
    }
    assert {counter.name.lower(): counter.value for counter in Counter} == {
        "none": 0,
        "issuance": 1,
        "cancellation": 2,
        "expiry": 3,
        "clearing": 4,
        "exchange": 5,
        "correction": 6,
        "retirement": 7,
    }


def test_the_page_of_the_formats_tells_every_kind_as_it_is() -> None:
    """It told half of the kinds as not in use: who wrote a verifier by it refused a reversal's good receipt."""
    page = (Path(__file__).parents[2] / "docs/reference/log-format.md").read_text(encoding="utf-8")
    table = page.partition("### Entry kinds\n\n")[2].partition("\n\n")[0]
    signs = {"≥ 0": ">= 0", "≤ 0": "<= 0", "≠ 0": "other than 0"}
    rows = [re.split(r" *\| *", line)[1:-1] for line in table.splitlines()[2:]]
    told = [(row[0], row[1], *(signs.get(sign, sign) for sign in row[2:4]), row[4]) for row in rows]
    assert told == [
        (str(kind.value), kind.name.lower(), rule.carbon.value, rule.credits.value,
         f"{rule.counter.value} {rule.counter.name.lower()}")
        for kind, rule in sorted(RULES.items())
    ]  # fmt: skip


@given(st.sampled_from(sorted(Kind)), AMOUNT, AMOUNT)
def test_an_entry_is_balanced_or_is_not(kind: Kind, carbon: int, credits: int) -> None:
    try:
        entry = Entry(kind, carbon, credits)
    except EntryError:
        return
    assert [a + b for a, b in zip(entry.person_side, entry.counter_side, strict=True)] == [0, 0]
    assert entry.counter is RULES[kind].counter
    assert (entry.counter is Counter.NONE) == (entry.person_side == (0, 0))
    # What only receives never gives: a person's credits never rise against cancellation or expiry.
    if entry.counter in {Counter.CANCELLATION, Counter.EXPIRY}:
        assert entry.counter_side[1] > 0
    if entry.counter is Counter.RETIREMENT:
        assert entry.counter_side[0] > 0


@pytest.mark.parametrize(
    ("kind", "carbon", "credits", "code"),
    [
        (Kind.AWARD, 0, 0, "wrong-sign"),
        (Kind.AWARD, -1, 0, "wrong-sign"),
        (Kind.AWARD, 5, -1, "wrong-sign"),
        (Kind.REDEEM, 0, 1, "wrong-sign"),
        (Kind.REDEEM, 0, 0, "wrong-sign"),
        (Kind.REDEEM, -1, -1, "wrong-sign"),
        (Kind.EXCHANGE_IN, 0, -1, "wrong-sign"),
        (Kind.ERASED, 0, 1, "wrong-sign"),
        (Kind.AWARD, 2**63, 0, "not-an-amount"),
        (Kind.AWARD, 1.0, 0, "not-an-amount"),
        (Kind.AWARD, True, 0, "not-an-amount"),
        (Kind.HOLD, 0, -1, "wrong-sign"),
        (Kind.REVERSE, 1, 0, "wrong-sign"),
        (Kind.REVERSE, 0, 0, "moves-nothing"),
        (Kind.ADJUST, 0, 0, "wrong-sign"),
        (Kind.RETIRE, 0, -1, "wrong-sign"),
        (Kind.CONVERT, 0, 1, "kind-not-in-use"),
        (99, 1, 0, "unknown-kind"),
    ],
)
def test_what_no_entry_may_be(kind: Kind, carbon: int, credits: int, code: str) -> None:
    with pytest.raises(EntryError) as seen:
        Entry(kind, carbon, credits)
    assert seen.value.code == code


def test_the_two_kinds_of_the_main_path() -> None:
    assert Entry(Kind.AWARD, 250_000, 250).counter_side == (-250_000, -250)
    assert Entry(Kind.AWARD, 999).counter is Counter.ISSUANCE
    assert Entry(Kind.REDEEM, credits=-20).counter is Counter.CANCELLATION
    assert check(3, 0, -20).counter is Counter.CANCELLATION
