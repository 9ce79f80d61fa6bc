"""Who has a part in what is decided about a party, and therefore no say in it. (P-8.4-c)"""

from __future__ import annotations

from abate.platform.parties.models import Member


def has_part(code: str, human: bytes) -> bool:
    """Whether whoever this digest of an identity names acts for the party `code`, under whatever account of the staff's."""
    return Member.objects.filter(party__code=code, user__staff__human_id=human).exists()
