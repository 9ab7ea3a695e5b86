"""From a format's declared columns to staged ledger rows: typed, checked, still with the log's own totals.

Everything is one SQL statement over the records, so ten million rows cost one pass. What a record
lacks is NULL; what it has and cannot mean (a negative count, a date of 1970) puts it aside.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from data.formats import BILLED_COLUMNS, RAW_COUNTS, USAGE_COLUMNS, Format
from data.loading import named_currency, named_tier, unread_usage
from data.loading.row_problems import ESSENTIAL, billed_problems, usage_problems
from data.prices import service_tiers
from data.schema import MEDIA_TOKENS, id_hash
from data.sql_text import literal

COUNTS = (*RAW_COUNTS, "total_tokens")
NUMBERS = (*COUNTS, "reported_cost_usd")
FLAGS = ("input_has_cache", "output_has_reasoning", "succeeded", "unmetered")
TIMES = ("latency_ms", "ttft_ms")
DOUBLES = (*TIMES, "quality_score")
STATUSES = ("success", "error", "cached", "cancelled")
NOT_JSON = "it is not a JSON object"
BLANK = "a blank line"  # no record: staged for its number, then left out


def structure(fields: Mapping[str, object]) -> str:
    """The `json_transform` structure of a format's `fields`, as a SQL literal."""
    return literal(json.dumps(fields))


# A NUL in a name breaks the catalogue's filters: its JSON escape is taken out before parsing.
WITHOUT_NUL = (
    r"CASE WHEN contains(raw, '\u0000') THEN regexp_replace(raw, '(^|[^\\])((?:\\\\)*)(\\u0000)+', '\1\2', 'g') ELSE"
    r" raw END"
)


def parse_records(records: str, form: Format) -> str:
    """`records` with the struct `d`; a line that is no JSON object has `d` NULL."""
    transformed = f"TRY(json_transform({WITHOUT_NUL}, {structure(form.fields)}))"
    return (
        f"SELECT *, CASE WHEN starts_with(raw, '{{') OR starts_with(ltrim(raw), '{{') THEN {transformed} END AS d FROM"
        f" (SELECT * REPLACE (without_types(raw) AS raw) FROM ({records}))"
    )


def stage_rows(relation: str, form: Format, *, numbered: bool, may_be_broken: bool) -> str:
    """SQL for the staged rows of a format over a relation of parsed records (`form.rows` applied).

    Columns: `file_no`, `record_no` (`with_record_numbers`), `reject`, `raw` (only where rejected), `event_id`,
    its `id_hash`, and what the format says of a record, in its type; those of a rejected row mean nothing. `whole` adds
    the rest.
    `may_be_broken`: the relation still holds lines that are no JSON objects (their `d` is NULL); they are put aside
    too.
    """
    form = named_currency.with_named_currency(named_tier.with_named_tier(form))
    types = _types(form) | (
        {name: f"{name}_number::BIGINT" for name in COUNTS} | _given_once(form) if form.table == "usage" else {}
    )
    types["skip"] = (
        "CASE WHEN broken IS NULL THEN skip::VARCHAR END"  # a broken line is no record that may be passed over
    )
    given = [f"({form.columns.get(name, 'NULL')}) AS {name}" for name in types]
    given += unread_usage.objects(form)
    numbers = [
        f"{'count_of' if name in COUNTS else 'amount_of'}({name}) AS {name}_number" for name in NUMBERS if name in types
    ]
    broken = (
        f"CASE WHEN d IS NULL THEN CASE WHEN trim(raw) <> '' THEN '{NOT_JSON}' ELSE '{BLANK}' END END"
        if may_be_broken
        else "NULL"
    )
    places = "file_no, record_no" if numbered else "file_no"
    base = f"SELECT {places}, raw, {broken} AS broken, {', '.join(given)} FROM ({relation})"
    counted = f"SELECT {', '.join(['*', *numbers, *unread_usage.remainders(form)])} FROM ({base})"
    problems = usage_problems(form) if form.table == "usage" else billed_problems()
    checked = (
        f"SELECT *, CASE WHEN broken IS NOT NULL THEN broken WHEN skip IS NULL THEN coalesce(reject, {problems}) END AS"
        f" problem FROM ({counted})"
    )
    columns = "".join(
        f", {item}" for item in [*(f"{types[name]} AS {name}" for name in _stored(form)), *unread_usage.unread(form)]
    )
    typed = (
        f"SELECT {places}, problem AS reject, CASE WHEN problem IS NOT NULL THEN raw END AS raw, "
        f"'{form.family}:' || coalesce(clear(event_key), md5(raw)) AS event_id{columns} FROM ({checked})"
    )
    return f"SELECT *, {id_hash('event_id')} AS id_hash FROM ({typed})"


def _given_once(form: Format) -> dict[str, str]:
    """Types of a usage format's columns that depend on one another, each token and each doubt counted once.

    Cache writes: of a split by lifetime that does not add up to the log's sum, the rest is taken for the short, cheaper
    life, as is all of what is not split. A cost or an optional count that is no number is left out. Parts that are more
    than what should hold them are beside it, in spite of what the format says; media are cut to it. All put a caveat on
    the row.
    """
    split = [f"cache_write_{life}_tokens_number" for life in ("5m", "1h")]
    parts = " + ".join(f"coalesce({count}, 0)" for count in split)
    is_split = f"coalesce({', '.join(split)}) IS NOT NULL"
    rest = f"{is_split} AND cache_write_tokens_number > {parts}"
    differs = f"{is_split} AND cache_write_tokens_number <> {parts}"
    optional = [name for name in NUMBERS if name in form.columns and name not in ESSENTIAL]
    odd = " OR ".join(f"{name}_number IS NULL AND text_of({name}) IS NOT NULL" for name in optional) or "FALSE"
    # Claude's writes cost by lifetime: without a split, and with no cost that knows it, the short one is a guess.
    guessed = f"""cache_write_tokens_number > 0 AND NOT ({is_split}) AND reported_cost_usd_number IS NULL
        AND contains(lower(model_raw), 'claude')"""
    beyond, cut = _beyond(form), _cut(form)
    assumed = " OR ".join(f"coalesce({sql}, FALSE)" for sql in (differs, guessed, *_doubtful(form, beyond), *cut))
    odd_word = f"text_of(status) IS NOT NULL AND status NOT IN {STATUSES}" if "status" in form.columns else "FALSE"
    return {
        **{flag: f"TRY_CAST({flag} AS BOOLEAN) AND NOT coalesce({sql}, FALSE)" for flag, sql in beyond.items()},
        "cache_write_tokens": f"CASE WHEN NOT ({is_split}) THEN cache_write_tokens_number::BIGINT END",
        "cache_write_5m_tokens": (
            f"""CASE WHEN {rest} THEN cache_write_tokens_number - coalesce({split[1]}, 0)
            ELSE {split[0]} END::BIGINT"""
        ),
        "reported_cost_usd": (
            "CASE WHEN reported_cost_usd_number IS NOT NULL THEN TRY_CAST(reported_cost_usd AS DECIMAL(18,12)) END"
        ),
        "caveats": (
            f"""CASE WHEN caveats IS NOT NULL OR {odd} OR {assumed} OR {odd_word} THEN
            list_concat(coalesce(caveats::VARCHAR[], []),
            [CASE WHEN {odd} THEN 'unread_usage' END, CASE WHEN {assumed} THEN 'split_assumed' END,
             CASE WHEN {odd_word} THEN 'unknown_status' END]) END"""
        ),
    }


_CACHE = """(coalesce(cache_read_tokens_number, 0) + greatest(coalesce(cache_write_tokens_number, 0),
    coalesce(cache_write_5m_tokens_number, 0) + coalesce(cache_write_1h_tokens_number, 0)))"""
_BEYOND = {
    "input_has_cache": f"{_CACHE} > input_tokens_number",
    "output_has_reasoning": "reasoning_tokens_number > output_tokens_number",
}


def _beyond(form: Format) -> dict[str, str]:
    """By flag that a format may set, SQL: is there more of the part than of what should hold it?"""
    return {
        flag: f"TRY_CAST({flag} AS BOOLEAN) AND {sql}"
        for flag, sql in _BEYOND.items()
        if form.columns.get(flag) not in (None, "FALSE")
    }


def _doubtful(form: Format, beyond: Mapping[str, str]) -> list[str]:
    """SQL of `beyond` where no total of the record says that the part stands beside the whole."""
    if "total_tokens" not in form.columns or "output_has_reasoning" not in beyond:
        return list(beyond.values())
    apart = "input_tokens_number + output_tokens_number + reasoning_tokens_number = total_tokens_number"
    doubt = f"{beyond['output_has_reasoning']} AND NOT coalesce({apart}, FALSE)"
    return list((dict(beyond) | {"output_has_reasoning": doubt}).values())


def _cut(form: Format) -> list[str]:
    """SQL: are there more media than tokens of their side?"""
    sides = {"input": "input_tokens", "output": "output_tokens"}
    found = []
    for side, whole_side in sides.items():
        parts = [f"coalesce({name}_number, 0)" for name in MEDIA_TOKENS if f"_{side}_" in name and name in form.columns]
        if parts:
            found.append(f"{' + '.join(parts)} > {whole_side}_number")
    return found


def whole(relation: str, form: Format) -> str:
    """SQL for staged rows with every target column: what the format has nothing, or always the same,
    for is a constant."""
    form = named_currency.with_named_currency(named_tier.with_named_tier(form))
    constant = {
        name: kind for name, kind in _types(form).items() if name not in (*_stored(form), "event_key", "reject")
    }
    given = "".join(f", {form.columns.get(name, 'NULL')} AS {name}" for name in constant)
    typed = ", ".join(f"{kind} AS {name}" for name, kind in constant.items())
    replaced = f"REPLACE ({typed})" if constant else ""
    return f"SELECT * {replaced} FROM (SELECT *{given} FROM ({relation}) WHERE reject IS DISTINCT FROM '{BLANK}')"


def _stored(form: Format) -> list[str]:
    """The columns whose value differs between the records of a format."""
    varying = {name for name, value in form.columns.items() if not re.fullmatch(r"'[^']*'|TRUE|FALSE", value)}
    varying |= set(_beyond(form))
    varying |= {"provider_raw"} if "provider" in varying else set()
    varying |= {"error_class", "caveats"} | ({"cache_write_5m_tokens"} if "cache_write_1h_tokens" in varying else set())
    return [name for name in _types(form) if name in varying and name not in ("event_key", "reject")]


def _types(form: Format) -> dict[str, str]:
    """SQL per target column that gives its value its type. No cast can fail: a value out of range has put its row
    aside."""
    if form.table != "usage":
        return {name: f"text_of(clear({name}))" for name in BILLED_COLUMNS} | BILLED_TYPES
    return {name: f"text_of(clear({name}))" for name in USAGE_COLUMNS} | USAGE_TYPES


USAGE_TYPES = {
    **{name: f"TRY_CAST(number({name}) AS BIGINT)" for name in COUNTS},
    **{name: f"TRY_CAST({name} AS BOOLEAN)" for name in FLAGS},
    **{name: f"CASE WHEN isfinite(number({name})) THEN number({name}) END" for name in DOUBLES},
    # A span that ends before it starts was timed by two clocks: how long it took is not known.
    **{name: f"CASE WHEN isfinite(number({name})) AND number({name}) >= 0 THEN number({name}) END" for name in TIMES},
    "rank": "TRY_CAST(rank AS DOUBLE)",
    "attempt": "TRY_CAST(attempt AS INTEGER)",
    "http_status": "TRY_CAST(http_status AS INTEGER)",
    "requested_at": "requested_at::TIMESTAMP",
    "recorded_at": "recorded_at::TIMESTAMP",
    "reported_cost_usd": "TRY_CAST(reported_cost_usd AS DECIMAL(18,12))",
    "provider": "provider_of(clear(provider))",
    "provider_raw": "text_of(clear(provider))",
    "caveats": "caveats::VARCHAR[]",
    "error_class": (
        "CASE WHEN status = 'error' OR error_class IS NOT NULL THEN error_class_of(error_class, TRY_CAST(http_status AS"
        " INTEGER)) END"
    ),
    "tags": (
        "CASE WHEN starts_with(ltrim(tags::VARCHAR), '{') AND json_valid(tags::VARCHAR) THEN masked(tags::VARCHAR) END"
    ),
    "status": f"CASE WHEN status IN {STATUSES} THEN status ELSE 'success' END",
    "service_tier": service_tiers.word_sql("clear(service_tier)"),
    "server_tools": "tools_of(json_of(server_tools))",
    "operation": "coalesce(text_of(clear(operation)), 'chat')",
    "skip": "skip::VARCHAR",
}
BILLED_TYPES = {
    "day": "TRY_CAST(day AS DATE)",
    "amount": "TRY_CAST(amount AS DECIMAL(38,12))",
    "currency": "upper(text_of(clear(currency)))",
    "quantity": "number(quantity)",
    "page": "TRY_CAST(page AS BIGINT)",
    "place": "place::BIGINT",
    "more": "coalesce(TRY_CAST(more AS BOOLEAN), FALSE)",
    "whole": "coalesce(TRY_CAST(whole AS BOOLEAN), FALSE)",
    "skip": "skip::VARCHAR",
}
