"""Somebody of the operator's revokes a key of a party's at once: one person is enough to stop (decision 0020), and says why."""

from __future__ import annotations

from django.db import transaction

from abate.platform.doors.errors import Problem
from abate.platform.doors.words import on_one_line
from abate.platform.notices import actions as notices
from abate.platform.parties.actions import revoke_client
from abate.platform.parties.models import Client
from abate.platform.parties.queries import people_of
from abate.platform.review import rights
from abate.platform.review.models import User

_REASON = 200


class RevokingNeedsReason(Problem):
    code = "key-revoking-needs-reason"
    status = 422
    zh = "撤销机构的密钥须说明理由（1 至 200 字，一行）；密钥没有变化。"
    en = "To revoke a party's key needs a reason, 1 to 200 signs on one line; the key is as it was."
    why_zh = "撤销立即中断该机构的报送，事后须能说明原因。"
    why_en = "It stops what the party sends at once; later somebody has to be able to say why."
    remedy_zh = "请写明理由后再撤销。"
    remedy_en = "Say why, and revoke it again."


def revoke(user: User, client_id: str, why: str) -> str:
    """Revoke any party's key and every token made with it; its party's people are told. Returns the party's code.

    Raises NoRight, RevokingNeedsReason, ClientUnknown (also where it is revoked already). Clause P-6.1-b.
    """
    rights.require(user, "delete", "keys")
    said = why.strip()
    if not 0 < len(said) <= _REASON or not on_one_line(said):
        raise RevokingNeedsReason
    with transaction.atomic():
        revoke_client(client_id, why=said)
        party = Client.objects.select_related("party").get(pk=client_id).party
        notices.write(people_of(party.pk), "party.key-revoked")
    return party.code
