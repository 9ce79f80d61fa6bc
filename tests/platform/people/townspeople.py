"""Made-up people, the codes sent to them, and many doing one thing at the same moment."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from threading import Barrier

from django.db import connection

from abate.platform.people import actions, identity
from abate.platform.people.models import Person


def made_up_person(order: int = 1, contact: str | None = None) -> Person:
    number = identity.made_up_number(date(1980 + order // 1000, 1, 1), order % 1000)
    return actions.register("测试甲", number, [contact or f"138{order:08d}"], "notice-1", True)


def code_in(message: dict[str, str]) -> str:
    return next(
        word for word in message["body"].replace(",", " ").replace(",", " ").split() if word.isdigit()
    )


def at_once(count: int, act: Callable[[int], object]) -> list[object]:
    """Call `act(0..count-1)` in as many threads that start together; exceptions are results, in order."""
    start = Barrier(count)

    def one(index: int) -> object:
        try:
            start.wait(30)
            return act(index)
        except Exception as fault:
            return fault
        finally:
            connection.close()

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(one, range(count)))
