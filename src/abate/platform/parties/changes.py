"""The changes of this room that need three people (review/changes.py): partners, what they may send, keys, members."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from django.conf import settings

from abate.platform.doors.errors import Problem
from abate.platform.notices import actions as notices
from abate.platform.parties import actions, bindable, collecting, interest, queries, signatures
from abate.platform.parties.conditions import check_scopes
from abate.platform.parties.errors import ClientUnknown
from abate.platform.parties.models import Client, Member, Party
from abate.platform.review import changes
from abate.platform.review import queries as review
from abate.platform.review.changes import REQUIRED, Action, Json
from abate.platform.review.errors import AccountUnknown, ArgumentsMalformed
from abate.platform.review.models import User


class ApplicationNeeded(Problem):
    code = "party-application-needed"
    status = 422
    zh = "真实机构须经入驻申请准入。"
    en = "A real organisation joins by an application."
    why_zh = "没有人审核过其资质文件，也没有文件到期即停的日期（T/CECA-G 0203，6）。"
    why_en = "Nobody read its papers, and no date of theirs would end what it may do (T/CECA-G 0203, 6)."
    remedy_zh = "请机构在 /join 申请，或运营方用 `abate party apply` 录入并提出准入；演示和沙箱中的虚构机构须标明为虚构。"
    remedy_en = (
        "It applies on /join, or the operator enters it with `abate party apply` and proposes to admit it; a made-up one of "
        "a demo or a sandbox says that it is."
    )


def _texts(given: Json, *names: str) -> Json:
    """`given` with lists of texts sorted, none twice. Raises ArgumentsMalformed."""
    for name in names:
        if given[name] is not None and not all(isinstance(one, str) for one in given[name]):
            raise ArgumentsMalformed(name)
    return given | {name: given[name] and sorted(set(given[name])) for name in names}


def _party(given: Json) -> Json:
    found = Party.objects.filter(code=given["code"]).first()
    if found is None:
        return {"party": None}
    names = ("code", "kind", "title_zh", "title_en", "status", "made_up")
    told = {name: getattr(found, name) for name in names}
    return {"party": told | {"behaviours": list(queries.behaviours(found.pk))}}


def _made(given: Json, _: Json) -> Json:
    titles = {name: given[name].strip() for name in ("title_zh", "title_en")}
    return {"party": given | titles | {"status": Party.Status.ACTIVE.value}}


def _create(given: Json) -> Json:
    actions.create_party(
        given["code"],
        given["kind"],
        given["title_zh"],
        given["title_en"],
        given["behaviours"],
        made_up=given["made_up"],
    )
    return {}


def _creatable(given: Json) -> Json:
    actions.check_party(given["code"], given["kind"], given["title_zh"], given["title_en"])
    if not given["made_up"]:
        raise ApplicationNeeded(given["code"])
    return _texts(given, "behaviours")


def _may_send(given: Json) -> Json:
    return {"behaviours": list(queries.behaviours(queries.party(given["code"]).pk))}


def _change_behaviours(given: Json) -> Json:
    party = queries.party(given["code"])
    actions.add_behaviours(party, given["add"])
    actions.remove_behaviours(party, given["remove"])
    return {}


def _status(given: Json) -> Json:
    return {"status": queries.party(given["code"]).status}


def _at_work(given: Json) -> Json:
    """For a party in force alone: one on trial is let in by what its sandbox signed, and one that left by nothing."""
    if (found := queries.party(given["code"]).status) not in (Party.Status.ACTIVE, Party.Status.SUSPENDED):
        raise ArgumentsMalformed(f"code: a party that was let in and has not left, not {found}")
    return given


def _suspend(given: Json) -> Json:
    party = queries.party(given["code"])
    actions.suspend(party)
    notices.write(queries.people_of(party.pk), "party.suspended")
    return {}


def _resume(given: Json) -> Json:
    actions.resume(queries.party(given["code"]))
    return {}


def _keys(given: Json) -> Json:
    """How many keys were ever made: a revoked one does not make room for one that nobody proposed."""
    return {"keys": Client.objects.filter(party=queries.party(given["code"])).count()}


def _conditioned(given: Json) -> Json:
    """Refused now and by name: on approval two people would have looked at what can never be."""
    texts = _texts(given, "addresses", *(["scopes"] if "scopes" in given else []))
    actions.normal_conditions(**_conditions(texts))
    return texts if texts.get("scopes") is None else texts | {"scopes": check_scopes(texts["scopes"])}


def _conditions(given: Json) -> dict[str, Any]:
    names = ("label", "addresses", "requests_per_minute")
    expires = None if given["expires_at"] is None else changes.moment(given, "expires_at")
    return {name: given[name] for name in names} | {"expires_at": expires}


def _issue(given: Json) -> Json:
    made = actions.issue_client(queries.party(given["code"]), given["scopes"], **_conditions(given))
    return _handed(made)


def _handed(made: tuple[str, str]) -> Json:
    """On live the approvers learn no secret: its party collects one. In the sandbox who asks is the party, and has it."""
    if settings.ABATE_SANDBOX:
        return {"client_id": made[0], "client_secret": made[1]}
    return collecting.leave_waiting(made[0])


def _issue_binding(given: Json) -> Json:
    made = actions.issue_binding(queries.party(given["code"]), given["redirects"], label=given["label"])
    return _handed(made)


def _bindable(given: Json) -> Json:
    texts = _texts(given, "redirects")
    return texts | {"redirects": bindable.checked(queries.party(given["code"]), texts["redirects"])}


def _key(given: Json) -> Client:
    found = Client.objects.filter(client_id=given["client_id"], revoked_at=None).first()
    if found is None:
        raise ClientUnknown(given["client_id"][:40])
    return found


def _successors(given: Json) -> Json:
    """The party's keys, counted; a key and its successor are two. And the end that the successor will have too."""
    until = (old := _key(given)).given_end
    return {"keys": Client.objects.filter(party=old.party).count(), "expires_at": until and until.isoformat()}


def _rotatable(given: Json) -> Json:
    if not 0 <= given["overlap_hours"] <= actions.LONGEST_OVERLAP / timedelta(hours=1):
        raise ArgumentsMalformed("party.rotate: overlap_hours")
    return given


def _rotate(given: Json) -> Json:
    made = actions.rotate_client(given["client_id"], overlap=timedelta(hours=given["overlap_hours"]))
    if settings.ABATE_SANDBOX:
        actions.begin_overlap(made[0])
    return _handed(made)


def _present_conditions(given: Json) -> Json:
    found = _key(given)
    expires = found.expires_at and found.expires_at.isoformat()
    return {
        "label": found.label,
        "addresses": list(found.addresses),
        "requests_per_minute": found.requests_per_minute,
        "expires_at": expires,
    }


def _other_conditions(given: Json, _: Json) -> Json:
    return actions.normal_conditions(**_conditions(given))


def _change_key(given: Json) -> Json:
    actions.change_client(given["client_id"], **_conditions(given))
    return {}


def _signing(given: Json) -> Json:
    found = _key(given)
    live = found.public_keys.filter(revoked_at=None).order_by("pk")
    return {"keyids": [one.pk for one in live], "must_sign": found.must_sign}


def _signs(given: Json, before: Json) -> Json:
    _, der = signatures.algorithm_of(given["pem"])
    key_id = signatures.key_id_of(given["client_id"], der)
    return {
        "keyids": sorted({*before["keyids"], key_id}),
        "must_sign": before["must_sign"] or given["must_sign"],
    }


def _register_public(given: Json) -> Json:
    made = actions.register_public_key(given["client_id"], given["pem"], must_sign=given["must_sign"])
    return {"keyid": made}


_LIMITS = ("requests_per_minute", "events_per_day")


def _limits(given: Json) -> Json:
    party = queries.party(given["code"])
    return {name: getattr(party, name) for name in _LIMITS}


def _set_limits(given: Json) -> Json:
    actions.set_limits(queries.party(given["code"]), **{name: given[name] for name in _LIMITS})
    return {}


def _acting(given: Json) -> User:
    found = review.staff(given["account"])
    if found is None:
        raise AccountUnknown(given["account"][:40])
    return found


def _membership(given: Json) -> Json:
    own = Member.objects.filter(user=_acting(given), party=queries.party(given["code"]), role=given["role"])
    return {"member": own.exists()}


def _set_member(given: Json) -> Json:
    change = actions.add_member if given["member"] else actions.remove_member
    change(_acting(given), queries.party(given["code"]), given["role"])
    return {}


def _has_part(given: Json, human: bytes) -> bool:
    """Who acts for the party that it is about, or shall."""
    key = Client.objects.filter(client_id=given.get("client_id")).select_related("party").first()
    code = key.party.code if key else given.get("code", "")
    own = "account" in given and _acting(given).pk in interest.accounts(human)
    return own or interest.has_part(code, human)


_CODE = {"code": (str, REQUIRED)}
_CONDITIONS = {
    "label": (str, ""),
    "expires_at": (str, None),
    "addresses": (list, []),
    "requests_per_minute": (int, None),
}
_ACTIONS = (
    Action(
        name="party.create",
        zh="新增虚构机构（演示、沙箱）",
        en="add a made-up party (demo, sandbox)",
        fields={
            **_CODE,
            "kind": (str, "data_provider"),
            "title_zh": (str, REQUIRED),
            "title_en": (str, REQUIRED),
            "behaviours": (list, []),
            "made_up": (bool, False),
        },
        normal=_creatable,
        look=_party,
        after=_made,
        execute=_create,
    ),
    Action(
        name="party.behaviours",
        zh="调整机构可报送的行为",
        en="change what a party may send",
        fields={**_CODE, "add": (list, []), "remove": (list, [])},
        normal=lambda given: _texts(given, "add", "remove"),
        look=_may_send,
        after=lambda given, before: {
            "behaviours": sorted({*before["behaviours"], *given["add"]} - {*given["remove"]})
        },
        execute=_change_behaviours,
        stands=lambda given, after: set(_may_send(given)["behaviours"]) <= set(after["behaviours"]),
        of=lambda given: f"behaviours {given['code']}",
    ),
    Action(
        name="party.suspend",
        zh="暂停机构接入",
        en="suspend a party",
        fields=_CODE,
        normal=_at_work,
        look=_status,
        after=lambda *_: {"status": Party.Status.SUSPENDED.value},
        execute=_suspend,
        stands=lambda given, _: _status(given)["status"] != Party.Status.ACTIVE,
        of=lambda given: queries.of_status(given["code"]),
    ),
    Action(
        name="party.resume",
        zh="恢复机构接入",
        en="let a suspended party in again",
        fields=_CODE,
        normal=_at_work,
        look=_status,
        after=lambda *_: {"status": Party.Status.ACTIVE.value},
        execute=_resume,
        of=lambda given: queries.of_status(given["code"]),
    ),
    Action(
        name="party.client",
        zh="签发接口密钥",
        en="issue a key",
        fields={**_CODE, "scopes": (list, None), **_CONDITIONS},
        normal=_conditioned,
        look=_keys,
        after=lambda _, before: {"keys": before["keys"] + 1},
        execute=_issue,
    ),
    Action(
        name="party.binding",
        zh="签发账号绑定密钥",
        en="issue a key to bind people's accounts",
        fields={**_CODE, "redirects": (list, REQUIRED), "label": (str, "")},
        normal=_bindable,
        look=_keys,
        after=lambda _, before: {"keys": before["keys"] + 1},
        execute=_issue_binding,
    ),
    Action(
        name="party.rotate",
        zh="更换接口密钥",
        en="make the successor of a key",
        fields={"client_id": (str, REQUIRED), "overlap_hours": (int, REQUIRED)},
        normal=_rotatable,
        look=_successors,
        after=lambda _, before: {**before, "keys": before["keys"] + 1},
        execute=_rotate,
    ),
    Action(
        name="party.conditions",
        zh="调整接口密钥的条件",
        en="give a key other conditions",
        fields={"client_id": (str, REQUIRED), **_CONDITIONS},
        normal=_conditioned,
        look=_present_conditions,
        after=_other_conditions,
        execute=_change_key,
    ),
    Action(
        name="party.sign",
        zh="登记密钥的签名公钥",
        en="let a key sign its requests",
        fields={"client_id": (str, REQUIRED), "pem": (str, REQUIRED), "must_sign": (bool, False)},
        look=_signing,
        after=_signs,
        execute=_register_public,
    ),
    Action(
        name="party.limits",
        zh="调整机构限额",
        en="change what a party may ask for",
        fields={**_CODE, **dict.fromkeys(_LIMITS, (int, None))},
        look=_limits,
        after=lambda given, _: {name: given[name] for name in _LIMITS},
        execute=_set_limits,
        stands=lambda given, after: changes.still(after, _limits(given)),
        of=lambda given: f"limits {given['code']}",
    ),
    Action(
        name="party.member",
        zh="机构经办人",
        en="let an account act for a party, or no longer",
        fields={
            **_CODE,
            "account": (str, REQUIRED),
            "role": (str, REQUIRED),
            "member": (bool, True),
        },
        look=_membership,
        after=lambda given, _: {"member": given["member"]},
        execute=_set_member,
    ),
)


def register() -> None:
    """Called once, when Django has started."""
    for action in _ACTIONS:
        changes.register(replace(action, concerns=_has_part))
