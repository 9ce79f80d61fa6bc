"""The real-name provider over HTTP, against a reference server of its own: real sockets, signed both ways."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest

from abate.platform.doors import clock
from abate.platform.doors.errors import SetupError
from abate.platform.parties import actions as parties
from abate.platform.people import actions, asking, identity
from abate.platform.people.errors import IdentityRefused, ProviderSilent, TooYoung

pytestmark = [pytest.mark.platform, pytest.mark.django_db]
KEY = bytes(range(32))
NAME = "测试甲"
# Of no province's register: the area exists, the person is the reference server's own.
NUMBER = "11010119900101001" + identity.check_sign("11010119900101001")


class Register(BaseHTTPRequestHandler):
    """The reference server: knows one person, checks who asks, signs what it says."""

    change: Callable[[bytes], bytes] = staticmethod(lambda answer: answer)
    asked: ClassVar[list[dict[str, object]]] = []
    status = 200
    age: ClassVar[dict[str, object]] = {"born": "1990-01-01"}

    def do_POST(self) -> None:
        question = asking.opened(self.rfile.read(int(self.headers["Content-Length"])), KEY)
        if question is None:
            self.send_error(403)
            return
        Register.asked.append(question)
        passed = (question["name"], question["number"]) == (NAME, NUMBER)
        told = {"nonce": question["nonce"], "passed": passed, "reason": "" if passed else "no-match"}
        told |= Register.age if passed else {}
        answer = type(self).change(asking.signed(told, KEY))
        self.send_response(Register.status)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        """Silent: what it is asked names people."""


@pytest.fixture
def register(tmp_path: Path, settings: object, monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Register]]:
    monkeypatch.setattr(Register, "asked", [])
    server = ThreadingHTTPServer(("127.0.0.1", 0), Register)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    (tmp_path / "key").write_text(KEY.hex())
    settings.ABATE_REAL_NAME = "abate.platform.people.asking.HttpProvider"  # type: ignore[attr-defined]
    settings.ABATE_REAL_NAME_URL = f"http://127.0.0.1:{server.server_port}/check"  # type: ignore[attr-defined]
    settings.ABATE_REAL_NAME_KEY = str(tmp_path / "key")  # type: ignore[attr-defined]
    yield Register
    server.shutdown()
    server.server_close()


@pytest.mark.clause("P-6.5")
def test_who_the_register_knows_passes_and_who_it_does_not_is_refused(register: type[Register]) -> None:
    verdict, _ = identity.verify(NAME, NUMBER, made_up=False)
    assert verdict.passed and verdict.authority and verdict.provider == "http"
    with pytest.raises(IdentityRefused, match="no-match"):
        identity.verify("测试乙", NUMBER, made_up=False)
    assert len({question["nonce"] for question in register.asked}) == 2


@pytest.mark.clause("P-8.4-b")
def test_the_age_is_the_registers_not_the_digits(
    register: type[Register], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The digits say 1990 all along."""
    with clock.frozen(datetime(2026, 11, 21, 4, 0, tzinfo=UTC)):
        for age, refusal in (
            ({"born": "2012-11-22"}, TooYoung),
            ({"under_14": True}, IdentityRefused),
            ({"born": "2012-11-21", "under_14": True}, IdentityRefused),
            ({}, ProviderSilent),
            ({"born": "no date"}, ProviderSilent),
            ({"born": "2026-11-22"}, ProviderSilent),
            ({"under_14": "no"}, ProviderSilent),
        ):
            monkeypatch.setattr(Register, "age", age)
            with pytest.raises(refusal):
                identity.verify(NAME, NUMBER, made_up=False)
        for age, born in (
            ({"under_14": False}, date(1990, 1, 1)),
            ({"born": "2012-11-21"}, date(2012, 11, 21)),
            ({"born": "2012-11-21", "under_14": False}, date(2012, 11, 21)),
        ):
            monkeypatch.setattr(Register, "age", age)
            assert identity.verify(NAME, NUMBER, made_up=False)[1] == born
        monkeypatch.setattr(Register, "age", {"born": "2012-11-22", "under_14": True})
        assert identity.verify(NAME, NUMBER, made_up=False, child=True)[1] == date(2012, 11, 22)


@pytest.mark.clause("P-6.2-types")
def test_a_party_without_the_grant_to_identify_users_is_not_asked(
    register: type[Register], settings: object
) -> None:
    parties.create_party("only-data", "data_provider", "仅数据", "Data only", ["walking"])
    ids = parties.create_party("made-up-ids", "identity_provider", "虚构核验", "Made-up IDs")
    for code in ("only-data", "nobody"):
        settings.ABATE_REAL_NAME_PARTY = code  # type: ignore[attr-defined]
        with pytest.raises(ProviderSilent, match="may not identify"):
            identity.verify(NAME, NUMBER, made_up=False)
    settings.ABATE_REAL_NAME_PARTY = "made-up-ids"  # type: ignore[attr-defined]
    assert register.asked == [] and identity.verify(NAME, NUMBER, made_up=False)[0].passed
    parties.suspend(ids)
    with pytest.raises(ProviderSilent, match="in standing"):
        identity.verify(NAME, NUMBER, made_up=False)


def test_what_cannot_be_a_number_is_sent_nowhere(register: type[Register]) -> None:
    with pytest.raises(IdentityRefused):
        identity.verify(NAME, NUMBER[:-1] + "0", made_up=False)
    assert register.asked == []


def test_made_up_people_are_asked_about_nowhere(register: type[Register]) -> None:
    actions.register(NAME, identity.made_up_number(date(1980, 1, 1), 1), ["13800000001"], "notice-1", True)
    assert register.asked == []


@pytest.mark.parametrize(
    "change",
    [
        lambda answer: b"",
        lambda answer: answer.replace(b"false", b"true"),
        lambda answer: answer[:-3] + b"00\n",
        lambda answer: asking.signed({"nonce": "of another question", "passed": True}, KEY),
        lambda answer: asking.signed({"nonce": "x", "passed": "yes"}, KEY),
        lambda answer: asking.signed(json.loads(answer.split(b"\n")[0]) | {"passed": True}, bytes(32)),
        lambda answer: b"[]\n" + answer,
    ],
    ids=["empty", "changed", "cut", "replayed", "not a boolean", "another key", "no object"],
)
def test_an_answer_that_is_not_the_registers_opens_no_account(
    register: type[Register],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    change: object,
) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setattr(Register, "change", staticmethod(change))
    with pytest.raises(ProviderSilent) as refused:
        identity.verify("测试乙", NUMBER, made_up=False)
    assert NUMBER not in caplog.text + repr(refused.value) and "测试" not in caplog.text + repr(refused.value)


def test_a_register_that_fails_or_is_not_there_is_told_so(
    register: type[Register], monkeypatch: pytest.MonkeyPatch, settings: object
) -> None:
    monkeypatch.setattr(Register, "status", 500)
    with pytest.raises(ProviderSilent, match="status 500"):
        identity.verify(NAME, NUMBER, made_up=False)
    settings.ABATE_REAL_NAME_URL = "http://127.0.0.1:9/check"  # type: ignore[attr-defined]
    with pytest.raises(ProviderSilent, match="no answer"):
        identity.verify(NAME, NUMBER, made_up=False)


@pytest.mark.parametrize(
    "wrong", [{"URL": "http://example.org/"}, {"URL": None}, {"KEY": None}, {"KEY": "/dev/null"}]
)
def test_without_https_or_a_key_nobody_is_asked(
    register: type[Register], settings: object, wrong: dict[str, str | None]
) -> None:
    for name, value in wrong.items():
        setattr(settings, f"ABATE_REAL_NAME_{name}", value)
    with pytest.raises(SetupError):
        identity.verify(NAME, NUMBER, made_up=False)
    assert register.asked == []
