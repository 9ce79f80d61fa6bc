"""What this room refuses, and what to do then."""

from __future__ import annotations

from abate.platform.doors.errors import Problem


class PartyCodeTaken(Problem):
    code = "party-code-taken"
    status = 409
    zh = "该机构代码已被使用。"
    en = "A party with this code exists already."
    why_zh = "机构代码永久指明一个机构。"
    why_en = "A code names one party for ever."
    remedy_zh = "请换一个代码;已有机构可用 `abate party list` 查看。"
    remedy_en = "Choose another code; `abate party list` shows the existing ones."


class PartyMalformed(Problem):
    code = "party-malformed"
    zh = "机构资料不完整或格式不符。"
    en = "The party's particulars are incomplete or malformed."
    why_zh = "资料不全无法指明一个机构。"
    why_en = "With less a party cannot be told from another."
    remedy_zh = "代码为 2 至 40 个小写字母、数字或连字符,以字母开头;中英文名称都要填写;类别须为列表之一。"
    remedy_en = (
        "A code has 2 to 40 lower-case letters, digits or hyphens and starts with a letter; both titles are "
        "needed; the kind is one of the list."
    )


class PartyUnknown(Problem):
    code = "party-unknown"
    status = 404
    zh = "没有这个机构。"
    en = "There is no such party."
    why_zh = "操作须针对一个现有机构。"
    why_en = "An action needs a party that exists."
    remedy_zh = "请核对机构代码;`abate party list` 列出全部机构。"
    remedy_en = "Check the code; `abate party list` shows all of them."


class NotAVerifier(Problem):
    code = "party-not-a-verifier"
    status = 422
    zh = "该机构不是核查机构。"
    en = "This party is not a verifier."
    why_zh = "叶子和披露项只对核查机构开放。"
    why_en = "Leaves and openings are for verifiers only."
    remedy_zh = "只有类别为 verifier 的机构可以查看叶子和披露项:`abate party create --kind verifier`。"
    remedy_en = (
        "Only a party of kind verifier may see leaves and openings: `abate party create --kind verifier`."
    )


class PartySuspended(Problem):
    code = "party-suspended"
    status = 403
    zh = "该机构已暂停接入。"
    en = "This party is suspended."
    why_zh = "暂停期间不接收、不发放。"
    why_en = "Nothing is taken from a suspended party and nothing is given to it."
    remedy_zh = "请联系平台运营方。"
    remedy_en = "Ask the operator of the platform."


class BehaviourMalformed(Problem):
    code = "behaviour-malformed"
    zh = "行为代码格式不符。"
    en = "The code of a behaviour is malformed."
    why_zh = "代码须能唯一指明一种行为。"
    why_en = "A code must name one behaviour of the catalogue."
    remedy_zh = "请使用方法学目录中的代码,例如 walking;`abate methods list` 列出全部。"
    remedy_en = "Use a code of the catalogue, such as walking; `abate methods list` shows all of them."


class ClientUnknown(Problem):
    code = "client-unknown"
    status = 404
    zh = "没有这个接口密钥,或它已被撤销。"
    en = "There is no such key, or it was revoked before."
    why_zh = "只能管理现存的密钥。"
    why_en = "Only a key that exists can be changed."
    remedy_zh = "请核对密钥编号。"
    remedy_en = "Check the key's id."


class KeyMalformed(Problem):
    code = "idempotency-key-malformed"
    status = 400
    zh = "Idempotency-Key 的格式不符。"
    en = "The Idempotency-Key is malformed."
    why_zh = "读错的键会把两个请求当成一个。"
    why_en = "A key that is misread would take two requests for one."
    remedy_zh = '使用 1 至 128 个可见 ASCII 字符，置于双引号中，例如 "8e03978e-40d5-43dd-bc93-6994a57f9324"。'
    remedy_en = 'Send 1 to 128 printable ASCII signs in double quotes, such as "8e03978e-40d5-43dd-bc93-6994a57f9324".'


class KeyReused(Problem):
    code = "idempotency-key-reused"
    status = 422
    zh = "该 Idempotency-Key 已用于另一个请求。"
    en = "This Idempotency-Key stands for another request already."
    why_zh = "一个键只对应一个请求和一个结果。"
    why_en = "A key stands for one request and its one answer."
    remedy_zh = "内容不同时换一个键；24 小时后键可重新使用。"
    remedy_en = "Send another content under another key; a key is free again after 24 hours."


class KeyInFlight(Problem):
    code = "idempotency-key-in-flight"
    status = 409
    zh = "同一 Idempotency-Key 的请求正在处理。"
    en = "A request with this Idempotency-Key is at work."
    why_zh = "结果尚未确定，不能重复执行。"
    why_en = "Its answer is not there yet, and it must not be done twice."
    remedy_zh = "稍后原样重发。"
    remedy_en = "Send the same again in a moment."
