"""The copy of a person's data on paper; the JSON of the same moment is attached."""

from __future__ import annotations

from datetime import datetime

from abate.platform.doors import clock
from abate.platform.web import amounts, own_data, statement_pdf
from abate.platform.web.own_data_words import Teller
from abate.platform.web.wording import english, pick, say

TITLES = {
    "account": ("账户与身份", "Account and identity"),
    "former_identities": ("更正前的身份信息", "Identity before it was corrected"),
    "contacts": ("联系方式", "Contacts"),
    "consents": ("同意", "Consents"),
    "authorisations": ("对合作方的授权", "Authorisations"),
    "names_at_partners": ("合作方所用的代号", "Names at partners"),
    "groups": ("家庭与单位", "Household and organisations"),
    "guardian": ("监护", "Guardian"),
    "children": ("由您管理的儿童账户", "Accounts of children you look after"),
    "behaviours": ("行为记录", "Behaviours"),
    "entries": ("账户分录", "Entries"),
    "codes": ("兑换码", "Codes"),
    "cases": ("异常核查案件", "Cases of anomalies"),
    "quarantine": ("隔离的记录", "Records kept back"),
    "requests": ("请求与答复", "Requests and answers"),
    "sign_in": ("登录因素", "Ways of signing in"),
    "sessions": ("会话", "Sessions"),
    "readings": ("谁查阅过", "Who read it"),
    "asked_by_parties": ("机构申请获取的信息", "What parties asked to be told"),
    "told_to_parties": ("经同意提供给机构的读取", "What parties were told"),
    "notices": ("通知", "Notices"),
    "incidents": ("告知的安全事件", "Incidents you were told of"),
    "notice_choices": ("通知设置", "What you chose to be told"),
    "browsers": ("接收通知的浏览器", "Browsers that are told"),
    "opened_by_others": ("他人打开过的内容", "What others opened"),
}


def render(told: dict[str, object]) -> bytes:
    """Raises NoChineseFont."""
    teller, made = Teller.now(), datetime.fromisoformat(str(told["made_at"]))
    zone = clock.zone().key
    page = {
        "lang": "en" if english() else "zh",
        "title": say("我的个人信息副本", "A copy of my data"),
        "note": say(
            "时间均为 {zone} 时间；减排量以克二氧化碳当量计。附件 own-data.json 是同一时刻的完整数据，保持系统中的原样。",
            "Times are those of {zone}; avoided emissions are in grams of CO₂e. The attached own-data.json is the same "
            "data of the same moment, as it is stored.",
            zone=zone,
        ),
        "footer": f"{own_data.FORMAT} · {amounts.stamp(made)} {zone}",
        "nothing": say("没有", "None"),
        "parts": [
            {"title": pick(TITLES[name]), "rows": [teller.pairs(name, row) for row in rows]}
            for name, rows in told.items()
            if isinstance(rows, list)
        ],
    }
    return statement_pdf.set_page(
        "own_data.typ", page, {"own-data.json": own_data.as_json(told)}, clock.now()
    )
