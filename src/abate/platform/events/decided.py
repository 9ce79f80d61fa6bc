"""What three people decided about sources of public data: the only writer of their versions."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from django.db import transaction

from abate.platform.doors import clock
from abate.platform.events.models import Source
from abate.platform.review.audit import audited


@audited("source.declare", lambda given, _: f"{given['party_id']}/{given['code']}")
def declare(
    party_id: int,
    code: str,
    *,
    mark: str,
    level: int,
    uses: Sequence[str],
    shared_with: Sequence[str],
    retention_days: int,
    valid_from: date,
    valid_until: date,
) -> int:
    """Write the next version of a source down; returns its number. What came under an earlier version keeps that one."""
    with transaction.atomic():
        last = Source.objects.filter(party_id=party_id, code=code).order_by("-version").first()
        made = Source.objects.create(
            party_id=party_id,
            code=code,
            version=last.version + 1 if last else 1,
            mark=mark,
            level=level,
            uses=sorted(uses),
            shared_with=sorted(shared_with),
            retention_days=retention_days,
            valid_from=valid_from,
            valid_until=valid_until,
            at=clock.now(),
        )
    return int(made.version)
