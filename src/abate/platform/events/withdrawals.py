"""Why a partner takes an event back: a closed list, stored with each withdrawal and shown to the person."""

from __future__ import annotations

CAUSES: dict[str, tuple[str, str]] = {
    "returned": ("商品已退货或订单已取消", "the goods were returned or the order was cancelled"),
    "not_happened": ("行为实际没有发生", "it did not happen"),
    "wrong_figure": ("数据有误", "a figure was wrong"),
    "wrong_person": ("记到了他人名下", "it was somebody else's"),
    "sent_twice": ("重复上报", "it was sent twice under two ids"),
    "dispute": ("争议已有裁定", "a dispute was decided"),
    "fraud": ("经核实为虚假行为", "it was found to be untrue"),
}
"""Code -> (Chinese, English)."""

WITHDRAWN, CORRECTED = 1, 2


def entry_cause(kind: int, cause: str, by: str) -> str:
    """What a reversing entry says after the leaf it names: which event undid it, and why."""
    return f"{'withdrawn' if kind == WITHDRAWN else 'corrected'}:{cause}:{by}"


def read_entry_cause(text: str) -> tuple[int, str, str] | None:
    """(kind, cause, id of the event that did it), where `text` is an entry_cause; otherwise None."""
    verb, _, rest = text.partition(":")
    cause, _, by = rest.partition(":")
    kind = {"withdrawn": WITHDRAWN, "corrected": CORRECTED}.get(verb)
    return (kind, cause, by) if kind and cause in CAUSES and by else None
