"""What somebody is told by message: what was sent, by which ways, in which language, and what can be switched off."""

from __future__ import annotations

from pathlib import Path

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import path
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from abate.platform import reaching
from abate.platform.doors import messages as ways
from abate.platform.doors import push
from abate.platform.doors.errors import Problem
from abate.platform.notices import actions, queries
from abate.platform.notices.kinds import kinds
from abate.platform.review import queries as review
from abate.platform.review.models import User
from abate.platform.web import screen
from abate.platform.web.access import user_page
from abate.platform.web.own_data_words import CHANNELS
from abate.platform.web.wording import pick, say

STATES = {
    "sent": ("已发送", "sent", "good"),
    "waiting": ("等待发送", "waiting", "wait"),
    "given_up": ("未送达", "not delivered", "bad"),
}
NOWHERE = {
    "new": ("等待发送", "waiting"),
    "no-contact": ("没有可用的联系方式", "no contact to send it to"),
    "switched-off": ("按设置未发送", "not sent, by the settings"),
    "unreadable": (
        "未发送：无法读取，运营方可重发",
        "not sent: it could not be read; the operator can send it again",
    ),
}
_WORKER = Path(__file__).resolve().parents[1] / "static/abate/notices-worker.js"


def _page(
    request: HttpRequest, user: User, status: int = 200, problem: Problem | None = None
) -> HttpResponse:
    own = reaching.places(user.pk)
    browsers = queries.browsers(user.pk)
    there = {one.channel for one in own} | ({"push"} if browsers else set())
    audience = _audience(user)
    context = {
        "places": [(pick(CHANNELS[one.channel]), one.shown) for one in own],
        "missing": [pick(CHANNELS[name]) for name in CHANNELS if not ways.carries(name)],
        "kinds": [
            (
                kind.id,
                pick(kind.title),
                "" if kind.fields else pick(kind.text),
                pick(kind.compulsory) if kind.compulsory else "",
                [(one, pick(CHANNELS[one.channel])) for one in rows if one.there],
            )
            for kind, rows in queries.choices(user.pk, audience, there)
        ],
        "language": queries.language_of(user.pk) or "both",
        "languages": [
            ("zh", "中文", "zh-Hans"),
            ("en", "English", "en"),
            ("both", say("两种语言", "Both"), ""),
        ],
        "browsers": browsers,
        "push_key": _push_key(),
        "log": [_row(row) for row in queries.listed(user_id=user.pk, limit=20)],
    }
    return screen.show(request, "notices", context, section="authorisations", status=status, problem=problem)


def _audience(user: User) -> str:
    if user.kind == User.Kind.PERSON:
        return "person"
    return "party" if review.human_of(user) is None else "staff"


def _push_key() -> str:
    """Empty where notices to browsers are not set up here."""
    try:
        return push.public_key() if ways.carries("push") else ""
    except OSError:
        return ""


def _row(row: queries.NoticeRow) -> tuple[object, ...]:
    went = []
    for one in row.deliveries:
        zh, en, tone = STATES[one.state]
        why = say("，该渠道未开通", ", not set up here") if one.said == queries.NOT_CONFIGURED else ""
        went.append((pick(CHANNELS[one.channel]), one.place, say(zh, en) + why, tone))
    nowhere = "" if went else pick(NOWHERE.get(row.state, NOWHERE["new"]))
    kind = kinds().get(row.kind)
    return pick(kind.title) if kind else row.kind, row.made_at, went, nowhere


@require_http_methods(["GET", "HEAD", "POST"])
@user_page
def told(request: HttpRequest, user: User) -> HttpResponse:
    """Show, or keep what is ticked. Of a kind nothing is written down until somebody changes it."""
    if request.method != "POST":
        return _page(request, user)
    there = {one.channel for one in reaching.places(user.pk)} | (
        {"push"} if queries.browsers(user.pk) else set()
    )
    audience = _audience(user)
    ticked = set(request.POST.getlist("notice"))
    # The page is kept as it was sent: all of it.
    with transaction.atomic():
        for kind, rows in queries.choices(user.pk, audience, there):
            shown = [one for one in rows if one.there]
            changed = [one for one in shown if one.used != (f"{kind.id} {one.channel}" in ticked)]
            if kind.compulsory is None and changed:
                for one in shown:
                    actions.prefer(user, kind.id, one.channel, f"{kind.id} {one.channel}" in ticked)
        if request.POST.get("language", "") != (queries.language_of(user.pk) or "both"):
            actions.speak(user, request.POST.get("language", ""))
    messages.success(request, say("已保存。", "Kept."), extra_tags="good")
    return redirect("told")


@require_POST
@user_page
def browser(request: HttpRequest, user: User) -> HttpResponse:
    """Tell them in this browser too. What it shows may stop a recovery, so it counts as a way of signing in: freshly proved
    (endpoints.csv), and told."""
    given = [request.POST.get(name, "")[:1_000] for name in ("endpoint", "p256dh", "auth")]
    try:
        with transaction.atomic():
            # Sent again, as after an answer that was lost, it changes nothing.
            if actions.add_browser(user, *given, request.headers.get("User-Agent", "")):
                actions.write([user.pk], "sign-in.key")
    except Problem as problem:
        return _page(request, user, problem.status, problem)
    messages.success(request, say("已开启。", "Switched on."), extra_tags="good")
    return redirect("told")


@require_POST
@user_page
def browser_end(request: HttpRequest, user: User, number: int) -> HttpResponse:
    actions.end_browser(user, number)
    messages.success(request, say("已移除。", "Removed."), extra_tags="good")
    return redirect("told")


@require_safe
def worker(request: HttpRequest) -> HttpResponse:
    """The script that a browser keeps for showing notices. Under /notices, so that it sees no other page."""
    return HttpResponse(_WORKER.read_text(encoding="utf-8"), content_type="text/javascript; charset=utf-8")


urlpatterns = [
    path("notices", told, name="told"),
    path("notices/browser", browser, name="told-browser"),
    path("notices/browser/<int:number>/end", browser_end, name="told-browser-end"),
    path("notices/worker.js", worker, name="told-worker"),
]
