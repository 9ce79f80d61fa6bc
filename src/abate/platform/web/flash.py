"""What the next page says once, such as "Decided: 3": Django's store of it, in a cookie that is named like the others."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.messages.storage.cookie import CookieStorage
from django.contrib.messages.storage.fallback import FallbackStorage
from django.contrib.messages.storage.session import SessionStorage


class _Cookie(CookieStorage):
    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self.cookie_name = settings.ABATE_FLASH_COOKIE_NAME


class Flash(FallbackStorage):
    storage_classes = (_Cookie, SessionStorage)
