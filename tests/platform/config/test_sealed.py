"""The one list of what lies under the master key (fields.toml, `sealed`): a column that is not in it fails here."""

from __future__ import annotations

import ast
import base64
import os
import threading
from pathlib import Path

import pytest
from django.apps import apps
from django.db import connection, models
from tests.platform.config import under_master

from abate.platform.config import fields, rewrapping
from abate.platform.doors import keyring, masters, secret_file
from abate.platform.people.models import Person

pytestmark = [pytest.mark.platform, pytest.mark.clause("P-8.3")]
CODE = Path(__file__).resolve().parents[3] / "src/abate"
_PERSON, _DIGEST = "under a person's own key", "a digest"
OTHERWISE = {
    **dict.fromkeys(
        (
            "people_person.identity_enc", "people_person.contact_enc", "people_former.identity_enc",
            "people_request.text_enc", "people_request.answer_enc", "people_guardianship.name_enc",
            "people_contact_undo.contacts_enc", "incentives_code.code_enc", "anomalies_step.words_enc",
        ),
        _PERSON,
    ),
    **dict.fromkeys(
        (
            "review_human.human", "review_grant.human", "review_step.human", "review_signin_link.digest",
            "notices_browser.digest", "people_invitation.digest", "events_seen.digest", "joining_application.reach",
            "joining_application.token", "joining_contact_request.reach", "parties_till.digest",
            "parties_till.human", "credits_receiving.digest",
        ),
        _DIGEST,
    ),
    "joining_document.body": "under the document's own key",
    "people_person.commit_key": "salts commitments in the log, and goes with its person",
    "log_pending.leaf": "a leaf, public or committed to",
    "log_leaf.leaf": "a leaf, public or committed to",
    "parties_answer.body": "an answer as its party had it",
}  # fmt: skip
"""Bytes that tell something of somebody and do not lie under the master key, and how they lie instead."""
OF_SESSIONS = {"abate-session-contact", "abate-second-factor"}
"""Purposes of texts in a session, which ends within a day; the second is that of kept factors too."""


def unsaid(models_: list[type[models.Model]]) -> list[str]:
    """Columns of bytes that tell something of somebody, and of which nothing says how they lie."""
    told = fields.tables()
    found = []
    for model in models_:
        table = told.get(model._meta.db_table)
        for one in model._meta.concrete_fields:
            name = f"{model._meta.db_table}.{one.column}"
            label = table.labels.get(one.column, "sensitive") if table else "sensitive"
            known = (table is not None and one.column in table.sealed) or name in OTHERWISE
            if isinstance(one, models.BinaryField) and label in ("personal", "sensitive"):
                found += [] if known or one.column.endswith("_hmac") else [name]
    return found


def test_of_every_column_of_bytes_it_is_said_how_it_lies() -> None:
    real = apps.get_models(include_auto_created=True)
    assert unsaid(real) == [], "say it in fields.toml (`sealed`) or here"
    there = {f"{m._meta.db_table}.{f.column}" for m in real for f in m._meta.concrete_fields}
    assert set(OTHERWISE) <= there
    sealed = {f"{one.table}.{one.column}" for one in rewrapping.places()}
    assert sealed <= there and not sealed & set(OTHERWISE)


def test_a_column_that_is_not_said_is_found() -> None:
    class Planted(models.Model):
        text_enc = models.BinaryField()

        class Meta:
            app_label, db_table, managed = "people", "people_planted", False

    try:
        assert unsaid([Planted]) == ["people_planted.text_enc"]
    finally:
        del apps.all_models["people"]["planted"]
        apps.clear_cache()


DOORS = {f"sealed.{name}" for name in ("wrap", "unwrap", "seal", "unseal")}


def purposes() -> set[str]:
    """Every purpose under which the program seals: what the calls of doors/sealed.py are given, by the names' values."""
    found: set[str] = set()
    for path in CODE.rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        named = {}
        for node in tree.body:
            if isinstance(node, ast.Assign):
                left, right = node.targets[0], node.value
                several = isinstance(left, ast.Tuple) and isinstance(right, ast.Tuple)
                pairs = zip(left.elts, right.elts, strict=True) if several else [(left, right)]
                named |= {ast.unparse(name): value for name, value in pairs}
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in DOORS:
                given = node.args[1]
                value = named.get(ast.unparse(given))
                found.add(value.value.decode() if isinstance(value, ast.Constant) else ast.unparse(given))
    return found


def test_every_purpose_that_the_code_seals_under_is_in_the_list() -> None:
    listed = {one.purpose.decode() for one in rewrapping.places()}
    # Named elsewhere than where they are used; the exchange asks the list itself.
    known = {
        "sealed.KEY": "abate-person-key",
        "queries.FIELDS": "abate-notice-fields",
        "queries.PLACE": "abate-notice-place",
    }
    used = {known.get(one, one) for one in purposes() if one != "place.purpose"}
    assert used - OF_SESSIONS == listed - OF_SESSIONS and len(listed) > 4
    assert used >= OF_SESSIONS


def test_nothing_but_the_one_door_takes_a_master() -> None:
    """Another way to seal would write texts that say no key, and that no exchange finds."""
    takers = set()
    for path in (CODE / "platform").rglob("*.py"):
        nodes = ast.walk(ast.parse(path.read_text("utf-8")))
        if any(isinstance(node, ast.Attribute) and node.attr == "masters" for node in nodes):
            takers.add(path.relative_to(CODE / "platform").as_posix())
    # The others say how masters stand, or which is the present one's head.
    others = {f"config/{name}.py" for name in ("exchanging", "reopening", "rewrapping")}
    assert takers == {"doors/sealed.py", *others}


def found_anywhere() -> set[str]:
    """`table.column` of every value in the database that begins as a sealed text does, in bytes or in base64."""
    bare, found = base64.b64encode(masters.MARK + bytes(2)).decode()[:5], set()
    with connection.cursor() as cursor:
        cursor.execute(
            "select table_name, column_name, data_type from information_schema.columns"
            " where table_schema = 'public' and data_type in ('bytea', 'text', 'jsonb', 'character varying')"
        )
        for table, column, kind in cursor.fetchall():
            begins = (
                f'position(%s::bytea in "{column}") = 1'
                if kind == "bytea"
                else f'"{column}"::text ~ (\'(^|[" ])\' || %s)'
            )
            cursor.execute(
                f'select exists (select from "{table}" where {begins})',
                [masters.MARK if kind == "bytea" else bare],
            )
            if cursor.fetchone()[0]:
                found.add(f"{table}.{column}")
    return found


@pytest.mark.django_db
def test_in_a_filled_database_nothing_lies_sealed_outside_the_list() -> None:
    under_master.fill(1)
    listed = {f"{one.table}.{one.column}" for one in rewrapping.places()}
    assert found_anywhere() == listed
    # Planted: a sealed text in another column.
    Person.objects.update(commit_key=masters.MARK + bytes(60))
    assert found_anywhere() - listed == {"people_person.commit_key"}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "secrets.json"
    keyring.create(made)
    return made


def test_two_that_change_the_secret_file_lose_nothing_of_each_other(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A rotation comes between what another reads and what it writes."""
    write, coming = secret_file.replace, masters.prepared(keyring.read(file).masters, b"n" * 32, "")
    beside = threading.Thread(target=keyring.keep_masters, args=(file, coming))

    def slowly(path: Path, text: str) -> None:
        if not beside.ident:
            beside.start()
            beside.join(0.5)
        write(path, text)

    monkeypatch.setattr(secret_file, "replace", slowly)
    keyring.ensure_push(file)
    beside.join()
    found = keyring.read(file)
    assert found.push and found.masters == coming


def test_an_owner_who_is_not_in_the_files_group_may_write_it(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    look = Path.stat

    def of_another_group(path: Path, **how: bool) -> os.stat_result:
        found = look(path, **how)
        return os.stat_result((*found[:5], found.st_gid + 1, *found[6:])) if path == file else found

    def refused(_: Path, __: int, group: int) -> None:
        if group != -1:  # As for who is not in it.
            raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(Path, "stat", of_another_group)
    monkeypatch.setattr(os, "chown", refused)
    secret_file.replace(file, "anew")
    assert file.read_text() == "anew\n"
