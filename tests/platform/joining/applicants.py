"""Made-up applicants for the tests of joining: particulars, papers, and the way from application to admission."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from abate.demo import desk
from abate.platform.carbon import basis
from abate.platform.doors import clock
from abate.platform.joining import actions, queries
from abate.platform.joining.actions import Particulars, credit_code_sign
from abate.platform.joining.kinds import kinds
from abate.platform.joining.models import Application
from abate.platform.parties.models import Party
from abate.platform.review.models import User

PDF = b"%PDF-1.7\n1 0 obj <<>> endobj\n%%EOF\n"


def registration(number: int = 0) -> str:
    """A code with a right check sign in an administrative division that there is not."""
    first = f"91999999{number:09d}"
    return first + credit_code_sign(first)


PARTICULARS = Particulars(
    code="made-up-rides",
    kind="data_provider",
    title_zh="虚构骑行",
    title_en="Made-up Rides",
    registration=registration(),
    contact_name="经办人",
    contact="joining@example.org",
    grants=("data",),
    behaviours=("online-meeting", "walking"),
)


def later(days: int = 300) -> date:
    return clock.today() + timedelta(days=days)


def draft(**changes: object) -> Application:
    one, _ = actions.apply(replace(PARTICULARS, **changes), basis.catalogue().methods)  # type: ignore[arg-type]
    return one


def bring(one: Application, *, until: date | None = None, but: tuple[str, ...] = ()) -> None:
    """Every document that is asked for, but these."""
    for kind in queries.required(one):
        if kind not in but:
            dated = kinds().documents[kind].dated
            actions.add_document(
                one, kind, f"{kind}.pdf", PDF + kind.encode(), (until or later()) if dated else None
            )


def submitted(**changes: object) -> Application:
    one = draft(**changes)
    actions.prove(one.user)
    bring(one)
    actions.submit(one, kinds().terms)
    return one


def reviewer() -> User:
    return desk.staffed()["entry"]


def reviewed(**changes: object) -> Application:
    one = submitted(**changes)
    for row in queries.newest(one).values():
        actions.find(one, row.pk, in_order=True, note="", user=reviewer())
    return one


def admitted(*, to_day: date | None = None, **changes: object) -> Party:
    one = reviewed(**changes)
    desk.decide("party.admit", application=str(one.pk), to_day=(to_day or later(400)).isoformat())
    return Party.objects.get(code=one.code)


def public_pem() -> str:
    private = ed25519.Ed25519PrivateKey.generate()
    return private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
