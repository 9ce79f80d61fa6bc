"""The privacy centre: a copy of everything, requests that reach the operator, leaving, and nobody else's."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import re
import zipfile
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.utils import translation
from pypdf import PdfReader
from tests.platform.web import city as stage
from tests.platform.web.one_city import built as built
from tests.platform.web.one_city import city as city

from abate.bookkeeping.kinds import Kind
from abate.platform.anomalies import queries as anomalies
from abate.platform.carbon import queries as carbon
from abate.platform.config import fields
from abate.platform.doors import clock
from abate.platform.events import sources
from abate.platform.incentives import actions as incentives
from abate.platform.incentives.queries import CodeRow
from abate.platform.ledger import queries as ledger
from abate.platform.log import actions as log
from abate.platform.log.models import Leaf, Reading
from abate.platform.notices import queries as notices
from abate.platform.notices.models import Incident
from abate.platform.people import children, correcting, groups, queries, requests
from abate.platform.people.models import Person
from abate.platform.quarantine import queries as quarantine
from abate.platform.review import actions as review
from abate.platform.review import audit
from abate.platform.review.models import Audit, User
from abate.platform.signin import factors
from abate.platform.web import amounts, own_data, own_data_words, readers, story
from abate.platform.web.pages import privacy
from abate.platform.web.wording import pick

pytestmark = [pytest.mark.platform, pytest.mark.django_db]


@pytest.fixture
def lived(city: stage.City) -> stage.City:
    stage.book_every_outcome(city.partner, city.person)
    stage.send(city.partner, [stage.meeting(city.partner, city.stranger, "not-mine", clock.now())])
    log.sequence()
    return city


@pytest.mark.clause("P-8.4-b")
def test_the_copy_holds_everything_and_nobody_elses(lived: stage.City, enter) -> None:
    requests.ask(lived.person, "correction", "=1+1 名字")
    code = incentives.redeem(lived.person, lived.offer, uuid4())
    browser = enter(lived.person.user)
    told = json.loads(browser.get("/privacy/copy.json").content)
    identity, contacts = queries.own_copy(lived.person)
    (account,) = told["account"]
    assert account["number"] == identity["number"] and told["contacts"] == contacts
    assert account["credits"] == ledger.balance(lived.person.pk).credits
    assert {one["id"] for one in told["entries"]} == {
        one.id for one in ledger.entries(lived.person.pk, limit=500)
    }
    assert len(told["behaviours"]) == 8 and all(json.loads(one["record"]) for one in told["behaviours"])
    assert [(one["text"], one["offer_zh"]) for one in told["codes"]] == [(code.text, "示例咖啡券")]
    assert len(told["authorisations"]) == 3 and told["requests"][0]["text"] == "=1+1 名字"
    text = json.dumps(told)
    assert "not-mine" not in text and str(queries.own_copy(lived.stranger)[0]["number"]) not in text

    with zipfile.ZipFile(io.BytesIO(browser.get("/privacy/copy.zip").content)) as files:
        tables = {name: files.read(name).decode("utf-8-sig") for name in files.namelist()}
    assert set(tables) == {f"{name}.csv" for name, rows in told.items() if isinstance(rows, list)}
    rows = list(csv.DictReader(io.StringIO(tables["requests.csv"])))
    assert rows[0]["text"] == "'=1+1 名字", "a spreadsheet would run it"
    assert len(list(csv.DictReader(io.StringIO(tables["entries.csv"])))) == len(told["entries"])


def test_the_copy_on_paper_carries_the_json(lived: stage.City, enter) -> None:
    answer = enter(lived.person.user).get("/privacy/copy.pdf")
    assert answer.status_code == 200, "this machine has no Chinese font (Debian: fonts-noto-cjk)"
    paper = PdfReader(io.BytesIO(answer.content))
    (attached,) = paper.attachments["own-data.json"]
    assert json.loads(attached)["format"] == own_data.FORMAT
    text = "".join(page.extract_text() for page in paper.pages)
    assert queries.own_copy(lived.person)[0]["number"] in text


@pytest.mark.clause("P-8.4-b")
@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_the_copy_on_paper_is_told_in_words(lived: stage.City, language: str) -> None:
    """Fields by their names, amounts with units, moments in the platform's zone; texts in the language of the paper."""
    requests.ask(lived.person, "correction", "x")
    incentives.redeem(lived.person, lived.offer, uuid4())
    own = audit.Actor(lived.person.user.handle, "page", "person", lived.person.user_id)
    with audit.acting(lambda: own):
        told = own_data.gather(lived.person)
    tables = {name: rows for name, rows in told.items() if isinstance(rows, list)}
    with translation.override(language):
        teller = own_data_words.Teller.now()
        found = {name: [dict(teller.pairs(name, row)) for row in rows] for name, rows in tables.items()}
        label = own_data_words.label
        (account,), behaviour, entry = found["account"], found["behaviours"][0], found["entries"][0]
        opened = amounts.stamp(lived.person.created_at)
        grams = amounts.grams(ledger.balance(lived.person.pk).carbon_mg)
        assert account[label("opened_at")] == opened and account[label("carbon_mg")] == f"{grams} gCO₂e"
        assert behaviour[label("behaviour")].startswith(story.title_of(tables["behaviours"][0]["behaviour"]))
        assert entry[label("kind")] == story.name_of(Kind[tables["entries"][0]["kind"].upper()])
        assert found["requests"][0][label("kind")] == pick(own_data_words.REQUESTS["correction"])
        chinese = language != "en"
        (code,), opened_by = found["codes"], found["opened_by_others"][0]
        assert code[label("offer")] == pick((tables["codes"][0]["offer_zh"], tables["codes"][0]["offer_en"]))
        assert opened_by[label("field")] == pick(readers.OPENED["person.incentive-code"][0])
        assert found["account"][0][label("made_up")] == ("是" if chinese else "yes")
        assert bool(re.search("[一-鿿]", "".join(account))) is chinese
        assert found["authorisations"] and not any(
            key.endswith(("_zh", "_en")) for rows in found.values() for row in rows for key in row
        )
        behaviour["long"] = teller.pairs("behaviours", {"record": json.dumps({"note": "x" * 900})})[0][1]
    # Nothing runs out of the page.
    assert max(len(word) for word in re.split(r"[\s\u200b]", behaviour["long"])) <= 65
    assert "T" not in opened and all("T00" not in text for text in account.values())


def test_every_field_of_the_copy_has_a_name() -> None:
    """Those that the tables are made of: a new one is told by a word, not by the name of a column."""
    rows = (
        correcting.FormerIdentity,
        queries.AuthorisationRow,
        groups.MemberRow,
        children.ChildRow,
        carbon.Behaviour,
        carbon.Withdrawn,
        carbon.Superseded,
        ledger.EntryRow,
        CodeRow,
        anomalies.CaseRow,
        quarantine.OwnRow,
        requests.RequestRow,
        factors.Factor,
        notices.BrowserRow,
        sources.SourceRow,
    )
    left_out = own_data._LEFT_OUT | {"counter", "listed", "decided_by", "ended_by", "code"}
    left_out |= own_data_words.UNTOLD
    names = {
        re.sub("_(zh|en)$", "", field.name)
        for row in rows
        for field in dataclasses.fields(row)
        if not field.name.startswith("proposed_")
    }
    names |= {re.sub("_(zh|en)$", "", field.name) for field in Incident._meta.get_fields()}
    assert names - left_out - set(own_data_words.NAMES) == set()


def test_pages_of_many_rows_are_all_there(lived: stage.City, monkeypatch: pytest.MonkeyPatch) -> None:
    own = audit.Actor(lived.person.user.handle, "page", "person", lived.person.user_id)
    with audit.acting(lambda: own):
        whole = own_data.gather(lived.person)
        monkeypatch.setattr(own_data, "_PAGE", 2)
        again = own_data.gather(lived.person)
    assert {k: v for k, v in again.items() if k != "made_at"} == {
        k: v for k, v in whole.items() if k != "made_at"
    }


@pytest.mark.clause("P-8.4-b")
def test_a_copy_and_leaving_need_a_fresh_proof(lived: stage.City) -> None:
    browser = Client()
    browser.force_login(lived.person.user, backend="django.contrib.auth.backends.ModelBackend")
    for form in ("json", "zip", "pdf"):
        assert browser.get(f"/privacy/copy.{form}")["Location"].startswith("/confirm?next=%2Fprivacy%2Fcopy")
    assert browser.post("/privacy/leave", {"sure": "yes"})["Location"].startswith("/confirm?")
    assert Person.objects.get(pk=lived.person.pk).status == "active"


@pytest.mark.clause("P-8.4-b")
def test_who_read_an_entry_is_shown_to_its_person_only(lived: stage.City, enter) -> None:
    own = Leaf.objects.filter(person_id=lived.person.pk).order_by("idx")[0].idx
    Reading.objects.create(at=clock.now(), client_id="", what="openings", first=own, last=own)
    mine = enter(lived.person.user, "en").get("/privacy").content.decode()
    assert "The operator</strong> saw details" in mine and "1 entries" in mine
    theirs = enter(lived.stranger.user, "en").get("/privacy").content.decode()
    assert "saw details" not in theirs


@pytest.mark.clause("P-8.4-b")
def test_a_request_reaches_the_desk_and_its_answer_the_person(lived: stage.City, enter) -> None:
    browser = enter(lived.person.user, "en")
    assert browser.post("/privacy/requests", {"kind": "x", "text": "y"}).status_code == 422
    assert (
        browser.post("/privacy/requests", {"kind": "complaint", "text": "<b>too slow</b>"}).status_code == 302
    )
    clerk, reader = _clerks("entry", "query")
    page = enter(reader, "en").get("/operator/requests").content.decode()
    assert "too slow" not in page and "withheld" in page
    desk = enter(clerk, "en")
    page = desk.get("/operator/requests").content.decode()
    assert "&lt;b&gt;too slow&lt;/b&gt;" in page
    (row,) = requests.waiting()
    with clock.frozen(clock.now() + timedelta(days=31)):
        late = enter(clerk, "en").get("/operator").content.decode()
        assert "1 requests about personal data are late" in late
    assert desk.post(f"/operator/requests/{row.id}", {"answer": "faster now"}).status_code == 302
    assert "faster now" in browser.get("/privacy").content.decode()
    assert desk.post(f"/operator/requests/{row.id}", {"answer": "again"}).status_code == 404


def _clerks(*roles: str) -> list[User]:
    made = []
    for role in roles:
        user = review.create_user("staff", made_up=True)
        review.enrol(user, f"made-up {role}")
        review.grant(user, role)
        made.append(user)
    return made


@pytest.mark.clause("P-8.4-b", "P-8.4-c")
def test_what_the_staff_opened_is_told_to_its_person_without_a_name(lived: stage.City, enter) -> None:
    mine, theirs = enter(lived.person.user, "en"), enter(lived.stranger.user, "en")
    mine.post("/privacy/requests", {"kind": "complaint", "text": "too slow"})
    clerk, reader = _clerks("entry", "query")
    assert "too slow" not in enter(reader, "en").get("/operator/requests").content.decode()
    assert "Nobody but you" in mine.get("/privacy").content.decode(), "what is not shown is not opened"
    assert "too slow" in enter(clerk, "en").get("/operator/requests").content.decode()
    (row,) = Audit.objects.filter(what="person.request")
    assert (row.act, row.subject, row.account, row.role, row.via) == (
        "read", lived.person.pseudonym, clerk.handle, "entry", "page"
    )  # fmt: skip
    page = mine.get("/privacy").content.decode()
    assert "<strong>entry</strong> opened the text of a request" in page and "to answer your request" in page
    assert clerk.handle not in page
    assert "Nobody but you" in theirs.get("/privacy").content.decode()
    (told,) = json.loads(mine.get("/privacy/copy.json").content)["opened_by_others"]
    assert (told["roles_en"], told["field"]) == ("entry", "person.request") and clerk.handle not in str(told)
    # What the person opens of their own is no reading by the staff; that the name was opened is told all the same.
    assert Audit.objects.filter(what="person.request").count() == 1
    own = Audit.objects.filter(what="person.identity", account=lived.person.user.handle)
    assert {one.role for one in own} == {"person"}
    # Another person can only be one's guardian.
    other = audit.Actor(lived.stranger.user.handle, "page", "person", lived.stranger.user_id)
    with audit.acting(lambda: other):
        requests.own(lived.person)
    assert [one.roles[1] for one in readers.opened_by_others(lived.person)] == ["the guardian", "entry"]


@pytest.mark.clause("P-8.4-b")
def test_every_list_of_readings_says_how_many_are_older_and_leads_to_them(
    lived: stage.City, enter, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = enter(lived.person.user, "en")
    mine.post("/privacy/requests", {"kind": "complaint", "text": "too slow"})
    (clerk,) = _clerks("entry")
    theirs = enter(clerk, "en")
    first = Leaf.objects.filter(person_id=lived.person.pk).values_list("idx", flat=True).first()
    at = clock.now()
    for _ in range(5):
        theirs.get("/operator/requests")
        shown = {"party_id": None, "client_id": "", "what": "openings", "first": first, "last": first}
        Reading.objects.create(at=at, **shown)
    assert "not listed here" not in mine.get("/privacy").content.decode()
    monkeypatch.setattr(privacy, "_LISTED", 2)
    for name, one in (("read", "saw details"), ("opened", "opened the text of a request")):
        page = mine.get("/privacy").content.decode()
        assert page.count("3 earlier readings are not listed here") == 2, "of both lists"
        seen = [page.count(one)]
        while ways := re.findall(rf'href="(\?{name}=\d+)#{name}"', page):
            page = mine.get(f"/privacy{ways[0]}").content.decode()
            seen.append(page.count(one))
        assert seen == [2, 2, 1], "every one, and none twice"
        page = mine.get(f"/privacy?{name}=1").content.decode()
        assert "There is nothing older" in page and page.count(one) == 0
        assert mine.get(f"/privacy?{name}=x").content.decode().count(one) == 2
    copied = json.loads(mine.get("/privacy/copy.json").content)
    assert len(copied["readings"]) == len(copied["opened_by_others"]) == 5


@pytest.mark.clause("P-8.4-c")
def test_a_text_that_cannot_be_told_of_is_not_shown(lived: stage.City, enter, settings) -> None:
    """The fault is real: the table of the trail refuses rows."""
    enter(lived.person.user, "en").post("/privacy/requests", {"kind": "complaint", "text": "too slow"})
    (clerk,) = _clerks("entry")
    desk = enter(clerk, "en")
    settings.DEBUG_PROPAGATE_EXCEPTIONS = True
    with connection.cursor() as cursor:
        cursor.execute("alter table review_audit add constraint planted check (act <> 'read') not valid")
    with pytest.raises(IntegrityError, match="planted"), transaction.atomic():
        desk.get("/operator/requests")
    with connection.cursor() as cursor:
        cursor.execute("alter table review_audit drop constraint planted")
    assert "too slow" in enter(clerk, "en").get("/operator/requests").content.decode()


def test_every_text_under_a_persons_key_has_words_for_who_opened_it() -> None:
    told = {f"{name}.{column}" for name, one in fields.tables().items()
            for column, label in one.labels.items() if label == "sensitive" and column.endswith("_enc")}  # fmt: skip
    # Under the installation's key: places that a job sends to and takes away, and no page shows to anybody.
    told -= {
        "notices_browser.place_enc",
        "notices_delivery.to_enc",
        "people_recovery.contact_enc",
        "people_recovery.code_enc",
    }
    # Opened and told as the identity and the contacts that they were.
    told -= {"people_former.identity_enc", "people_contact_undo.contacts_enc"}
    assert told == {
        "people_person.identity_enc", "people_person.contact_enc", "people_request.text_enc",
        "people_request.answer_enc", "incentives_code.code_enc", "people_guardianship.name_enc", "anomalies_step.words_enc",
    }, "a new text: say in web/readers.py what it is and what it is opened for"  # fmt: skip
    # And records of acts, which are stored as they came, and the account, which is rows of numbers.
    assert len(readers.OPENED) == len(told) + 2


@pytest.mark.clause("P-8.4-b", "P-8.5-e")
def test_leaving_needs_the_tick_and_ends_everything(lived: stage.City, enter) -> None:
    browser = enter(lived.person.user, "en")
    other = enter(lived.person.user)
    other.get("/privacy")
    assert browser.post("/privacy/leave").status_code == 422
    assert browser.post("/privacy/leave", {"sure": "yes"}).status_code == 200
    assert Person.objects.get(pk=lived.person.pk).status == "erased"
    assert browser.get("/privacy").status_code == other.get("/privacy").status_code == 302
    results = stage.send(
        lived.partner,
        [stage.meeting(lived.partner, lived.stranger, "still-fine", clock.now() - timedelta(hours=2))],
    )
    assert [one.outcome.text for one in results] == ["credited"]
