"""What docs/explain/signing-in.md says of limits, words and ways in is what the program does."""

from __future__ import annotations

import re
from dataclasses import asdict
from pathlib import Path

import pytest
from django.conf import settings
from django.urls import reverse

from abate.platform.people.policy import CodePolicy
from abate.platform.signin import passwords
from abate.platform.signin.policy import SignInPolicy
from abate.platform.web import gate

pytestmark = [pytest.mark.platform]
PAGE = Path(__file__).resolve().parents[3] / "docs/explain/signing-in.md"
NO_FIGURE = {"profile", "passwords_kept", "members_two_factors"}
WAYS = ("sign-in", "register", "recover", "contact-undo", "idp:oidc:token")


def test_every_figure_of_the_limits_is_told() -> None:
    told = dict(re.findall(r"^\| `(\w+)` \| (\d+) \|", PAGE.read_text(encoding="utf-8"), re.M))
    figures = {**asdict(SignInPolicy()), **asdict(CodePolicy())}
    # The window of codes to a contact is told in its lines.
    assert figures.pop("window_minutes") == CodePolicy().window_minutes == 10
    figures["window_minutes"] = SignInPolicy().window_minutes
    assert told == {name: str(value) for name, value in figures.items() if name not in NO_FIGURE}


def test_every_way_in_is_told_and_leads_somewhere() -> None:
    text = PAGE.read_text(encoding="utf-8")
    names = {name for name, _ in gate.lines() if name.startswith(WAYS) or name == "till"}
    assert len(names) > 8
    for name in names:
        token = {"token": "x"} if name in {"sign-in-link", "recover-stop", "contact-undo", "till"} else {}
        path = reverse(name, kwargs=token)
        assert f"`{path}`" in text or f"`{path.removesuffix('x')}...`" in text, path


def test_what_becomes_of_sessions_elsewhere_is_told() -> None:
    """The lines that say it, and the settings that they speak of: no other platform signs anybody in here."""
    text = " ".join(PAGE.read_text(encoding="utf-8").split())
    for told in (
        "signs nobody in by another's identity provider",
        "a session there is the partner's: ending one here ends none there",
        "A withdrawal ends what the app may send and every token it holds about the person",
    ):
        assert told in text, told
    assert [name for name in settings.INSTALLED_APPS if "socialaccount" in name or "saml" in name] == []
    assert not any("end_session" in name or "logout" in name for name, _ in gate.lines())


def test_every_word_that_makes_a_password_easy_is_told() -> None:
    text = " ".join(PAGE.read_text(encoding="utf-8").split())
    assert [word for word in passwords.WORDS if f"`{word}`" not in text] == []
