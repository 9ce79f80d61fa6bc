"""The list of fields: nothing without purpose and label, clearing by rule, who a breach concerns."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client
from tests.platform.web import city as stage

from abate.platform.config import fields
from abate.platform.doors import clock
from abate.platform.notices import actions as notices
from abate.platform.notices.models import Delivery, Notice
from abate.platform.people import actions as people
from abate.platform.people.models import Code, Recovery
from abate.platform.signin import actions as signin
from abate.platform.signin.models import Try

pytestmark = [pytest.mark.platform, pytest.mark.django_db]


@pytest.fixture
def city(db: None) -> stage.City:
    return stage.build()


@pytest.mark.clause("P-8.4-b")
def test_every_column_has_a_purpose_and_a_label() -> None:
    real = fields.actual()
    assert len(real) > 50
    assert fields.missing(real) == [], "say what it is for in src/abate/platform/config/fields.toml"


def test_a_column_without_them_would_be_found() -> None:
    real = fields.actual()
    real["people_person"] = real["people_person"] | {"shoe_size"}
    real["planted"] = {"id"}
    assert fields.missing(real) == ["people_person.shoe_size", "planted.id"]


def test_every_column_of_the_database_is_there_too() -> None:
    """Also of a table that no model describes; a partition is its table's."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select c.table_name || '.' || c.column_name from information_schema.columns c"
            " join pg_class t on t.relname = c.table_name and not t.relispartition and t.relkind in ('r', 'p')"
            " where c.table_schema = 'public' and c.table_name <> 'django_migrations'"
        )
        there = {name for (name,) in cursor.fetchall()}
    assert there == {f"{name}.{column}" for name, one in fields.tables().items() for column in one.labels}


def test_every_personal_field_has_a_kind_in_words() -> None:
    """As a notice of an incident calls it (PIPL article 57): all are said, and nothing that is not there."""
    said = [place for one in fields._told()["kinds"].values() for place in one["of"].split()]
    own = {
        name: [column for column, label in one.labels.items() if label in fields.LABELS[2:]]
        for name, one in fields.tables().items()
    }
    columns = {f"{name}.{column}" for name, some in own.items() for column in some}
    assert len(said) == len(set(said)) and all(place in columns or own.get(place) for place in said)
    for column in sorted(columns):
        ((zh, en),) = fields.kinds([column])
        assert zh and en and "_" not in zh + en
    assert fields.kinds(["people_contact.kind", "people_person.contact_enc"]) == [("联系方式", "contacts")]
    # Whose a seat is, by the number of their document: no paper of a party's.
    assert fields.kinds(["parties_till.human"]) == [("姓名和证件号", "name and identity number")]
    assert fields.kinds(["parties_till.name"]) != fields.kinds(["parties_till.human"])
    with pytest.raises(KeyError):
        fields.kinds(["planted.id"])


def test_what_names_somebody_is_labelled_sensitive() -> None:
    told = fields.tables()
    assert {told["people_person"].labels[c] for c in ("identity_enc", "contact_enc")} == {"sensitive"}


@pytest.mark.clause("P-8.4-b")
def test_what_has_had_its_time_is_cleared_and_nothing_else(city: stage.City) -> None:
    people.request_code(city.contact)
    signin.count_try("somebody", "192.0.2.1")
    entries = stage.book_every_outcome(city.partner, city.person)
    before = len(entries)
    assert fields.retain()["people_code"] == 0
    with clock.frozen(clock.now() + timedelta(days=2)):
        cleared = fields.retain()
    assert cleared["people_code"] == cleared["signin_try"] == 1
    assert not Code.objects.exists() and not Try.objects.exists() and not Session.objects.exists()
    assert before and city.person.pk in fields.breach(["ledger_entry"]).people


@pytest.mark.clause("P-8.4-b")
def test_a_breach_concerns_whose_rows_leaked(city: stage.City) -> None:
    stage.book_every_outcome(city.partner, city.person)
    told = fields.breach(["ledger_entry"])
    assert told.people == [city.person.pk] and told.erased == 0
    assert "ledger_entry.record" in told.fields["personal"] and told.fields["sensitive"] == []
    everybody = fields.breach(["people_person", "log_tile"])
    assert everybody.people == sorted([city.person.pk, city.stranger.pk])
    assert "people_person.identity_enc" in everybody.fields["sensitive"]
    people.destroy(city.stranger)
    left = fields.breach(["people_person"])
    assert (left.people, left.erased) == ([city.person.pk], 1)
    assert fields.breach(["log_tile"]).people == []
    with pytest.raises(fields.TableUnknown):
        fields.breach(["people_person; drop table people_person"])


def test_every_table_with_personal_fields_says_whose_its_rows_are() -> None:
    assert fields.unfindable() == [], "say `people` of it in src/abate/platform/config/fields.toml"


@pytest.mark.clause("P-8.4-b")
def test_a_leak_of_what_is_kept_by_person_shows_something_of_them() -> None:
    """A notice that counts people and names no kind of data would tell them nothing (PIPL article 57)."""
    by_person = {one.name for one in fields.tables().values() if {"person_id", "child_id"} & set(one.labels)}
    assert by_person > {"sharing_told", "ledger_draw"}
    assert [name for name in sorted(by_person) if not fields.tables()[name].personal] == []


def test_a_table_that_does_not_would_be_found(monkeypatch: pytest.MonkeyPatch) -> None:
    told = fields.tables()
    planted = fields.Table("people_shoe", "account", "standing", None, {"id": "internal", "size": "personal"})
    plain = fields.Table("people_last", "account", "standing", None, {"id": "internal", "size": "internal"})
    monkeypatch.setattr(fields, "tables", lambda: told | {"people_shoe": planted, "people_last": plain})
    assert fields.unfindable() == ["people_shoe"]
    with pytest.raises(ValueError, match="people_shoe"):
        fields.breach(["people_shoe"])


@pytest.mark.clause("P-8.4-b")
def test_no_table_with_personal_fields_concerns_nobody_without_saying_why(city: stage.City) -> None:
    """Each of them by itself: whose its rows are is found, or it is everybody, or it says why no account holder's."""
    everybody = sorted([city.person.pk, city.stranger.pk])
    for name, table in fields.tables().items():
        if table.personal:
            told = fields.breach([name])
            assert not told.unknown or told.people == everybody, name
            assert not (told.unknown and told.others), name
    for name in (
        "people_code",
        "review_audit",
        "parties_message",
        "parties_answer",
        "events_refusal",
        "reconciliation_break",
    ):
        assert fields.breach([name]).unknown == [name]
    assert fields.breach(["joining_document"]).others.keys() == {"joining_document"}
    # Beside a table of which nothing is known, what others know makes it no fewer.
    assert fields.breach(["people_contact", "signin_try"]).people == everybody


@pytest.mark.clause("P-8.4-b")
def test_whose_rows_are_is_found_by_the_way_that_a_table_names(city: stage.City) -> None:
    browser = Client()
    browser.force_login(city.person.user, backend="django.contrib.auth.backends.ModelBackend")
    browser.get("/")
    notices.write([city.person.user.pk], "sign-in.link")
    (notice,) = Notice.objects.filter(user=city.person.user, kind="sign-in.link")
    now = clock.now()
    Delivery.objects.create(notice=notice, made_at=now, channel="email", place="x", to_enc=b"x", next_at=now)
    for name in ("django_session", "notices_delivery"):
        told = fields.breach([name])
        assert (told.people, told.unknown) == ([city.person.pk], []), name
    people_of_all = fields.breach(["review_user"]).people
    assert people_of_all == sorted([city.person.pk, city.stranger.pk])


@pytest.mark.clause("P-8.4-b")
def test_a_recovery_that_fits_no_account_leaves_the_others_found(city: stage.City) -> None:
    now, empty = clock.now(), {"name_hmac": b"n", "contact_hmac": b"c", "contact_enc": b"", "code_enc": b""}
    for person in (city.person, None):
        Recovery.objects.create(identity_hmac=b"i", how="code", asked_at=now, person=person, **empty)
    assert fields.breach(["people_recovery"]).people == [city.person.pk]


def test_the_record_names_every_table_once() -> None:
    text = fields.record()
    assert all(text.count(f"| {name} |") == 1 for name in fields.tables())
