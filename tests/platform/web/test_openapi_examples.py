"""The interface's examples: every body, answer and message has them in both languages, and they are what is really told."""

from __future__ import annotations

import base64
import copy
import hashlib
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from tests.platform.web import shown

from abate.bookkeeping import checkpoint
from abate.bookkeeping.recompute import Recomputing
from abate.bookkeeping.verify import verify_receipt
from abate.platform.web import intake, openapi, problems

pytestmark = [pytest.mark.platform]
LANGUAGES = ("zh", "en")
MOST = 256 * 1024
"""Bytes of the whole description: what a program loads in one go."""
CHINESE = re.compile(r"[\u4e00-\u9fff]")
IN_BOTH = {"file-back", "explanation"}
"""The column of a file given back says it in both languages, whoever asks; documents are named as they are."""
BEGINS = {"image/png": b"\x89PNG\r\n", "image/jpeg": b"\xff\xd8\xff"}
KEPT = re.compile(r"(_mg|^mg|credits|earned|^people|^acts|outcome|state|kind|exact_kg|reason|counts)$")
"""What of an answer is the same whenever the day is lived: figures, and what became of things."""
CODE = re.compile(r"[a-z0-9_:.-]*")
NOT_LIVED = {
    "GET /readyz 503",
    "GET /v1/me/statement.pdf 200",
    "POST /v1/conformance application/json",
    "POST /v1/reconciliation application/x-ndjson",
    "POST /v1/applications/{application_id}/documents/{kind} image/png",
    "POST /v1/applications/{application_id}/documents/{kind} image/jpeg",
}


@pytest.fixture
def made(db: None) -> Any:
    return Client().get("/v1/openapi.json").json()


def contents(made: Any) -> Iterator[tuple[str, str, Any]]:
    """(place, kind of media, what is said of it) of every body, answer and message."""
    every = {
        f"{method.upper()} {path}": one
        for path, all_ in made["paths"].items()
        for method, one in all_.items()
    }
    for place, one in (every | {name: told["post"] for name, told in made["webhooks"].items()}).items():
        for media, told in one.get("requestBody", {}).get("content", {}).items():
            yield place, media, told
        for status, answer in one["responses"].items():
            for media, told in answer.get("content", {}).items():
                yield f"{place} {status}", media, told


def resolved(made: Any, one: Any) -> Any:
    """An example itself, where a reference to it stands; of both summaries the nearer."""
    name = one["$ref"].removeprefix("#/components/examples/")
    return made["components"]["examples"][name] | {key: one[key] for key in ("summary",) if key in one}


def without(made: Any) -> list[str]:
    """The places that lack a language."""
    return [
        f"{place} {media}"
        for place, media, told in contents(made)
        if set(told.get("examples", {})) != set(LANGUAGES)
    ]


def unfit(made: Any) -> list[str]:
    """The places with an example that does not fit the schema beside it."""
    from jsonschema import (
        Draft202012Validator,
        FormatChecker,
    )  # lazy: two seconds of processor time for each worker

    found = []
    for place, media, told in contents(made):
        rules = Draft202012Validator(
            told.get("schema", {}) | {"components": made["components"]}, format_checker=FormatChecker()
        )
        for language, one in told["examples"].items():
            example = resolved(made, one)
            if "externalValue" not in example and (fault := next(rules.iter_errors(example["value"]), None)):
                found.append(f"{place} {media} {language}: {fault.message}")
    return found


def test_every_body_answer_and_message_is_shown_in_both_languages(made: Any) -> None:
    places = list(contents(made))
    assert len(made["webhooks"]) == 9 and len(places) > 200
    assert without(made) == []
    poorer = copy.deepcopy(made)
    del poorer["paths"]["/v1/me/groups"]["get"]["responses"]["200"]["content"]["application/json"][
        "examples"
    ]["en"]
    assert without(poorer) == ["GET /v1/me/groups 200 application/json"]
    named = {one["$ref"].rpartition("/")[2] for _, _, told in places for one in told["examples"].values()}
    assert named == set(made["components"]["examples"]), "each is there, and none is shown nowhere"


def test_every_example_fits_its_schema(made: Any) -> None:
    assert unfit(made) == []
    wrong = copy.deepcopy(made)
    wrong["components"]["examples"]["account"]["value"]["credits"] = "957"
    assert [one.split(":")[0] for one in unfit(wrong)] == [
        f"GET /v1/me/account 200 application/json {language}" for language in LANGUAGES
    ]


def test_what_is_no_text_is_a_file_of_its_kind(made: Any) -> None:
    outside = [(media, resolved(made, told["examples"]["zh"])) for _, media, told in contents(made)
               if "externalValue" in resolved(made, told["examples"]["zh"])]  # fmt: skip
    assert {media for media, _ in outside} == {*BEGINS, "application/octet-stream"}
    for media, one in outside:
        head, _, body = one["externalValue"].partition(",")
        data = base64.b64decode(body, validate=True)
        assert head == f"data:{media};base64" and data.startswith(BEGINS.get(media, b""))


def test_a_refusal_is_the_one_of_its_status(made: Any) -> None:
    found = set()
    for place, media, told in contents(made):
        if media == "application/problem+json":
            for place_, language in enumerate(LANGUAGES):
                one = resolved(made, told["examples"][language])["value"]
                line = problems.lines()[one["code"]]
                assert place.endswith(f" {one['status']}") and line.status == one["status"], place
                assert (one["title"], one["remedy"]) == (line.what[place_], line.remedy[place_])
                found.add(one["code"])
    assert len(found) > 40


def chinese(value: Any, name: str = "") -> list[str]:
    """The Chinese texts of a value, but those whose field is for them."""
    if isinstance(value, dict):
        return [text for key, one in value.items() for text in chinese(one, key)]
    if isinstance(value, list):
        return [text for one in value for text in chinese(one, name)]
    return [value] if isinstance(value, str) and CHINESE.search(value) and not name.endswith("zh") else []


def test_what_people_wrote_is_in_the_language_of_the_example(made: Any) -> None:
    apart = 0
    for place, media, told in contents(made):
        zh, en = (resolved(made, told["examples"][language]) for language in LANGUAGES)
        if media != "application/problem+json":
            assert CHINESE.search(zh["summary"]) and en["summary"] and not CHINESE.search(en["summary"]), (
                place
            )
        name = told["examples"]["en"]["$ref"].rpartition("/")[2]
        assert name in IN_BOTH or not chinese(en.get("value")), (place, chinese(en.get("value")))
        if zh.get("value") != en.get("value"):
            apart += 1
            assert chinese(zh["value"]), place
            assert shape(zh["value"]) == shape(en["value"]) or media == "application/problem+json", place
    assert apart > 150


def test_the_description_stays_small(db: None) -> None:
    size = len(Client().get("/v1/openapi.json").content)
    assert size <= MOST, size


def test_the_description_is_made_once(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    first = Client().get("/v1/openapi.json").content
    monkeypatch.setattr(openapi, "complete", lambda _: pytest.fail("made again"))
    assert Client().get("/v1/openapi.json").content == first


def shape(value: Any, name: str = "") -> Any:
    """What is the same whenever something is told: names, kinds of values, figures, and what became of it."""
    if isinstance(value, dict):
        # A number as a name is a row's, which differs from one day to another.
        return {"#" if key.isdigit() else key: shape(one, key) for key, one in sorted(value.items())}
    if isinstance(value, list):
        return sorted({json.dumps(shape(one, name), ensure_ascii=False) for one in value})
    kept = KEPT.search(name) and not (isinstance(value, str) and not CODE.fullmatch(value))
    return value if kept or value is None or isinstance(value, bool) else type(value).__name__


@pytest.fixture
def lived(
    transactional_db: None, enter: Callable[..., Client], settings: Any, tmp_path: Path
) -> Iterator[dict[str, Any]]:
    settings.ABATE_DATA_DIR = str(tmp_path)
    yield shown.spent(enter)
    for _ in range(8):
        intake.pool.submit(lambda: connection.close()).result()


def test_the_examples_are_what_a_made_up_city_is_told(lived: dict[str, Any]) -> None:
    made = Client().get("/v1/openapi.json").json()
    told = {}
    for place, media, said in contents(made):
        if media != "application/problem+json":
            one = resolved(made, said["examples"]["zh"])
            answer = re.search(r" \d{3}$", place) or place in made["webhooks"]
            told[place if answer else f"{place} {media}"] = one.get("value", one.get("externalValue"))
    assert told.keys() - lived.keys() == NOT_LIVED and lived.keys() <= told.keys()
    for place in lived:
        assert shape(told[place]) == shape(lived[place]), place
    # What belongs together does.
    key = checkpoint.read_key(told["GET /log/key 200"].strip())
    receipt = told["GET /v1/me/entries/{entry_id}/receipt 200"]
    verdict = verify_receipt(json.dumps(receipt).encode(), key, Recomputing())
    assert verdict.ok, verdict
    assert receipt["checkpoint"] == told["GET /log/checkpoint 200"]
    table = told["POST /v1/files application/octet-stream"].encode()
    for file in (told["POST /v1/files 202"], *told["GET /v1/files 200"]["files"]):
        assert (file["size"], file["sha256"]) == (len(table), hashlib.sha256(table).hexdigest())
