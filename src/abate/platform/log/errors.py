"""What stops the log. Numbering halts, entries go on being booked and wait in the queue."""

from __future__ import annotations


class LogDamaged(Exception):
    """What is stored is not what was signed. Nothing more is signed until a person has looked."""

    def __init__(self, code: str, what: str) -> None:
        super().__init__(
            f"{code}: {what}\n  Signing more on top would put the damage under a good signature.\n"
            "  Keep the database as it is, compare it with a backup and with the checkpoints others hold."
        )
        self.code, self.what = code, what
