"""Problems with a whole request: nothing of it was read or changed."""

from __future__ import annotations

from abate.platform.doors.errors import Problem


class Malformed(Problem):
    code = "malformed"
    status = 400
    zh = "请求体不是合法的 JSON。"
    en = "The body is not valid JSON."
    why_zh = "无法确定请求的内容。"
    why_en = "It cannot be told what the request says."
    remedy_zh = "发送 UTF-8 编码的 JSON（RFC 8259）；其中没有 NaN 和 Infinity。"
    remedy_en = "Send JSON in UTF-8 (RFC 8259); it has no NaN and no Infinity."


class EmptyBatch(Problem):
    code = "empty-batch"
    status = 400
    zh = "批次中没有事件。"
    en = "There is no event in the batch."
    why_zh = "空请求无法得到任何结果。"
    why_en = "There is nothing that an answer could be about."
    remedy_zh = "一次发送 1 至 1,000 个事件。"
    remedy_en = "Send 1 to 1,000 events at a time."


class TooManyEvents(Problem):
    code = "too-many-events"
    status = 413
    zh = "批次中的事件超过 1,000 个，全部未处理。"
    en = "There are more than 1,000 events in the batch; none was processed."
    why_zh = "过大的批次会占满服务。"
    why_en = "A batch of any size would keep others waiting."
    remedy_zh = "分成多个请求发送；更大的文件请用 `abate load`。"
    remedy_en = "Split them over several requests; for large files use `abate load`."


class TooLarge(Problem):
    code = "too-large"
    status = 413
    zh = "请求体超过 5 MB，全部未处理。"
    en = "The body is larger than 5 MB; nothing was processed."
    why_zh = "过大的请求会占满服务。"
    why_en = "A request of any size would keep others waiting."
    remedy_zh = "分成多个请求发送；更大的文件请用 `abate load`。"
    remedy_en = "Split it over several requests; for large files use `abate load`."


class TooSlow(Problem):
    code = "too-slow"
    status = 408
    zh = "请求体未能及时传完，全部未处理。"
    en = "The body did not arrive in time; nothing was processed."
    why_zh = "缓慢的请求会占住连接。"
    why_en = "A slow body holds a connection that others need."
    remedy_zh = "检查网络，或分成较小的请求重新发送；相同 id 的事件不会重复入账。"
    remedy_en = (
        "Check the network, or send it again in smaller requests; an event's id is never booked twice."
    )


class WrongHost(Problem):
    code = "wrong-host"
    status = 421
    zh = "请求的主机名不是本平台的。"
    en = "The host named in the request is not this platform."
    why_zh = "发往他处的请求不应由本平台处理。"
    why_en = "A request meant for another installation is not ours to take."
    remedy_zh = "使用运营方提供的接口地址；运营方请核对 ABATE_ORIGIN。"
    remedy_en = "Use the address the operator gave you; as operator, check ABATE_ORIGIN."


class UnsupportedMediaType(Problem):
    code = "unsupported-media-type"
    status = 415
    zh = "不支持这种内容类型。"
    en = "This content type is not taken."
    why_zh = "无法确定请求体如何读取。"
    why_en = "It cannot be told how to read the body."
    remedy_zh = "使用 application/cloudevents+json 或 application/cloudevents-batch+json。"
    remedy_en = "Use application/cloudevents+json or application/cloudevents-batch+json."


class EncodingNotTaken(Problem):
    code = "content-encoding"
    status = 415
    zh = "请求体不能压缩发送。"
    en = "A compressed body is not taken."
    why_zh = "压缩的内容展开后有多大，事先无法确定。"
    why_en = "How large a compressed body unfolds to cannot be told beforehand."
    remedy_zh = "去掉 Content-Encoding，直接发送 JSON（应答的 Accept-Encoding 指明所接受的编码）。"
    remedy_en = (
        "Send the JSON itself, without Content-Encoding; Accept-Encoding of this answer names what is taken."
    )


class TokenRefused(Problem):
    code = "token-refused"
    status = 401
    zh = "没有令牌，或令牌无效、过期、已撤销。"
    en = "There is no token, or it is unknown, expired or revoked."
    why_zh = "须知道是哪个机构在发送（T/CECA-G 0203，6.1）。"
    why_en = "It must be known which party sends (T/CECA-G 0203, 6.1)."
    remedy_zh = "用客户端凭据重新获取令牌，写入 Authorization: Bearer。"
    remedy_en = "Get a token by client credentials and send it as Authorization: Bearer."


class ScopeMissing(Problem):
    code = "scope-missing"
    status = 403
    zh = "令牌没有 events 权限。"
    en = "The token does not carry the scope events."
    why_zh = "每个密钥只做核准过的事。"
    why_en = "A key does what it was granted for, and nothing else."
    remedy_zh = "申请令牌时请求 scope=events；如未核准，请联系运营方。"
    remedy_en = "Ask for scope=events when getting the token; if it is not granted, ask the operator."


class Busy(Problem):
    code = "busy"
    status = 503
    zh = "服务暂时不可用，本批是否入账未获确认。"
    en = "The platform is busy or its database is away; whether this batch was booked is not confirmed."
    why_zh = "一批要么全部入账，要么一条也没有。"
    why_en = "It was booked as a whole or not at all, never by half."
    remedy_zh = "稍后原样重发；相同 id 不会重复入账。"
    remedy_en = "Send it again as it is; an id is never booked twice."


class Fault(Problem):
    code = "fault"
    status = 500
    zh = "平台出错，已记录。是否入账不确定。"
    en = "The platform failed; it is on record. Whether anything was booked is not certain."
    why_zh = "平台出错时不会假装成功。"
    why_en = "A failure of ours is told as one, never as a success."
    remedy_zh = "原样重发同一批事件：相同的 id 只生效一次。若再次出错，请联系运营方。"
    remedy_en = "Send the same events again: an id takes effect once. If it fails again, tell the operator."
