"""QR codes as inline SVG: no picture file that a cache or a log of addresses could keep."""

from __future__ import annotations

from urllib.parse import urlencode

import segno
from django.conf import settings
from django.urls import reverse
from django.utils.safestring import SafeString, mark_safe


def code_address(code: str) -> str:
    """What the QR code says: the acceptor's page with the code filled in. Opening it burns nothing."""
    return f"{settings.ABATE_ORIGIN}{reverse('acceptor')}?{urlencode({'code': code})}"


def svg(text: str) -> SafeString:
    """A QR code of `text`, error correction M, quiet zone 2, black on the white ground of its box."""
    made = segno.make(text, error="m", micro=False)
    picture = made.svg_inline(border=2, omitsize=True, svgclass=None, lineclass=None)
    return mark_safe(picture)  # noqa: S308 made by segno from modules, no text of ours in it
