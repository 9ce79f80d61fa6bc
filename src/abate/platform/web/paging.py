"""Lists that go on: a number in an address, and a page of a list with what is older than it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from django.http import HttpRequest

_BIGINT = 2**63


class Numbered(Protocol):
    """A row that has its place in a list by its number."""

    @property
    def id(self) -> int: ...


Row = TypeVar("Row", bound=Numbered)


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """Rows of a list, the newest first; `older` rows come after them, after the number `last`. `later` is no first page."""

    rows: Sequence[Row]
    older: int
    last: int
    later: bool


def whole_number(text: str, below: int = _BIGINT) -> int | None:
    """A whole number in an address; None for anything else and for what the database cannot hold."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 and int(text) < below else None


def page(
    request: HttpRequest,
    name: str,
    size: int,
    rows: Callable[[int | None, int], Sequence[Row]],
    count: Callable[[int], int],
) -> Page[Row]:
    """The page that the address asks for by `name`, of `size` rows at most. `rows` has those below a number, so many of them;
    `count` how many there are below one."""
    before = whole_number(request.GET.get(name, ""))
    found = rows(before, size)
    last = found[-1].id if len(found) == size else 0
    return Page(found, count(last) if last else 0, last, before is not None)
