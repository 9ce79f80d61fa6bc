"""Django's cache as a table: every process sees it, and what is read is JSON.

Django's own table would hold pickles: whoever can write a row could then run code in the server.
"""

from __future__ import annotations

import hashlib
import json
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.core.cache.backends.base import DEFAULT_TIMEOUT, BaseCache
from django.db import connection
from django.db.models import Q

from abate.platform.doors import clock

if TYPE_CHECKING:
    from django.db.models import QuerySet


class Table(BaseCache):
    """Values are what JSON can hold. Inside a transaction a value that was read is the reader's until its end."""

    def __init__(self, _: str, params: dict[str, Any]) -> None:
        super().__init__(params)

    def _named(self, key: str, version: int | None) -> tuple[str, QuerySet[Any]]:
        from abate.platform.signin.models import Kept  # lazy: the cache is made before models are there

        # Not validated: what memcached would not take is written to the server's log as it was sent, a code of a stranger's too.
        name = hashlib.sha256(self.make_key(key, version=version).encode()).hexdigest()
        return name, Kept.objects.filter(pk=name)

    def _until(self, timeout: Any) -> datetime | None:
        seconds = self.default_timeout if timeout is DEFAULT_TIMEOUT else timeout
        return None if seconds is None else clock.now() + timedelta(seconds=seconds)

    def get(self, key: str, default: Any = None, version: int | None = None) -> Any:
        _, named = self._named(key, version)
        rows = named.filter(Q(until=None) | Q(until__gt=clock.now()))
        # A code is exchanged once: who comes second waits for the first, and finds it gone.
        rows = rows.select_for_update() if connection.in_atomic_block else rows
        found = rows.values_list("value", flat=True).first()
        return default if found is None else json.loads(found)

    def set(self, key: str, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> None:
        name, named = self._named(key, version)
        row = {"value": json.dumps(value), "until": self._until(timeout)}
        named.model.objects.update_or_create(pk=name, defaults=row)

    def add(self, key: str, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        name, named = self._named(key, version)
        named.filter(until__lte=clock.now()).delete()
        with connection.cursor() as cursor:
            cursor.execute(
                "insert into signin_kept (name_sha256, value, until) values (%s, %s, %s) on conflict do nothing",
                [name, json.dumps(value), self._until(timeout)],
            )
            return cursor.rowcount == 1

    def touch(self, key: str, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        _, named = self._named(key, version)
        return bool(named.update(until=self._until(timeout)))

    def delete(self, key: str, version: int | None = None) -> bool:
        _, named = self._named(key, version)
        return bool(named.delete()[0])

    def clear(self) -> None:
        from abate.platform.signin.models import Kept  # lazy: as above

        Kept.objects.all().delete()
