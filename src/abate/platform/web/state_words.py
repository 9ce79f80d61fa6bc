"""Words for codes that pages of several rooms and the proposals show: how an application and a request for data stand, what
a request asks for, what a key may do."""

from __future__ import annotations

from abate.platform.web.wording import Pair

APPLICATIONS = {
    "draft": ("填写中", "Being prepared", "wait"),
    "submitted": ("审核中", "Under review", "wait"),
    "returned": ("退回补正", "To be mended", "bad"),
    "admitted": ("已准入", "Admitted", "good"),
    "refused": ("不予准入", "Refused", "bad"),
    "withdrawn": ("已撤回", "Withdrawn", "none"),
}
REQUESTS = {
    "asked": ("待决定", "Asked", "wait"),
    "granted": ("已批准", "Granted", "good"),
    "refused": ("未批准", "Refused", "bad"),
    "revoked": ("已撤销", "Revoked", "bad"),
    "over": ("已过期", "Over", "part"),
}
FIGURES: dict[str, Pair] = {
    "people": ("人数", "people"),
    "month": ("月份", "month"),
    "behaviour": ("行为", "behaviour"),
    "acts": ("行为次数", "acts"),
    "carbon_mg": ("减排量", "reduction"),
    "credits": ("绿色积分", "green credits"),
}
ABOUT: dict[str, Pair] = {
    "aggregate": ("人群的汇总数", "figures of groups"),
    "people": ("个人（须本人同意）", "single people, with their consent"),
}
CONTACTS: dict[str, Pair] = {
    "waiting": ("待处理", "waits for a decision"),
    "done": ("已更换", "done"),
    "refused": ("已驳回", "refused"),
    "withdrawn": ("已撤回", "taken back"),
    "void": ("已失效", "void"),
}
"""How a request for another contact stands."""
SCOPES: dict[str, Pair] = {
    "events": ("报送事件、查询本机构的事件", "send events and read one's own"),
    "sharing": (
        "申请汇总数据或个人同意提供的数据",
        "ask for figures of groups, or for data of people who agree",
    ),
    "log": ("读取日志", "read the log"),
}
"""What a key may do."""
