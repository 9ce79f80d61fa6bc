"""The few line icons of the pages, drawn for a 24 by 24 field."""

from __future__ import annotations

from django.utils.safestring import SafeString, mark_safe

_PATHS = {
    "home": "M4 11.5 12 5l8 6.5V19a1 1 0 0 1-1 1h-4.5v-5h-5v5H5a1 1 0 0 1-1-1z",
    "list": "M9 6h11M9 12h11M9 18h11M4.5 6h.01M4.5 12h.01M4.5 18h.01",
    "gift": "M4 10h16v10H4zM3 7h18v3H3zM12 7v13M12 7S10.5 3.5 8.5 4 8 7 12 7zm0 0s1.5-3.5 3.5-3S16 7 12 7z",
    "ticket": "M4 7h16v3.5a1.5 1.5 0 0 0 0 3V17H4v-3.5a1.5 1.5 0 0 0 0-3zM14 7v2m0 2.5v1m0 2.5v2",
    "person": "M12 12a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7zM5 20c0-3.5 3-5.5 7-5.5s7 2 7 5.5",
    "scan": "M4 8V5q0-1 1-1h3M16 4h3q1 0 1 1v3M20 16v3q0 1-1 1h-3M8 20H5q-1 0-1-1v-3M7 12h10",
    "gauge": "M4 18a8.5 8.5 0 1 1 16 0M12 14l4-4.5M12 14.5h.01",
    "key": "M14.5 10a4 4 0 1 0-3.200 3.900L12.5 15H15v2h2v2h3v-3l-5.700-4.600c.1-.4.2-.9.2-1.400zM10 9.5h.01",
    "globe": "M12 4a8 8 0 1 0 0 16 8 8 0 0 0 0-16zM4 12h16M12 4c5 5 5 11 0 16M12 4c-5 5-5 11 0 16",
    "out": "M10 5H6a1 1 0 0 0-1 1v12a1 1 0 0 0 1 1h4M14 8l4 4-4 4M18 12H9",
    "check": "M5 12.5 10 17.5 19 7",
    "info": "M12 4a8 8 0 1 0 0 16 8 8 0 0 0 0-16zM12 11v5M12 8h.01",
    "alert": "M12 4.5 20.5 19h-17zM12 10v4M12 16.5h.01",
    "next": "m9 5 7 7-7 7",
    "leaf": "M5 19c0-8 5-13 15-14-0.5 10-5 14.5-11 14-1.5-.1-2.5-.7-2.5-.7M5 19c1.5-4.5 4.5-7.5 9-9.5",
    "shield": "M12 4l7 2.5V12c0 4-3 6.800-7 8-4-1.200-7-4-7-8V6.5zM9 12l2.200 2.200L15.5 10",
    "down": "M12 4v11M7.5 11 12 15.5 16.5 11M5 19.5h14",
}


def path(name: str) -> SafeString:
    """The `<path>` of a known icon; KeyError for any other name."""
    return mark_safe(f'<path d="{_PATHS[name]}"/>')  # noqa: S308 our own constants only
