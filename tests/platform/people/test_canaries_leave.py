"""One of the canaries withdraws, takes everything out and leaves: what was hers is nowhere any more, in clear or to be opened."""

from __future__ import annotations

import io
import logging
import re
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import astuple, dataclass
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings
from django.db import connection
from django.test import Client
from django.urls import reverse
from pypdf import PdfReader
from tests.platform.people import canaries
from tests.platform.people.canaries import dump, found
from tests.platform.web import city as stage

from abate.demo import desk
from abate.platform.doors import sealed
from abate.platform.doors.keyring import keyring
from abate.platform.ledger import queries as ledger
from abate.platform.log import actions as log
from abate.platform.log import export
from abate.platform.people import keys, queries
from abate.platform.people.errors import PersonErased
from abate.platform.people.models import Person, Request
from abate.platform.review.models import User

pytestmark = [pytest.mark.platform, pytest.mark.django_db(transaction=True)]
HERS = canaries.canary(0)
SEALED = {"identity": HERS.number, "contacts": HERS.phone, "request": HERS.name}
"""Her texts by what they are for, and what stands in each."""


@dataclass(frozen=True)
class Saved:
    """What a thief took from the database while she was here: her pseudonym and her closed texts."""

    pseudonym: str
    texts: dict[str, bytes]

    def opened(self, told: bytes) -> dict[str, bytes]:
        """Which of the texts open with any key that this dump holds, by the platform's own secrets."""
        bound = Person(pseudonym=self.pseudonym)
        plain = {}
        for cipher in _ciphers(told):
            for purpose, text in self.texts.items():
                try:
                    plain[purpose] = keys._open(cipher, text, keys._bound(bound, purpose))
                except InvalidTag:
                    continue
        return plain


def _ciphers(told: bytes) -> Iterator[AESGCM]:
    """Every wrapped key among the binary values of a dump, unwrapped."""
    long = 2 * (12 + 12 + 32 + 16)
    for value in set(re.findall(rb"\\\\x([0-9a-f]{%d})(?![0-9a-f])" % long, told)):
        try:
            yield AESGCM(sealed.unwrap(bytes.fromhex(value.decode()), sealed.KEY))
        except InvalidTag:
            continue


def save(person: Person) -> Saved:
    row = Person.objects.get(pk=person.pk)
    (asked,) = Request.objects.filter(person=person)
    texts = {"identity": row.identity_enc, "contacts": row.contact_enc, "request": asked.text_enc}
    return Saved(row.pseudonym, {purpose: bytes(text) for purpose, text in texts.items()})


def enter(user: User) -> Client:
    browser = Client()
    browser.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    stage.prove(browser)
    return browser


def copies(browser: Client) -> dict[str, bytes]:
    """The copy in each of its forms, as it came through HTTP and with what is packed in it unpacked."""
    came = {form: browser.get(f"/privacy/copy.{form}") for form in ("json", "zip", "pdf")}
    assert {answer.status_code for answer in came.values()} == {200}
    plain = {form: answer.content for form, answer in came.items()}
    with zipfile.ZipFile(io.BytesIO(plain["zip"])) as tables:
        plain["zip"] = b"".join(tables.read(name) for name in tables.namelist())
    (plain["pdf"],) = PdfReader(io.BytesIO(plain["pdf"])).attachments["own-data.json"]
    return plain


def everywhere(outside: Path, logged: str, shown: bytes) -> dict[str, object]:
    """Where a canary of any of them is found: nothing is the right answer everywhere."""
    export.write_files(outside / "log", entries=True, whole=True)
    seen: dict[str, object] = {
        "dump": found(dump()),
        "disk": canaries.on_disk(),
        "outside": canaries.in_files(outside),
        "lines": found(logged.encode()),
        "caches": found(canaries.kept()),
        "pages": found(shown),
        "messages": canaries.misdirected(canaries.messages()),
    }
    return {place: what for place, what in seen.items() if what}


@pytest.fixture
def outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the log is given out, and where whatever is written for a moment is written."""
    (tmp_path / "moment").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "moment"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "moment"))
    return tmp_path


@pytest.mark.clause("P-8.4-b", "P-4.3", "P-8.5-e")
@pytest.mark.parametrize("people", [3, pytest.param(1000, marks=pytest.mark.slow)])
def test_of_a_canary_that_left_nothing_is_found_and_nothing_opens(
    people: int, statements_logged: None, caplog: pytest.LogCaptureFixture, outside: Path
) -> None:
    caplog.set_level(logging.DEBUG)
    city = stage.build()
    person, *_ = [canaries.plant(order) for order in range(people)]
    canaries.book(city, person)
    log.sequence()
    hers = enter(person.user)
    clerk, auditor = (enter(desk.hire(f"made-up {role}", role)) for role in ("entry", "audit_admin"))
    Client().post("/sign-in", {"contact": HERS.phone})

    # She withdraws, asks, and takes everything out; the copy is hers, and holds her.
    (given,) = [row for row in queries.authorisations(person.pk) if row.live]
    assert hers.post(reverse("withdraw", kwargs={"authorisation_id": given.id})).status_code == 302
    assert not [row for row in queries.authorisations(person.pk) if row.live]
    asked = {"kind": "correction", "text": f"{HERS.name} {HERS.phone}"}
    assert hers.post("/privacy/requests", asked).status_code == 302
    assert HERS.name in clerk.get("/operator/requests").content.decode(), "the desk of requests answers it"
    for form, plain in copies(hers).items():
        assert found(plain, astuple(HERS)) == list(astuple(HERS)), form
        assert canaries.whose(plain, range(people)) == {0}, form
    saved, key = save(person), bytes(person.wrapped_key or b"")
    told = dump()
    before = saved.opened(told)
    assert {purpose for purpose, plain in before.items() if SEALED[purpose] in plain.decode()} == set(SEALED)
    digests = [keyring().identity_hmac(what) for what in (HERS.number, f"+86{HERS.phone}", HERS.mail)]
    assert all(digest.hex().encode() in told for digest in digests)

    # She leaves.
    assert hers.post("/privacy/leave", {"sure": "yes"}).status_code == 200
    assert Person.objects.get(pk=person.pk).status == "erased" and ledger.entries(person.pk), "entries stay"
    assert hers.get("/privacy").status_code == 302
    log.sequence()
    trail = [auditor.get(f"/operator/audit{form}").content for form in ("", ".csv", ".jsonl")]
    shown = b"".join([clerk.get("/operator/requests").content, *trail])
    assert all(b"person.erase" in one for one in trail)
    assert everywhere(outside, caplog.text, shown) == {}
    after = dump()
    assert not [digest for digest in digests if digest.hex().encode() in after]
    # What she asked is there, closed for ever; the others are taken out too.
    there = {purpose for purpose, text in saved.texts.items() if text.hex().encode() in after}
    assert there == {"request"} and saved.opened(after) == {}
    with pytest.raises(PersonErased):
        keys.decrypt(Person.objects.get(pk=person.pk), saved.texts["identity"], "identity")
    _seen_where_something_is_left(key, saved)


def _seen_where_something_is_left(key: bytes, saved: Saved) -> None:
    """Her key that somebody kept, a clear copy in the file area and one in a table: each is found."""
    wrong = canaries.stray()
    kept = Path(settings.ABATE_DATA_DIR) / "planted.json"
    with connection.cursor() as cursor:
        cursor.execute("create table planted (what bytea)")
        try:
            kept.write_text(wrong)
            cursor.execute("insert into planted values (%s), (%s)", [key, wrong.encode()])
            told = dump()
            assert set(saved.opened(told)) == set(SEALED) and found(told, [wrong])
            assert "planted.json" in canaries.on_disk([wrong])
        finally:
            kept.unlink(missing_ok=True)
            cursor.execute("drop table planted")
