"""What people agree to says how long their data are kept, and says it as the rules of retention do (PIPL article 17 (2))."""

from __future__ import annotations

import pytest

from abate.platform.config import fields
from abate.platform.ledger import keeping
from abate.platform.people import consents

pytestmark = [pytest.mark.platform, pytest.mark.django_db]
ABOUT = ("people", "children", "groups", "sharing")
_ACCOUNT = {
    "people_person": "erasure",
    "people_authorisation": "unnamed",
    "ledger_entry": "unnamed",
    "log_leaf": "unnamed",
    "carbon_kept": 1095,
    "notices_notice": 90,
    "review_audit": 1098,
}
_IDENTITY = {"people_identity": "erasure", "people_former": "erasure", "people_recovery": 60}
_GROUP = {"people_member": "unnamed", "people_invitation": 30}
STATED = {
    ("people", "account"): _ACCOUNT,
    ("people", "identity"): _IDENTITY,
    ("children", "account"): _ACCOUNT,
    ("children", "identity"): _IDENTITY,
    ("groups", "household"): _GROUP,
    ("groups", "organisation"): _GROUP,
    ("sharing", "share"): {"people_consent": "unnamed", "sharing_told": "unnamed"},
}
"""About and purpose -> the tables whose rules the sentence tells, each with its rule or, where something goes by age, days."""


def _rule(table: fields.Table) -> str | int:
    aged = table.clear or table.drop
    return aged[1] if aged else table.keep


def test_each_purpose_in_force_says_how_long_as_the_rules_do() -> None:
    told = {(about, one.name): one for about in ABOUT for one in consents.current(about).purposes}
    assert told.keys() == STATED.keys()
    tables = fields.tables()
    for key, rules in STATED.items():
        zh, en = told[key].kept
        assert {name: _rule(tables[name]) for name in rules} == rules, (
            "a new rule is a new version of the notice"
        )
        for days in (one for one in rules.values() if isinstance(one, int)):
            assert f" {days} 天" in zh and f" {days}" in en, (key, days)
        assert "注销" in zh and "clos" in en, key


def test_every_notice_has_a_version_that_says_it() -> None:
    says = {name for name, one in consents.notices().items() if all(all(each.kept) for each in one.purposes)}
    assert says >= {"2026-11-22", "children-2026-11-22", "groups-2026-11-22", "sharing-2026-11-22"}


def test_a_child_s_notice_says_when_an_account_that_nobody_took_over_goes() -> None:
    zh, en = next(one.kept for one in consents.current("children").purposes if one.name == "account")
    assert f" {keeping.UNCLAIMED.days} 天" in zh and f" {keeping.UNCLAIMED.days} days" in en


def test_beside_an_authorisation_stands_how_long_a_record_is_kept() -> None:
    for about in ("people", "children"):
        beside = consents.current(about).authorising
        days = fields.tables()["carbon_kept"].drop
        assert days and [zh for zh, en in beside if f" {days[1]} 天" in zh and f" {days[1]} days" in en], (
            about
        )


def test_what_was_shown_before_is_still_told_as_it_was() -> None:
    before = consents.notices()["2026-11"]
    assert [one.kept for one in before.purposes] == [("", "")] * 2
    assert [one.name for one in before.purposes] == [one.name for one in consents.current().purposes]
