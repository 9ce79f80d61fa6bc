"""Checks of a page as it is laid out: no sideways scrolling, big enough targets, contrast of every text."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Page

# Walks every text node that is shown and computes WCAG 2's contrast ratio against the nearest opaque ground.
_CONTRAST = """() => {
  const parse = c => { const m = c.match(/[\\d.]+/g).map(Number);
    const scale = c.startsWith('color(srgb') ? 255 : 1;
    return [m[0] * scale, m[1] * scale, m[2] * scale, m.length > 3 ? m[3] : 1]; };
  const over = (a, b) => [0, 1, 2].map(i => a[i] * a[3] + b[i] * (1 - a[3])).concat(1);
  const light = c => { const [r, g, b] = c.slice(0, 3).map(v => { v /= 255;
    return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const ground = e => { const stack = []; for (; e; e = e.parentElement) {
      const c = parse(getComputedStyle(e).backgroundColor); stack.push(c); if (c[3] === 1) break; }
    let result = [255, 255, 255, 1];
    for (const c of stack.reverse()) result = over(c, result);
    return result; };
  const bad = []; const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let n; n = walker.nextNode();) {
    if (!n.textContent.trim()) continue;
    const e = n.parentElement, s = getComputedStyle(e), box = e.getBoundingClientRect();
    if (!box.width || !box.height || s.visibility === 'hidden' || e.closest('.hidden, .skip')) continue;
    const svg = e.namespaceURI.endsWith('svg');
    const under = ground(e), ink = over(parse(svg ? s.fill : s.color), under);
    const [hi, lo] = [light(ink), light(under)].sort((a, b) => b - a);
    const ratio = (hi + 0.05) / (lo + 0.05);
    if (ratio < 4.5) bad.push(`${ratio.toFixed(2)} ${n.textContent.trim().slice(0, 30)}`);
  } return bad; }"""
_SMALL = """() => [...document.querySelectorAll('a, button, input:not([type=hidden]), summary')].filter(e => {
    const s = getComputedStyle(e), b = (e.closest('label') || e).getBoundingClientRect();
    if (!b.width || s.visibility === 'hidden' || e.closest('.skip, .hidden')) return false;
    if (s.display === 'inline' && e.closest('p, dd, li, strong')) return false;
    return b.height < 43.5 || b.width < 43.5; }).map(e => e.outerHTML.slice(0, 100))"""

_OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


def overflow(page: Page) -> int:
    """How many CSS pixels the page is wider than its window."""
    return int(page.evaluate(_OVERFLOW))


def wide(page: Page) -> list[str]:
    """What stands out of the window to the right, innermost first."""
    found = page.evaluate("""() => [...document.querySelectorAll('body *')].filter(e => {
        const b = e.getBoundingClientRect();
        const edge = document.documentElement.clientWidth + 1;
        return b.width && b.right > edge && !e.closest('.hidden, .scroll');
      }).reverse().map(e => e.outerHTML.slice(0, 80))""")
    return list(found)


def at_once(page: Page) -> dict[str, Any]:
    """All of it in one call of the browser's: `faint`, `small`, `overflow`, how often there is an `h1` and a `main`, the
    language (`lang`) and the text."""
    found: dict[str, Any] = page.evaluate(f"""() => ({{
        faint: ({_CONTRAST})(), small: ({_SMALL})(), overflow: {_OVERFLOW},
        h1: document.querySelectorAll('h1').length, main: document.querySelectorAll('main').length,
        lang: document.documentElement.lang, text: document.body.innerText }})""")
    return found


def faint(page: Page) -> list[str]:
    """Texts with a contrast below 4.5."""
    return list(page.evaluate(_CONTRAST))


def small(page: Page) -> list[str]:
    """Targets below 44 by 44 CSS pixels, other than links within a line of text."""
    return list(page.evaluate(_SMALL))
