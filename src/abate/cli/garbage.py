"""How often Python looks for garbage: seldom while a program starts, as usual once it serves."""

from __future__ import annotations

import atexit
import gc

_USUAL = (700, 10, 10)


def seldom() -> None:
    """Imports, the catalogue and migrations make a million objects, nearly all of which stay: to walk through them at each
    seven hundredth new one, as Python does, was a quarter of the time of making a database.
    """
    gc.set_threshold(15_000, 20, 20)


def as_usual() -> None:
    """For a process that stays: what its start made is walked through no more, and what a request leaves goes soon after it.

    A request is a cycle and holds its body: looked for seldom, a hundred dead ones stay in memory.
    """
    gc.freeze()
    # Else a library of ours finds at the end that what lies frozen was never freed, and prints fifty lines of it.
    atexit.register(gc.unfreeze)
    gc.set_threshold(*_USUAL)
