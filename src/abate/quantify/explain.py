"""Explanations: the data tree and its three renderings. The public face of the `explain_*` modules."""

from __future__ import annotations

from abate.quantify.explain_data import Explanation, Step, as_data, canonical_hash
from abate.quantify.explain_html import render_html
from abate.quantify.explain_text import render_json, render_text

__all__ = ["Explanation", "Step", "as_data", "canonical_hash", "render_html", "render_json", "render_text"]
