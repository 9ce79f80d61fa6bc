"""Around every answer of a view: the headers of shielding.py, and refusals told as the caller reads them."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from abate.platform.doors.errors import Problem
from abate.platform.web import refusals, shielding


class NotText(Problem):
    code = "not-text"
    status = 400
    zh = "提交的内容含有无法保存的字符。"
    en = "What was sent holds a sign that no text can hold."
    why_zh = "无法保存的字符会使内容与原文不符。"
    why_en = "A text that cannot be kept as it was sent would be another text."
    remedy_zh = "请删除不可见字符后重新输入。"
    remedy_en = "Remove invisible signs and type it again."


def _has_nul(request: HttpRequest) -> bool:
    """PostgreSQL holds no NUL in text: it would be an error of ours that anybody can cause."""
    given = [request.GET] if request.method in {"GET", "HEAD"} else [request.GET, request.POST]
    return any("\x00" in text for fields in given for _, texts in fields.lists() for text in texts)


class Pages:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = refusals.answer(request, NotText()) if _has_nul(request) else self.get_response(request)
        return shielding.as_a_page(response)

    def process_exception(self, request: HttpRequest, fault: Exception) -> HttpResponse | None:
        """An expected refusal that no view caught is told as such; anything else stays a fault."""
        return refusals.answer(request, fault) if isinstance(fault, Problem) else None
