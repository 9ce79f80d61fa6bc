"""A person's statement on paper: PDF/A-3, its fonts inside, the JSON that verifies attached to the byte.

Typst sets it (Apache-2.0, one wheel for every Python from 3.8). Chinese needs a font of the machine; none is shipped
here. Without one the PDF is refused by name, for a page of empty boxes would be no statement.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime
from functools import lru_cache
from pathlib import Path

import segno
import typst

from abate.bookkeeping import checkpoint
from abate.bookkeeping.kinds import Kind
from abate.bookkeeping.statement import FORMAT, NEVER, Lot, Row, Statement
from abate.platform.doors.errors import Problem
from abate.platform.parties import queries as parties
from abate.platform.web import amounts, story
from abate.platform.web.wording import english, pick, say

FONTS = (
    "Noto Sans CJK SC",
    "Noto Sans SC",
    "Source Han Sans SC",
    "WenQuanYi Zen Hei",
    "PingFang SC",
    "Microsoft YaHei",
)
"""Families that have Chinese, in the order of preference."""
_LAYOUT = Path(__file__).parent / "documents" / "statement.typ"
_log = logging.getLogger("abate.web")


class NoChineseFont(Problem):
    code = "pdf-font-missing"
    status = 503
    zh = "服务器没有中文字体，无法生成 PDF。"
    en = "The server has no font with Chinese, so no PDF can be made."
    why_zh = "缺字的对账单不可使用。"
    why_en = "A statement with missing characters would be worthless."
    remedy_zh = "可先下载 JSON 对账单；运维人员请安装中文字体（Debian：fonts-noto-cjk）并重启。"
    remedy_en = (
        "Take the JSON statement; the operator installs one (Debian: fonts-noto-cjk) and starts again."
    )


@lru_cache(maxsize=1)
def _fonts() -> typst.Fonts:
    # The machine's fonts are looked through once: it takes longer than setting a page.
    return typst.Fonts(include_system_fonts=True, include_embedded_fonts=False)


def font() -> str | None:
    """The family that PDFs are set in; None where this machine has none with Chinese."""
    families = set(_fonts().families())
    return next((name for name in FONTS if name in families), None)


def render(told: Statement, made_up: bool) -> bytes:
    """The PDF in the present language. Raises NoChineseFont."""
    family = font()
    if family is None:
        raise NoChineseFont
    attached = told.text().encode()
    files = {
        "main.typ": _LAYOUT.read_bytes(),
        "statement.json": attached,
        "page.json": json.dumps(_page(told, attached, family, made_up), ensure_ascii=False).encode(),
    }
    when = told.made_at.astimezone(UTC)
    try:
        return _set(files, ["a-3b"], int(when.timestamp()))
    except typst.TypstError as fault:
        # PDF/A admits no sign without a shape: a rare sign in a reason must not keep the statement from its person.
        _log.warning("a statement is set without PDF/A: %s", fault.message)
        return _set(files, [], int(when.timestamp()))


def set_page(layout: str, page: dict[str, object], attached: dict[str, bytes], when: datetime) -> bytes:
    """Another paper by a layout of documents/ that reads page.json. Raises NoChineseFont."""
    family = font()
    if family is None:
        raise NoChineseFont
    files = {
        "main.typ": (_LAYOUT.parent / layout).read_bytes(),
        "page.json": json.dumps(page | {"fonts": [family]}, ensure_ascii=False).encode(),
        **attached,
    }
    return _set(files, ["a-3b"], int(when.timestamp()))


def _set(files: dict[str, bytes], standards: list[str], when: int) -> bytes:
    return bytes(
        typst.compile(files, format="pdf", font_paths=_fonts(), pdf_standards=standards, timestamp=when)
    )


def _page(told: Statement, attached: bytes, family: str, made_up: bool) -> dict[str, object]:
    """Every text and figure of the layout."""
    head = checkpoint.read_checkpoint(checkpoint.read_note(told.checkpoint).text)
    digest = hashlib.sha256(attached).hexdigest()
    proved = f"{FORMAT} sha256:{digest} {head.origin} {head.size} {head.root.hex()}"
    return {
        "lang": "en" if english() else "zh",
        "fonts": [family],
        "issuer": told.log,
        "qr": segno.make(proved, error="m", micro=False).svg_inline(border=2),
        "notice": say("虚构的示例账户", "A made-up sample account") if made_up else "",
        "words": _words(told),
        "facts": [
            [say("账户（假名）", "Account (pseudonym)"), told.person],
            [say("日志", "Log"), told.log],
            [say("生成于", "Made at"), amounts.stamp(told.made_at)],
        ],
        "summary": _summary(told),
        "head": [
            say("序", "No."),
            say("入账（行为时间）", "Booked (act)"),
            say("事项", "What"),
            say("减排量 gCO₂e", "Avoided gCO₂e"),
            say("积分", "Credits"),
            say("积分余额", "Balance"),
            say("批次到期", "Lots expire"),
            say("日志号", "Log no."),
        ],
        "rows": _rows(told),
        "lots": [
            [
                _until(lot.expires_on),
                say("获得于 {d}", "came on {d}", d=lot.day.isoformat()),
                amounts.credits(lot.credits),
            ]
            for lot in told.closing.lots
        ],
        "proof": [
            [say("树的大小", "Tree size"), f"{head.size}"],
            [say("树根", "Root"), head.root.hex()],
            [say("附件 SHA-256", "Attachment SHA-256"), digest],
            *([say("签名", "Signature"), line] for line in told.checkpoint.strip().split("\n")[4:]),
        ],
    }


def _words(told: Statement) -> dict[str, object]:
    return {
        "title": say("碳账户对账单", "Carbon account statement"),
        "period": say("{a} 至 {b}", "{a} to {b}", a=told.first, b=told.last),
        "footer": f"{told.person} · {told.first} – {told.last}",
        "attached": say("本对账单的可验证数据", "This statement as data that verifies"),
        "qr": say("附件与日志树根的指纹", "Fingerprint of the attachment and of the log's root"),
        "summary": say("汇总", "Summary"),
        "entries": say("明细", "Entries"),
        "nothing": say("本期没有入账。", "Nothing was booked in this period."),
        "lots": say("期末积分批次", "Credits at the end, by lot"),
        "proof": say("如何核对", "How to verify"),
        "how": [
            say(
                "本文件附有 statement.json，内含每一笔的回执。把它存下来，运行：",
                "statement.json is attached to this file, with the receipt of every entry. Save it and run:",
            ),
            "abate verify statement.json --key log.key",
            say(
                "log.key 是日志的公钥，请从本平台以外的地方取得。二维码是附件与树根的指纹，可与纸面比对。",
                "log.key is the log's public key: take it from a place other than this platform. "
                "The QR code holds the fingerprint of attachment and root, to compare with paper.",
            ),
        ],
    }


def _summary(told: Statement) -> dict[str, object]:
    def line(name: str, kind: str, show: Callable[[int], str]) -> list[str]:
        changes = [getattr(row, kind) for row in told.rows]
        return [
            name,
            show(getattr(told.opening, kind)),
            show(sum(n for n in changes if n > 0)),
            show(-sum(n for n in changes if n < 0)),
            show(getattr(told.closing, kind)),
        ]

    rows = [
        line(say("减排量（克 CO₂e）", "Avoided emissions (g CO₂e)"), "carbon_mg", amounts.grams),
        line(say("积分", "Credits"), "credits", amounts.count),
        line(say("其中冻结", "of them held"), "held", amounts.count),
    ]
    if told.opening.owed or told.closing.owed or any(row.owed_after for row in told.rows):
        owed = say("欠积分（由之后获得的积分先行抵扣）", "Credits owed (later ones settle them first)")
        rows.append([owed, amounts.count(told.opening.owed), "", "", amounts.count(told.closing.owed)])
    return {
        "head": ["", say("期初", "Opening"), say("增加", "In"), say("减少", "Out"), say("期末", "Closing")],
        "rows": rows,
    }


def _rows(told: Statement) -> list[dict[str, object]]:
    names = {row.code: pick((row.title_zh, row.title_en)) for row in parties.parties()}
    return [
        {
            "number": str(place),
            "booked": amounts.stamp(row.at),
            "acted": amounts.stamp(datetime.fromisoformat(row.occurred_at)) if row.occurred_at else "",
            "title": story.title_of(row.about)
            if row.kind is Kind.AWARD and row.about
            else story.name_of(row.kind),
            "about": _about(row, names),
            "carbon": amounts.grams(row.carbon_mg) if row.carbon_mg else "",
            "credits": amounts.signed(row.credits) if row.credits else "",
            "credits-after": amounts.count(row.credits_after),
            "owed": say("欠 {n}", "owed {n}", n=amounts.count(row.owed_after)) if row.owed_after else "",
            "lots": [f"{amounts.signed(number)} · {_until(day)}" for day, number in _by_expiry(row.lots)],
            "index": str(row.receipt["index"]) if row.receipt else say("待编号", "pending"),
        }
        for place, row in enumerate(told.rows, 1)
    ]


def _about(row: Row, names: dict[str, str]) -> str:
    """The partner of an award; of other entries the reason or order, without the leaf hash before it. With the mark of a
    declared source, in full in the attachment.
    """
    about = story.reason_of(row.kind, row.about or "")
    if row.kind is Kind.AWARD:
        about = names.get(row.party or "", row.party or "")
    mark = row.receipt.get("source") if row.receipt else None
    if not isinstance(mark, Mapping):
        return about
    terms = f"{mark['source']}, {mark['mark']}"
    lent = say("{terms}，{level} 级，用至 {until}", "{terms}, level {level}, used until {until}",
               terms=terms, level=mark["level"], until=mark["use_until"])  # fmt: skip
    return f"{about} · {lent}" if about else lent


def _by_expiry(lots: Iterable[Lot]) -> list[tuple[date, int]]:
    merged: dict[date, int] = {}
    for lot in lots:
        merged[lot.expires_on] = merged.get(lot.expires_on, 0) + lot.credits
    return [(day, credits) for day, credits in sorted(merged.items()) if credits]


def _until(day: date) -> str:
    return say("长期有效", "no expiry") if day == NEVER else day.isoformat()
