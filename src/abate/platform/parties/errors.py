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
    remedy_zh = "只有类别为 verifier 的机构可以查看叶子和披露项:机构以 verifier 类别申请入驻（/join）。"
    remedy_en = (
        "Only a party of kind verifier may see leaves and openings: the organisation applies as one (/join)."
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


class LimitReached(Problem):
    code = "limit-reached"
    status = 429
    zh = "请求过于频繁，或当日事件数已达上限；本次未作处理。"
    en = "Too many requests, or the day's events are used up; nothing of this one was done."
    why_zh = "每个机构、密钥和地址都有限额，以免一方占满服务。"
    why_en = "Parties, keys and addresses have limits, so that one cannot crowd out the others."
    remedy_zh = "等待响应头 Retry-After 所示秒数后原样重发；需要更高限额请联系运营方。"
    remedy_en = "Send the same again after the seconds in Retry-After; ask the operator for a higher limit."

    def __init__(self, detail: str = "requests", retry_after: int = 1) -> None:
        super().__init__(detail)
        self.retry_after = retry_after


class PartyKeyMalformed(Problem):
    code = "party-key-malformed"
    status = 422
    zh = "密钥的名称、权限、地址或期限不符合要求。"
    en = "The key's label, scopes, addresses or time are not as they must be."
    why_zh = "写错的地址或期限会使密钥无法使用，或过于开放。"
    why_en = "A wrong address or time makes a key useless, or too open."
    remedy_zh = (
        "名称不超过 80 字；权限为 events、log 或 sharing；地址为 CIDR，例如 203.0.113.0/24；期限须在将来。"
    )
    remedy_en = (
        "A label has 80 signs at most; scopes are events, log or sharing; addresses are CIDR, such as "
        "203.0.113.0/24; a time lies ahead."
    )


class RedirectUnfit(Problem):
    code = "redirect-unfit"
    status = 422
    zh = "绑定后的返回地址不可用。"
    en = "An address to send people back to cannot be used."
    why_zh = "返回地址若可被他人占用，绑定码就会落入他人之手。"
    why_en = "Where somebody else can answer at the address, the code of a person goes to somebody else."
    remedy_zh = "给出 1 至 10 个完整的 https 地址，不含 * 和 #；仅本机测试可用 http://localhost。"
    remedy_en = "Give 1 to 10 whole https addresses without * and #; http only for localhost, to try it."


class KeyExpired(Problem):
    code = "party-key-expired"
    status = 401
    zh = "该密钥已过有效期。"
    en = "This key has passed its time."
    why_zh = "更换后的旧密钥只在约定时间前有效。"
    why_en = "A key that was rotated is good until the time that was named, and no longer."
    remedy_zh = "请改用新密钥；没有新密钥请联系运营方。"
    remedy_en = "Use the new key; without one, ask the operator."


class AddressRefused(Problem):
    code = "party-key-address"
    status = 403
    zh = "该密钥不能从这个网络地址使用。"
    en = "This key may not be used from this network address."
    why_zh = "限定地址后，泄露的密钥在别处无法使用。"
    why_en = "A key that is bound to addresses is worth nothing elsewhere, should it leak."
    remedy_zh = "请从登记的地址发送，或请运营方修改地址列表。"
    remedy_en = "Send from an address on its list, or ask the operator to change the list."


class OtherArea(Problem):
    code = "party-key-other-area"
    status = 401
    zh = "沙箱密钥不能用于正式环境，正式密钥也不能用于沙箱。"
    en = "A key of the sandbox does not work on live, nor a live one in the sandbox."
    why_zh = "沙箱中的事件绝不能进入正式账目。"
    why_en = "What is sent to the sandbox must never reach the books."
    remedy_zh = "请核对接口地址与密钥；沙箱密钥以 sandbox- 开头。"
    remedy_en = "Check address and key against each other; ids of sandbox keys begin with sandbox-."


class NotASandbox(Problem):
    code = "not-a-sandbox"
    status = 409
    zh = "这只能在沙箱中进行。"
    en = "This is for the sandbox only."
    why_zh = "虚构人员和试用事件不得进入正式账目。"
    why_en = "Made-up people and events of a trial have no place in the books."
    # Read by an applicant on a page as by an operator at a shell: the first cannot run anything here.
    remedy_zh = (
        "请打开沙箱的 /try：沙箱的地址与本站不同，请向运营方索取。"
        "运营方：请运行 `abate serve --sandbox`，其他命令加上 --sandbox。"
    )
    remedy_en = (
        "Open /try in the sandbox: it has another address than this one, which the operator tells you. "
        "The operator runs `abate serve --sandbox`, and says --sandbox with other commands."
    )


class PublicKeyUnfit(Problem):
    code = "public-key-unfit"
    status = 422
    zh = "该公钥不能用于签名校验。"
    en = "This public key cannot be used."
    why_zh = "弱的或不明的密钥可被伪造。"
    why_en = "A weak or unknown key could be forged."
    remedy_zh = "请提供 PEM 格式的 Ed25519、ECDSA P-256/P-384 或 3072 位以上的 RSA 公钥。"
    remedy_en = "Give a PEM of Ed25519, ECDSA on P-256 or P-384, or RSA of 3072 bits or more."


class SignatureInvalid(Problem):
    code = "signature-invalid"
    status = 401
    zh = "签名无效，或密钥未登记、已撤销。"
    en = "The signature does not verify, or its key is unknown or revoked."
    why_zh = "须确知请求由登记的密钥签名。"
    why_en = "A request must be proved to come from a key that is registered."
    remedy_zh = "按 RFC 9421 对本请求重新签名，keyid 使用登记公钥时得到的编号。"
    remedy_en = "Sign this very request by RFC 9421, with the keyid that registering the public key gave."


class SignatureStale(Problem):
    code = "signature-stale"
    status = 401
    zh = "签名的时间与平台相差超过 5 分钟，或已过期。"
    en = "The signature was made more than 5 minutes from our clock, or has expired."
    why_zh = "旧签名可能是被截获后重放的。"
    why_en = "An old signature may be one that somebody caught."
    remedy_zh = "请校准时钟，用当前时间 created 重新签名。"
    remedy_en = "Set the clock right and sign again with the present moment as created."


class SignatureReplayed(Problem):
    code = "signature-replayed"
    status = 401
    zh = "该签名的 nonce 已经用过。"
    en = "The nonce of this signature was used before."
    why_zh = "同一签名只接受一次，防止重放。"
    why_en = "A signature is taken once, so that nobody can send it again."
    remedy_zh = "每次发送（包括重发）都用新的 nonce 重新签名；重发的安全由事件 id 或 Idempotency-Key 保证。"
    remedy_en = "Sign each sending anew with another nonce, repeats too; event ids or an Idempotency-Key make repeats safe."


class SignatureAudience(Problem):
    code = "signature-audience"
    status = 401
    zh = "该签名不是为本平台所作。"
    en = "This signature was made for another platform."
    why_zh = "为他处所作的签名不能在此使用。"
    why_en = "What was signed for elsewhere must not be used here."
    remedy_zh = "签名参数 tag 须为本平台的地址（协议、主机和端口）。"
    remedy_en = "The parameter tag of the signature is the origin of this platform: scheme, host and port."


class SignatureDigest(Problem):
    code = "signature-digest"
    status = 401
    zh = "请求体与签名所含的 Content-Digest 不符。"
    en = "The body is not what the signed Content-Digest says."
    why_zh = "内容在签名后被改动，或摘要算错。"
    why_en = "The content was changed after it was signed, or its digest is wrong."
    remedy_zh = "对实际发送的字节计算 sha-256 或 sha-512 摘要（RFC 9530）后再签名。"
    remedy_en = "Take the sha-256 or sha-512 of the very bytes that are sent (RFC 9530), then sign."


class SignatureUncovered(Problem):
    code = "signature-uncovered"
    status = 401
    zh = "签名没有覆盖必需的部分。"
    en = "The signature does not cover what it must."
    why_zh = "没有签到的部分可被改动。"
    why_en = "What is not covered could be changed on the way."
    remedy_zh = (
        "覆盖 @method、@target-uri，有请求体时覆盖 content-digest，有 Idempotency-Key 时覆盖它；"
        "参数含 created、keyid、nonce（16 至 128 字符）和 tag。"
    )
    remedy_en = (
        "Cover @method, @target-uri, content-digest where there is a body, idempotency-key where there is one; give "
        "created, keyid, nonce (16 to 128 signs) and tag."
    )


class SignatureNeeded(Problem):
    code = "signature-needed"
    status = 401
    zh = "该密钥只接受签名的请求。"
    en = "This key takes signed requests only."
    why_zh = "约定签名后，被盗的令牌毫无用处。"
    why_en = "Where signing was agreed, a stolen token is worth nothing."
    remedy_zh = "按 RFC 9421 签名请求；令牌可以不带。"
    remedy_en = "Sign the request by RFC 9421; a token is not needed beside it."


class EndpointMalformed(Problem):
    code = "webhook-malformed"
    status = 422
    zh = "通知地址、类别或期限不符合要求。"
    en = "The address, the kinds or the time of a webhook are not as they must be."
    why_zh = "通知只发往公开的 https 地址，以免借平台探测内网。"
    why_en = (
        "Messages go to public https addresses only, so that nobody reaches a private network through us."
    )
    remedy_zh = (
        "给出不带用户名和片段的 https 地址、已知的类别；每个机构最多 5 个地址；"
        "每个地址同时最多 5 个密钥，新旧密钥最多并用 365 天。"
    )
    remedy_en = (
        "Give an https address without user or fragment, and known kinds; a party has 5 addresses at most, an address 5 "
        "secrets at a time, and an old and a new secret are used together for 365 days at most."
    )


class EndpointUnknown(Problem):
    code = "webhook-unknown"
    status = 404
    zh = "没有这个通知地址，或它已停用。"
    en = "There is no such webhook, or it has ended."
    why_zh = "只能管理现存的通知地址。"
    why_en = "Only a webhook that exists can be changed."
    remedy_zh = "用 `abate party hook list` 查看。"
    remedy_en = "`abate party hook list` shows them."


class MessageUnknown(Problem):
    code = "webhook-message-unknown"
    status = 404
    zh = "没有这条通知，或其地址已停用。"
    en = "There is no such message, or its webhook has ended."
    why_zh = "只能重发本机构的通知。"
    why_en = "A party has its own messages sent again only."
    remedy_zh = "用 `abate party hook log` 查看。"
    remedy_en = "`abate party hook log` shows them."


class DocumentsExpired(Problem):
    code = "party-documents-expired"
    status = 403
    zh = "该机构的资质文件或协议已过有效期，暂停接入。"
    en = "A document or the agreement of this party has passed its date, so it is not let in."
    why_zh = "资质失效的机构不得继续报送和兑付（T/CECA-G 0203，6.2、6.3）。"
    why_en = "Who lost its qualification sends nothing and redeems nothing (T/CECA-G 0203, 6.2 and 6.3)."
    remedy_zh = "请在入驻页面上传新文件；审核通过后恢复，期间的事件可以补发。"
    remedy_en = (
        "Upload the new document on your joining page; once it is approved, send again what was refused."
    )


class ConformanceMissing(Problem):
    code = "party-conformance-missing"
    status = 409
    zh = "该机构尚未提交通过的沙箱自检报告，不能使用正式密钥。"
    en = "This party has not shown a passed conformance run in the sandbox, so there is no live key for it yet."
    why_zh = "先在沙箱证明数据正确，再接入正式账目。"
    why_en = "What it sends is tried where nothing is booked before it reaches the books."
    remedy_zh = "在沙箱运行 `abate party check ... --report 文件`，并在入驻页面提交该文件。"
    remedy_en = (
        "Run `abate party check ... --report FILE` in the sandbox, and hand the file in on your joining page."
    )


class GrantMissing(Problem):
    code = "party-grant-missing"
    status = 403
    zh = "该机构没有这项授权：识别用户与提供行为数据分别授权。"
    en = (
        "This party has no such grant: identifying users and providing behaviour data are granted separately."
    )
    why_zh = "两类职责所需的资质和数据不同（T/CECA-G 0203，6.2）。"
    why_en = "The two need other documents and see other data (T/CECA-G 0203, 6.2)."
    remedy_zh = "请以对应类别申请该项授权。"
    remedy_en = "Apply for the grant that is needed."


class FirstKeyTaken(Problem):
    code = "party-first-key-taken"
    status = 409
    zh = "首个正式密钥已经领取。"
    en = "The first live key was collected already."
    why_zh = "准入审批只包含一个首发密钥。"
    why_en = "The admission decided on one first key."
    remedy_zh = "更多密钥请运营方提出（`abate party key new`），或更换现有密钥。"
    remedy_en = "The operator proposes further ones (`abate party key new`), or a successor of this one."
