"""What to do about a line of a conformance run that did not pass: (Chinese, English)."""

from __future__ import annotations

WHAT_TO_DO: dict[str, tuple[str, str]] = {
    "access": (
        "检查密钥：编号和密码是否完整，是否为本沙箱签发，是否已撤销或限制了网络地址。",
        "Look at the key: whole, of this sandbox, neither revoked nor bound to other addresses.",
    ),
    "stranger": (
        "假令牌被放行：请立即告知运营方。",
        "A made-up token was let in: tell the operator at once.",
    ),
    "good": (
        "看答复中的 reason 和 remedy：机构须可报送该行为，用户须已授权。",
        "Read `reason` and `remedy` of the answer: the party must be let send the behaviour, the person have agreed to it.",
    ),
    "repeated": (
        "重发时编号和内容须逐字节相同。",
        "Send the same id with the same content, to the last digit.",
    ),
    "conflict": (
        "一个编号只对应一个事件：内容变了就用新编号，并以 corrects 指明原事件。",
        "One id is one event: other content goes under a new id, with `corrects` naming the old one.",
    ),
    "bad": (
        "发送前按方法学检查字段、时间、来源和授权；被拒绝的事件改正后可用同一编号重发。",
        "Check fields, time, source and consent before sending; a refused event may be sent again under its id once mended.",
    ),
    "mixed": (
        "逐条读取 results：同批其他事件不受影响。",
        "Read `results` one by one: the others of the batch stand.",
    ),
    "order": (
        "按发送顺序把结果对应到事件。",
        "Match results to events in the order sent.",
    ),
    "withdrawn": (
        "撤回事件须有新编号，data 中写明原编号和原因。",
        "A withdrawal has an id of its own, and in `data` the event's id and a reason.",
    ),
    "corrected": (
        "更正事件须有新编号、corrects 和 correctedfor，且用户相同。",
        "A correction has a new id, `corrects`, `correctedfor`, and the same subject.",
    ),
    "idempotent": (
        "重试时幂等键和内容都不变；新内容用新键。",
        "A retry keeps key and content; another content takes another key.",
    ),
    "own": (
        "该行为的记录未被接受：按 `abate methods show` 的字段和单位组织数据；机构须可报送该行为，用户须已授权。",
        "A record of this behaviour was not taken: shape it as `abate methods show` lists its fields and units; the party must be"
        " let send it, the person have agreed to it.",
    ),
    "limits": (
        "正文须为 JSON 数组，每次最多 1,000 个事件、5 MB。",
        "The body is a JSON array of at most 1,000 events and 5 MB.",
    ),
    "signed": (
        "检查公钥是否登记、keyid 是否正确、时钟误差是否在 5 分钟内；每次发送重新签名。",
        "See that the public key is registered, the keyid right, the clock within 5 minutes; sign every sending anew.",
    ),
}
_AS = {
    "repeated-entry": "repeated",
    "reordered": "repeated",
    "withdrawn-again": "withdrawn",
    "key-reused": "idempotent",
    "no-json": "limits",
    "too-many": "limits",
    "replayed": "signed",
    "changed": "signed",
}


def todo(name: str) -> tuple[str, str]:
    """What to do about the line `name`; for one that could not be finished, to start the run again."""
    group = next((group for group in ("bad", "own") if name.startswith(f"{group}-")), name)
    found = WHAT_TO_DO.get(_AS.get(name, group))
    return found or ("修正后重新自检。", "Mend it and run the checks again.")
