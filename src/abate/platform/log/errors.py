"""What stops the log (numbering halts, entries go on being booked and wait), and what it refuses."""

from __future__ import annotations

from abate.platform.doors.errors import Problem


class LogDamaged(Exception):
    """What is stored is not what was signed. Nothing more is signed until a person has looked."""

    def __init__(self, code: str, what: str) -> None:
        super().__init__(
            f"{code}: {what}\n  Signing more on top would put the damage under a good signature.\n"
            "  Keep the database as it is, compare it with a backup and with the checkpoints others hold."
        )
        self.code, self.what = code, what


class AccessMalformed(Problem):
    code = "log-access-malformed"
    status = 422
    zh = "授权核验的范围、期限或事由不符合规定。"
    en = "The span, the days or the reason of this access are not as they must be."
    why_zh = "每次查看须有范围、期限和理由。"
    why_en = "Every look into leaves has its span, its days and its reason."
    remedy_zh = "条目从小到大,一次不超过 100 万条;期限 1 至 366 天;事由不能为空。"
    remedy_en = (
        "Entries from low to high, a million at most; 1 to 366 days; a reason that says for which case."
    )


class AccessUnknown(Problem):
    code = "log-access-unknown"
    status = 404
    zh = "没有这项核验授权。"
    en = "There is no such access."
    why_zh = "只能管理现存的查看权限。"
    why_en = "Only an access that exists can be ended."
    remedy_zh = "请核对编号;`abate log accesses` 列出全部。"
    remedy_en = "Check its number; `abate log accesses` lists them all."


class NotOpened(Problem):
    """Also where there is no such entry: who may not open it does not learn whether it is there."""

    code = "log-not-opened"
    status = 403
    zh = "该条目未授权贵机构核验。"
    en = "This entry is not opened to you."
    why_zh = "披露项只对获准的核查方公开。"
    why_en = "What is personal is opened to those who were let in, and to nobody else."
    remedy_zh = "请向平台运营方说明案由,申请该条目的核验授权。"
    remedy_en = "Ask the operator for access to this entry, naming the case."


class NothingOpens(Problem):
    """Of an entry that the verifier was given access to."""

    code = "log-nothing-opens"
    status = 404
    zh = "该条目没有可披露的内容。"
    en = "There is nothing that opens this entry."
    why_zh = (
        "变更、结账等条目没有个人部分；本人已删除的、来源不再允许核验的，也不再披露；或日志还没有该条目。"
    )
    why_en = (
        "Entries such as changes and closes have no personal part; of a person who was erased, or of a source that does not "
        "permit it any more, nothing is opened; or the log does not reach so far yet."
    )
    remedy_zh = "请继续查看其他条目；叶子本身见 /log/tile/entries/…，其中写明条目的种类。"
    remedy_en = (
        "Go on with the next one; the leaf itself, in /log/tile/entries/..., says of which kind it is."
    )


class OtherHistory(Problem):
    code = "log-other-history"
    status = 409
    zh = "文件夹中的日志不是本平台日志的前段。"
    en = "The log in this folder is not the beginning of this platform's log."
    why_zh = "不同的历史不能相互证明。"
    why_en = "Two histories cannot prove each other."
    remedy_zh = "请保留该文件夹作为证据,另选空文件夹导出,并核对数据库是否被回滚或改写。"
    remedy_en = (
        "Keep the folder as evidence, export into an empty one, and find out whether the database was rolled "
        "back or rewritten."
    )


class TileUnlike(Problem):
    code = "log-tile-unlike"
    status = 503
    zh = "数据库中的日志瓦片与已签名的树头不符，未导出检查点。"
    en = "A stored tile of the log is not the one that was signed; no checkpoint was exported over it."
    why_zh = "与签名不符的文件一旦公开，任何人都会认为日志被改写。"
    why_en = "Files that contradict the signature, once published, show everybody a log that was rewritten."
    remedy_zh = "请勿更改数据库，运行 abate reconcile，并与备份及他人保存的检查点比对。"
    remedy_en = (
        "Keep the database as it is, run abate reconcile, and compare with a backup and with the checkpoints that "
        "others hold."
    )


class NoHead(Problem):
    code = "log-no-head"
    status = 404
    zh = "日志还没有(该规模的)签名检查点。"
    en = "The log has no signed head yet, or none of this size."
    why_zh = "证明须以已签名的日志头为准。"
    why_en = "A proof stands on a signed head."
    remedy_zh = "平台启动后约一秒产生第一个检查点:请稍后再试。指定规模时,须是已签名的规模。"
    remedy_en = (
        "The first is signed about a second after the platform starts: try again in a moment. A size that is named "
        "must be one that was signed."
    )
