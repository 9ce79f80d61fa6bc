"""The one door before every address: what endpoints.csv does not list, with its method, is refused.

An address of the staff's is refused here by the right that its line names. The other lines say whose the address
is; the view behind it finds the person, acceptor or token that it shows the data of, and nothing else's (access.py).
No address of the staff's opens before a second factor was shown, nor one of whoever chose to be asked for it; one marked
`fresh` asks for a proof minutes old.
"""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from abate.platform.doors.errors import Problem
from abate.platform.parties import limits
from abate.platform.parties.errors import LimitReached
from abate.platform.review import audit, queries, rights
from abate.platform.review.models import User
from abate.platform.signin import lasting
from abate.platform.web import proving, refusals
from abate.platform.web.shielding import NotEncrypted

WHO = frozenset({"anyone", "user", "person", "acceptor", "applicant", "partner", "staff", "verifier", "key"})
"""`user`: whoever is signed in, for their own sign-in. `verifier` and `key`: by a token or a key of a party's, not by a
session."""
_BY_SESSION = frozenset({"user", "person", "acceptor", "applicant", "partner", "staff"})


LIMITED = {
    ("idp:oidc:token", "POST"): "token",
    ("idp:oidc:revoke", "POST"): "token",
    # Who asks the real-name check about children or a correction, or tries invitations, is counted as who registers.
    ("family", "POST"): "sign-in",
    ("groups-join", "POST"): "sign-in",
    ("privacy-correct", "POST"): "sign-in",
    **{
        (name, "POST"): "sign-in"
        for name in (
            "sign-in",
            "sign-in-code",
            "sign-in-link",
            "sign-in-passkey",
            "register",
            "recover",
            "till",
        )
    },
    **{(name, "POST"): "apply" for name in ("application-make", "join", "join-link", "try")},
}
"""What strangers may ask for: counted by the address that they come from."""

UNCOUNTED = frozenset(
    {
        "sign-out",
        "withdraw",
        "disclosure-withdraw",
        "tokens-end",
        "groups-leave",
        "joining-contact-end",
        "security-session",
        "security-others",
        "partner-till-end",
        "till-end",
    }
)
"""Of what a signed-in account asks for: leaving, taking back and ending at once are never kept waiting."""


class AccountLimitReached(LimitReached):
    code = "account-limit-reached"
    zh = "您的账户操作过于频繁，这一次未作处理。"
    en = "Your account asked for too much in a short time; nothing of this was done."
    why_zh = "每个账户有每分钟的限额，以免程序借您的登录占满服务。"
    why_en = (
        "Each account has a limit by the minute, so that no program crowds out others by somebody's sign-in."
    )
    remedy_zh = "请稍候再试；退出登录和撤回授权不受此限。不是您本人操作，请在“登录与安全”结束其他会话。"
    remedy_en = (
        "Wait a moment and try again; signing out and withdrawing are never refused so. If this was not you, end the other "
        "sessions under Sign-in and security."
    )


class NoRightDeclared(Problem):
    code = "no-right-declared"
    status = 403
    zh = "该地址未登记权限，一律拒绝。"
    en = "No right is declared for this address, so nobody has it."
    why_zh = "未登记的地址默认关闭。"
    why_en = "What nobody declared stays closed."
    remedy_zh = "运营方须在 web/endpoints.csv 中登记该地址和方法。"
    remedy_en = "The operator declares the address and its method in web/endpoints.csv."


class MethodNotDeclared(Problem):
    code = "method-not-allowed"
    status = 405
    zh = "该地址不接受这种请求方法。"
    en = "This address does not take this method."
    why_zh = "每个地址只做登记过的事。"
    why_en = "An address does what is declared for it, and nothing else."
    remedy_zh = "可用的方法见响应头 Allow。"
    remedy_en = "The header Allow says which it takes."


class BodyTooLarge(Problem):
    code = "body-too-large"
    status = 413
    zh = "提交的内容过大，未予接收。"
    en = "What was sent is too large; none of it was taken."
    why_zh = "过大的请求会占满磁盘和线路。"
    why_en = "A request of any size would fill the disk and hold the line of all."
    remedy_zh = "页面上的文件最大 5 MB，整个表单最大 6 MB；更大的事件文件请发送到 /v1/files。"
    remedy_en = (
        "A file on a page has 5 MB at most, the whole form 6 MB; larger files of events go to /v1/files."
    )


class ContentTypeUnreadable(Problem):
    code = "content-type"
    status = 415
    zh = "Content-Type 无法读取，或所写的字符集不是 UTF-8。"
    en = "The Content-Type cannot be read, or names another charset than UTF-8."
    why_zh = "无法确定收到的是哪些文字。"
    why_en = "It cannot be told which texts were sent."
    remedy_zh = "请以 UTF-8 发送，charset 可省略或写作 utf-8。"
    remedy_en = "Send UTF-8, and charset=utf-8 or none."


class BodiesWait(Problem):
    code = "bodies-wait"
    status = 503
    zh = "同时上传的内容过多，这一次未予接收。"
    en = "Too much is being sent at the same time; none of this was taken."
    why_zh = "同时接收的内容有总量上限，以免占满内存。"
    why_en = "What is held at a time is bounded, so that nobody fills the memory of all."
    remedy_zh = "请稍候再试；较小的表单不受此限。"
    remedy_en = "Wait a moment and send it again; small forms go through meanwhile."


@dataclass(frozen=True, slots=True)
class Line:
    who: str
    act: str
    thing: str
    fresh: bool = False


@lru_cache(maxsize=1)
def lines() -> dict[tuple[str, str], Line]:
    """(endpoint, method) -> who may call it. Raises ValueError for a line that grants what does not exist."""
    found: dict[tuple[str, str], Line] = {}
    with (Path(__file__).parent / "endpoints.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            line = Line(row["who"], row["act"], row["thing"], bool(row.get("fresh")))
            right = line.act in rights.ACTS and line.thing in rights.rights().things
            if (
                line.who not in WHO
                or right != (line.who == "staff")
                or row.get("fresh") not in (None, "", "fresh")
                or (row["endpoint"], row["method"]) in found
            ):
                raise ValueError(f"endpoints.csv: the line {row} cannot be")
            found[row["endpoint"], row["method"]] = line
    return found


class Gate:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        with audit.acting(lambda: actor(request)):
            return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: object, args: object, kwargs: object
    ) -> HttpResponse | None:
        match = request.resolver_match
        name = match.view_name if match else ""
        method = "GET" if request.method == "HEAD" else request.method or ""
        line = lines().get((name, method))
        if line is None:
            return _closed(request, sorted(other for address, other in lines() if address == name))
        if settings.SECURE_SSL_REDIRECT and not request.is_secure():
            # Only what settings exempt from being led on comes here so: what programs call.
            return refusals.answer(request, NotEncrypted())
        if (name, method) in LIMITED:
            limit = limits.of_address(LIMITED[name, method], request.META.get("REMOTE_ADDR", ""))
            try:
                limits.take([limit])
            except Problem as problem:
                return refusals.answer(request, problem)
            limits.forget()
        if request.user.is_authenticated and name not in UNCOUNTED:
            try:
                limits.take([limits.of_account(request.user.pk)])
            except LimitReached as problem:
                return refusals.answer(request, AccountLimitReached(problem.detail, problem.retry_after))
        # A stranger is sent to sign in by the view's own guard.
        if (line.who in _BY_SESSION or name == "home") and request.user.is_authenticated:
            try:
                if line.who == "staff":
                    rights.require(request.user, line.act, line.thing)
                    lasting.require_two_factors(request.session, request.user)
                elif name != "sign-in-second":
                    lasting.require_chosen_second(request.session, request.user, line.who)
                if line.fresh:
                    lasting.require_fresh(request.session)
            except Problem as problem:
                way = proving.way(request, problem)
                if way is None:
                    audit.note(
                        f"{line.act} {line.thing}".strip() or problem.code,
                        name,
                        act="refused",
                        code=problem.code,
                    )
                return way or refusals.answer(request, problem)
        return None


def actor(request: HttpRequest) -> audit.Actor:
    """Who acts by this request: a key that was let in (caller.py), or whoever is signed in, or nobody yet."""
    match = request.resolver_match
    line = lines().get((match.view_name if match else "", request.method or ""))
    key = getattr(request, "abate_key", "")
    if key or (line is not None and line.who in {"verifier", "key"}):
        return audit.Actor(key, "interface", line.who if line else "key")
    via = "interface" if request.path.startswith("/v1/") else "page"
    if not request.user.is_authenticated:
        return audit.Actor(via=via)
    user = request.user
    role = user.kind if user.kind == User.Kind.PERSON else ",".join(queries.roles(user))
    # Somebody who acts for a party holds none of the operator's roles.
    return audit.Actor(user.handle, via, role or (line.who if line else ""), user.pk)


def _closed(request: HttpRequest, methods: list[str]) -> HttpResponse:
    if not methods:
        return refusals.answer(request, NoRightDeclared())
    refused = refusals.answer(request, MethodNotDeclared())
    refused["Allow"] = ", ".join([*methods, "HEAD"] if "GET" in methods else methods)
    return refused
