"""JSON texts as SQL: what is JSON and nothing more, and the number in a value."""

from __future__ import annotations


def strict_json(t: str) -> str:
    """Whether `t` is JSON and nothing more: the reader also takes trailing commas and NaN, which are not."""
    bare = rf"regexp_replace({t}, '\"(\\.|[^\"\\])*\"', '0', 'g')"
    return (
        f"json_valid({t}) AND NOT (regexp_matches({t}, ',\\s*[\\]}}]|[nN]a[nN]|[iI][nN][fF]') "
        f"AND regexp_matches({bare}, ',\\s*[\\]}}]|[nN]a[nN]|[iI][nN][fF]'))"
    )


def json_number(j: str) -> str:
    """The text of a JSON number or of a string that holds one; anything else gives a text that is no
    number, or null.

    JSON numbers are doubles (I-JSON), which the reader writes as the shortest decimal that names them;
    whole numbers stay as written. An exponent is allowed in a number only: a string with one becomes `?`.
    """
    content = f"json_extract_string({j}, '$')"
    plain = f"CASE WHEN contains({content}, 'e') THEN '?' ELSE {content} END"
    double = f"CAST(TRY_CAST({j} AS DOUBLE) AS VARCHAR)"
    return (
        f"CASE WHEN starts_with({j}, '\"') THEN {plain} "
        f"WHEN contains({j}, 'e') OR contains({j}, 'E') THEN {double} ELSE {j} END"
    )
