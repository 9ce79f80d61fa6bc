"""What people write comes in on one line, in their own script."""

from __future__ import annotations

WIDE_SPACE = "\u3000"
"""The space of a Chinese keyboard, which Python does not count as printable."""


def on_one_line(words: str) -> bool:
    """Whether it is text without line ends, controls and signs that turn the direction of what follows; "" is."""
    return words.replace(WIDE_SPACE, " ").isprintable()
