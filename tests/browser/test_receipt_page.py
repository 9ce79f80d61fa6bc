"""The static page that checks a receipt, in a real Chromium: from a file, from any web server, from the platform."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from random import Random
from typing import Any

import pytest
from playwright.sync_api import Browser, Page
from tests.bookkeeping import planted_sources, real_log
from tests.bookkeeping.conftest import SmallLog
from tests.browser import looks

from abate.bookkeeping import cosignature, leaf, merkle
from abate.bookkeeping.kinds import RULES
from abate.bookkeeping.receipt import Receipt
from abate.bookkeeping.verify import verify_receipt

pytestmark = [pytest.mark.browser]
FOLDER = Path(__file__).resolve().parents[2] / "src/abate/platform/web/static/verify"
FILE = f"file://{FOLDER}/index.html"


NOT_HERE = {"recomputed", "rate", "total"}
"""What the page leaves open of an award, and says so beside its verdict."""


@pytest.fixture(scope="module")
def log() -> real_log.RealLog:
    return real_log.make(60)


def receipt_of(log: real_log.RealLog, index: int) -> dict[str, Any]:
    hashes = log.hashes()
    tiles = {(level, n): data for level, n, data in merkle.grow({}, 0, hashes)}
    nodes = merkle.from_tiles(lambda level, n: tiles[level, n])
    proof = tuple(merkle.inclusion(nodes, index, len(hashes)))
    booked = log.booked[index]
    return Receipt(
        log.origin, index, booked.leaf, proof, log.note(), *(booked.opened or (None,) * 3)
    ).document()


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Requests are no news."""


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(FOLDER))) as running:
        threading.Thread(target=running.serve_forever, args=(0.02,), daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}/index.html"
        running.shutdown()


@pytest.fixture(scope="module")
def page(chromium: Browser) -> Iterator[Page]:
    """One window for all: each test opens the page in it anew, and the page keeps nothing."""
    context = chromium.new_context(viewport={"width": 360, "height": 740}, locale="zh-CN")
    opened = context.new_page()
    yield opened
    context.close()


Checked = tuple[str, dict[str, str]]


# Fills, presses and reads what is told in one call of the browser's; a hand would need six, for each of 300 receipts.
_CHECK = """([key, text]) => new Promise((done, fail) => {
    const byId = id => document.getElementById(id);
    const told = () => [byId('verdict').dataset.verdict,
      Object.fromEntries([...document.querySelectorAll('#checks li')].map(e => [e.dataset.check, e.dataset.state]))];
    byId('key').value = key;
    byId('text').value = text;
    byId('result').hidden = true;
    new MutationObserver(() => done(told())).observe(byId('result'), { attributeFilter: ['hidden'] });
    setTimeout(() => fail(new Error('no verdict was shown')), 20000);
    byId('check').click(); })"""


def check(page: Page, text: str, key: str) -> Checked:
    verdict, states = page.evaluate(_CHECK, [key, text])
    return verdict, states


def check_by_hand(page: Page, text: str, key: str) -> Checked:
    """The same as a person does it: into what is seen, by the keyboard and the mouse."""
    page.fill("#key", key)
    page.fill("#text", text)
    page.evaluate("document.getElementById('result').hidden = true")
    page.click("#check")
    page.wait_for_selector("#result:not([hidden])")
    states = page.eval_on_selector_all(
        "#checks li", "all => all.map(e => [e.dataset.check, e.dataset.state])"
    )
    return page.get_attribute("#verdict", "data-verdict") or "", dict(states)


@pytest.mark.clause("P-8.5-e")
def test_a_good_receipt_from_a_file_and_from_any_server(
    page: Page, server: str, log: real_log.RealLog
) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    errors: list[str] = []
    page.on("pageerror", lambda fault: errors.append(str(fault)))
    for address in (FILE, server):
        page.goto(address)
        for index in (0, 5, 59):
            verdict, states = check_by_hand(
                page, json.dumps(receipt_of(log, index), ensure_ascii=False), str(log.key)
            )
            left = {name for name, state in states.items() if state == "open"}
            assert (verdict, left) == ("right", NOT_HERE), page.inner_text("#checks")
            assert set(states.values()) == {"passed", "open"}
            assert set(str(page.get_attribute("#verdict", "data-not-proved")).split()) == NOT_HERE
        assert looks.overflow(page) == 0 and looks.wide(page) == []
        assert looks.faint(page) == [] and looks.small(page) == []
    own = {
        FILE,
        server,
        *(f"{place.rsplit('/', 1)[0]}/verify.{kind}" for place in (FILE, server) for kind in ("js", "css")),
    }
    assert {url for url in asked if not url.endswith("favicon.ico")} == own, (
        "nothing but its own files is loaded"
    )
    assert errors == []


def test_a_file_can_be_chosen_and_both_languages_are_there(
    page: Page, log: real_log.RealLog, tmp_path: Path
) -> None:
    (tmp_path / "receipt.json").write_text(json.dumps(receipt_of(log, 8)), encoding="utf-8")
    page.goto(FILE)
    page.fill("#key", str(log.key))
    page.set_input_files("#file", tmp_path / "receipt.json")
    page.click("#check")
    page.wait_for_selector("#result:not([hidden])")
    assert "核对通过" in page.inner_text("#verdict") and "兑换" in page.inner_text("#facts")
    page.click("#language")
    assert "Verified" in page.inner_text("#verdict") and "redemption" in page.inner_text("#facts")
    assert looks.overflow(page) == 0 and looks.faint(page) == []


@pytest.mark.clause("P-8.5-e")
def test_what_is_erased_or_withheld_is_proved_and_stays_closed(page: Page, log: real_log.RealLog) -> None:
    page.goto(FILE)
    verdict, states = check(page, json.dumps(receipt_of(log, 4)), str(log.key))
    assert (verdict, states["opening"], "facts" in states) == ("right", "open", False)


@pytest.mark.parametrize("spelt", ["1.0", "1e0", "1E0", "10e-1"])
def test_a_number_that_is_not_written_as_a_whole_one_is_refused_as_the_command_does(
    page: Page, log: real_log.RealLog, spelt: str
) -> None:
    """The page took them for the whole number that they are worth, the command takes them for none."""
    page.goto(FILE)
    document = receipt_of(log, 5)
    good = json.dumps(document)
    for whole, other in (
        (f'"version": {document["method"]["version"]}', f'"version": {spelt}'),
        ('"index": 5', f'"index": {spelt.replace("1", "5", 1)}'),
    ):
        text = good.replace(whole, other)
        assert text != good and not verify_receipt(text, log.key).ok
        verdict, states = check(page, text, str(log.key))
        assert (verdict, states["form"]) == ("wrong", "failed")
    # A point within a text is no number's.
    told = json.dumps(document | {"setting": dict(document["setting"] or {}, floor="1.0 e 2e3")})
    assert check(page, told, str(log.key))[0] == "right"


def test_every_kind_of_entry_has_its_words(page: Page) -> None:
    """What was collected, lapsed or came back from its expiry was shown as a number."""
    page.goto(FILE)
    assert {int(kind) for kind in page.evaluate("Object.keys(KINDS)")} == set(RULES)
    assert page.evaluate("Object.values(KINDS).every((words) => words.length === 2 && words.every(Boolean))")


def test_a_checkpoint_with_cosignatures_is_read(page: Page, log: real_log.RealLog) -> None:
    document = receipt_of(log, 5)
    text = str(document["checkpoint"]).rpartition("\n\n")[0] + "\n"
    document["checkpoint"] += cosignature.cosign(text, "witness.test/w1", bytes(32), 1_700_000_000)
    page.goto(FILE)
    assert check(page, json.dumps(document), str(log.key))[0] == "right"


def test_a_leaf_with_sm3_is_read_and_the_page_says_what_it_leaves_open(
    page: Page, log: real_log.RealLog
) -> None:
    made = log.copy()
    opening = made.booked[5].opened[0]  # type: ignore[index]
    national = leaf.sm3_commitment(opening.salt, leaf.sm3_part(opening.personal))
    told = replace(leaf.decode(made.booked[5].leaf), sm3=national)
    made.booked[5] = replace(made.booked[5], leaf=leaf.encode(told))
    document = receipt_of(made, 5)
    assert verify_receipt(document, made.key).ok
    page.goto(FILE)
    verdict, states = check(page, json.dumps(document, ensure_ascii=False), str(made.key))
    assert verdict == "right" and {name for name, state in states.items() if state != "passed"} == NOT_HERE
    assert "本页不核对" in page.inner_text("#checks [data-check=opening]")
    for data in (made.booked[5].leaf[:-1], made.booked[5].leaf[:155] + bytes(32)):
        cut = document | {"leaf": base64.b64encode(data).decode()}
        assert check(page, json.dumps(cut), str(made.key))[1]["leaf"] == "failed"
        assert not verify_receipt(cut, made.key).ok


def flip(document: dict[str, Any], member: str, random: Random) -> dict[str, Any]:
    """One bit of one member is another."""

    def bytes_of(text: str) -> str:
        data = bytearray(base64.b64decode(text))
        data[random.randrange(len(data))] ^= 1 << random.randrange(8)
        return base64.b64encode(bytes(data)).decode()

    changed = json.loads(json.dumps(document))
    if member == "proof":
        place = random.randrange(len(changed["proof"]))
        changed["proof"][place] = bytes_of(changed["proof"][place])
    elif member == "leaf":
        changed["leaf"] = bytes_of(changed["leaf"])
    elif member == "salt":
        changed["opening"]["salt"] = bytes_of(changed["opening"]["salt"])
    elif member == "personal":
        text = changed["opening"]["personal"]
        place = random.randrange(len(text))
        changed["opening"]["personal"] = text[:place] + chr(ord(text[place]) ^ 1) + text[place + 1 :]
    elif member == "signature":
        head, _, last = changed["checkpoint"].rstrip("\n").rpartition(" ")
        changed["checkpoint"] = f"{head} {bytes_of(last)}\n"
    else:
        origin, size, root, rest = changed["checkpoint"].split("\n", 3)
        changed["checkpoint"] = f"{origin}\n{size}\n{bytes_of(root)}\n{rest}"
    return changed


@pytest.mark.clause("P-8.5-e")
@pytest.mark.parametrize("member", ["leaf", "proof", "signature", "root", "salt", "personal"])
def test_one_flipped_bit_is_refused_as_the_command_refuses_it(
    page: Page, log: real_log.RealLog, member: str
) -> None:
    page.goto(FILE)
    random = Random(member)
    for _ in range(12):
        wrong = flip(receipt_of(log, 37), member, random)
        verdict, states = check(page, json.dumps(wrong, ensure_ascii=False), str(log.key))
        by_command = verify_receipt(wrong, log.key)
        assert not by_command.ok
        assert verdict == "wrong", (member, wrong)
        assert "failed" in states.values()


def test_a_receipt_of_another_log_and_a_foreign_key(page: Page, log: real_log.RealLog) -> None:
    page.goto(FILE)
    document = receipt_of(log, 5)
    thief = SmallLog(origin=log.origin, seed=bytes(32))
    other = SmallLog(origin="other.test/log").add(30)
    assert check(page, json.dumps(document), str(thief.key))[1]["signature"] == "failed"
    assert check(page, json.dumps(other.receipt(5)), str(log.key))[1]["signature"] == "failed"
    assert (
        check(page, json.dumps({**document, "log": "other.test/log"}), str(log.key))[1]["signature"]
        == "failed"
    )
    verdict, states = check(page, json.dumps(document), "")
    assert (verdict, states["signature"], states["inclusion"]) == ("wrong", "failed", "passed")


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d.update(index=38),
        lambda d: d.update(index=-1),
        lambda d: d.update(index=1.5),
        lambda d: d.update(proof=d["proof"][:-1]),
        lambda d: d.update(proof=[*d["proof"], d["proof"][0]]),
        lambda d: d.update(more=1),
        lambda d: d.pop("setting"),
        lambda d: d.update(format="abate-receipt/2"),
        lambda d: d.update(format="abate-receipt/3"),
        lambda d: d.update(rate=333),
        lambda d: d.update(format="abate-receipt/3", rate=0),
        lambda d: d.update(format="abate-receipt/3", rate=1000),
        lambda d: d.update(format="abate-receipt/3", rate="333"),
        lambda d: d.update(leaf=d["leaf"][:-4]),
        lambda d: d.update(leaf=d["leaf"] + "\n"),
        lambda d: d.update(checkpoint=5),
        lambda d: d.update(opening={"salt": 5, "personal": "x"}),
        lambda d: d["method"].update(version=9),
    ],
)
def test_what_is_no_receipt_is_refused(
    page: Page, log: real_log.RealLog, change: Callable[[dict], object]
) -> None:
    document = receipt_of(log, 37)
    change(document)
    page.goto(FILE)
    assert check(page, json.dumps(document), str(log.key))[0] == "wrong"
    for text in ("", "nothing", "[]", "null", "5"):
        assert check(page, text, str(log.key))[0] == "wrong"


def test_a_rate_is_taken_as_the_command_does(page: Page, log: real_log.RealLog) -> None:
    page.goto(FILE)
    document = receipt_of(log, 37) | {"format": "abate-receipt/3", "rate": 4500}
    verdict, states = check(page, json.dumps(document), str(log.key))
    # The rate may be forged, no leaf binds it: the verdict itself says so, in both languages.
    assert (verdict, states["credits"], states["rate"]) == ("right", "passed", "open")
    assert "未证明：" in page.inner_text("#verdict") and "换算率" in page.inner_text("#verdict")
    page.click("#language")
    assert "Not proved: " in page.inner_text("#verdict") and "Rate" in page.inner_text("#verdict")
    page.click("#language")
    verdict, states = check(page, json.dumps(document | {"rate": 1}), str(log.key))
    assert (verdict, states["credits"]) == ("wrong", "failed")
    document |= {"source": planted_sources.RIGHT[0]}
    verdict, states = check(page, json.dumps(document), str(log.key))
    assert (verdict, states["form"], states["source"]) == ("right", "passed", "open")


def test_the_terms_of_a_source_are_taken_and_refused_as_the_command_does(
    page: Page, log: real_log.RealLog
) -> None:
    page.goto(FILE)
    document = receipt_of(log, 37) | {"format": "abate-receipt/2"}
    for source in planted_sources.RIGHT:
        verdict, states = check(page, json.dumps(document | {"source": source}), str(log.key))
        assert (verdict, states["form"], states["source"]) == ("right", "passed", "open"), source
    for source in planted_sources.WRONG:
        verdict, states = check(page, json.dumps(document | {"source": source}), str(log.key))
        assert (verdict, states) == ("wrong", {"form": "failed"}), source


def test_without_ed25519_or_without_crypto_it_says_so_and_proves_nothing(
    page: Page, log: real_log.RealLog
) -> None:
    text = json.dumps(receipt_of(log, 5))
    page.goto(FILE)
    page.evaluate(
        "() => { crypto.subtle.importKey = () => Promise.reject(new DOMException('no', 'NotSupportedError')) }"
    )
    verdict, states = check(page, text, str(log.key))
    assert (verdict, states["signature"]) == ("open", "open")
    assert "abate verify" in page.inner_text("#checks")
    page.evaluate("Object.defineProperty(globalThis, 'crypto', { value: {} })")
    assert check(page, text, str(log.key))[0] == "open"


@pytest.mark.platform
def test_the_platform_serves_it(page: Page, address: str, log: real_log.RealLog) -> None:
    page.goto(f"{address}/static/verify/index.html")
    assert check(page, json.dumps(receipt_of(log, 5)), str(log.key))[0] == "right"
