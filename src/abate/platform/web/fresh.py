"""What is done and what is missing of an installation's first set-up, as far as a running server sees it."""

from __future__ import annotations

from pathlib import Path

from django.conf import settings

from abate.platform.carbon import basis
from abate.platform.doors import backup
from abate.platform.doors.keyring import keyring
from abate.platform.review import queries as review
from abate.platform.web.first_steps import STEPS as STEPS


def is_fresh() -> bool:
    """Whether nobody was given a post yet, on an installation that is meant for real people."""
    return not (settings.ABATE_SANDBOX or settings.ABATE_DEMO) and review.opened_at() is None


def done() -> dict[str, bool]:
    """Each step by name. Names of folders and keys stay here: the page is open to anyone."""
    opened = review.opened_at() is not None
    return {
        "settings": bool(settings.ABATE_BACKUP),
        "secrets": not keyring().log_origin.startswith("abate.invalid"),
        "database": True,
        "people": opened,
        "basis": opened and not basis.apart(),
        "backup": bool(settings.ABATE_BACKUP and backup.bases(Path(settings.ABATE_BACKUP))),
    }
