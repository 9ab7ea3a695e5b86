"""Column mappings: how the operator tells Baton to read a log it does not know.

A mapping points columns of a CSV, Parquet or JSON lines file at ours, is tried on ten rows, saved by
name (state kind `mapping`) and used again with `--mapping NAME`. At run time it is a `Format` like
any other. A source is a column name, or a JSON pointer such as `/usage/prompt_tokens` for a nested field.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, field_validator

from data import scratch
from data.documents import Documents
from data.errors import BadInput, NoData, UnknownFormat
from data.formats import USAGE_COLUMNS, Format, flat_usage
from data.ledger import Cursor, Ledger
from data.loading import column_guesses, column_names, containers, envelopes, named_files, reading_macros, staged_rows
from data.sql_text import identifier, literal
from data.state import State

if TYPE_CHECKING:
    import pandas as pd

TARGETS = tuple(
    c
    for c in USAGE_COLUMNS
    if c not in ("rank", "tags", "input_has_cache", "output_has_reasoning", "caveats", "unmetered", "skip", "reject")
)
PREVIEW_ROWS = 10
DIRECTIVES = tuple("aAbBdfgHIjmMpSyYzZ%")  # what DuckDB's strptime reads
COST_FACTORS = {"usd": "1", "cents": "0.01", "micro_usd": "0.000001"}


class Mapping(BaseModel):
    """One saved mapping. Targets are ledger inputs (`TARGETS`); whatever is left out is unknown."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9 _.-]{0,59}$")
    columns: dict[str, str]
    constants: dict[str, str] = {}
    tags: tuple[str, ...] = ()
    time_zone: str = "UTC"  # of times that carry no offset
    time_format: str | None = None  # strptime text, where the time is written in a way of its own
    cost_unit: Literal["usd", "cents", "micro_usd"] = "usd"
    latency_unit: Literal["ms", "s"] = "ms"
    decimal_comma: bool = False  # numbers are written as 1.234,5
    input_has_cache: bool | None = None  # None: the consistency tests decide
    output_has_reasoning: bool | None = None

    @field_validator("columns", "constants")
    @classmethod
    def _known(cls, given: dict[str, str]) -> dict[str, str]:
        for target in given:
            if target not in TARGETS:
                near = get_close_matches(target, TARGETS, n=3, cutoff=0.4) or TARGETS[:8]
                raise ValueError(f"`{target}` is no column of ours; did you mean {', '.join(near)}?")
        return given

    @field_validator("time_format")
    @classmethod
    def _directives(cls, text: str | None) -> str | None:
        if wrong := [d for d in re.findall(r"%-?.?", text or "") if d.lstrip("%-") not in DIRECTIVES or d == "%"]:
            raise ValueError(f"`{wrong[0]}` is no part of a date; write a format such as %d.%m.%Y %H:%M")
        return text

    @field_validator("time_zone")
    @classmethod
    def _zone(cls, zone: str) -> str:
        try:
            return ZoneInfo(zone).key
        except (KeyError, ValueError, OSError) as error:
            raise ValueError(f"`{zone}` is no time zone; write one such as Europe/Berlin") from error


def _reads_something(name: str, mapping: Mapping) -> None:
    """A mapping whose columns make a usage record; a page may hold one that does not yet."""
    if "requested_at" not in mapping.columns:
        raise BadInput("The mapping does not say which column is the time of the request; point one at `requested_at`.")
    if not {"model_raw", "input_tokens", "output_tokens", "reported_cost_usd"} & {*mapping.columns, *mapping.constants}:
        raise BadInput("The mapping names no model, tokens or cost; point a column at one of them.")
    _fields(mapping)


MAPPINGS = Documents("mapping", Mapping, upgrade=lambda name, body: {"name": name, **body}, check=_reads_something)


def check_mapping(body: dict) -> Mapping:
    """A mapping from a form; BadInput says which field is wrong and what may stand there."""
    return MAPPINGS.read(str(body.get("name", "")), body)


def guess(name: str, sample: list[dict]) -> Mapping:
    """A first mapping from the names and values of a file's columns; the operator corrects the rest."""
    chosen = {target: found.source for target, found in column_guesses.guesses(sample).items()}
    values = column_guesses.column_values(sample)
    cost = column_names.plain(chosen.get("reported_cost_usd", ""))
    waits = [chosen[target] for target in ("latency_ms", "ttft_ms") if target in chosen]
    return Mapping(
        name=name,
        columns=chosen,
        time_format=column_guesses.time_format(values.get(chosen.get("requested_at", ""), [])),
        latency_unit="s" if waits and column_guesses.in_seconds(waits[0], values[waits[0]]) else "ms",
        cost_unit="cents" if "cents" in cost else "micro_usd" if "micro" in cost else "usd",
        decimal_comma=column_guesses.decimal_comma(values),
    )


def fitting(state: State, columns: Iterable[str]) -> list[str]:
    """The saved mappings that a file of these columns can be read with, the one that uses most of them first."""
    there = set(columns)
    used = {name: {*known.columns.values(), *known.tags} for name, known in MAPPINGS.all(state).items()}
    return sorted((name for name, sources in used.items() if sources <= there), key=lambda name: -len(used[name]))


# -- from a mapping to a format ----------------------------------------------------------------------


def format_of(mapping: Mapping) -> Format:
    """The mapping as a format; it is never recognised, only named."""
    columns = {target: literal(text) for target, text in mapping.constants.items()}
    columns |= {target: _expression(mapping, target, _field(source)) for target, source in mapping.columns.items()}
    if "http_status" in mapping.columns and "status" not in columns:
        columns["status"] = (
            f"CASE WHEN number({_field(mapping.columns['http_status'])}) >= 400 THEN 'error' ELSE 'success' END"
        )
    if mapping.tags:
        pairs = ", ".join(f"{literal(column_names.path_of(source)[-1])}, {_field(source)}" for source in mapping.tags)
        columns["tags"] = f"json_merge_patch('{{}}', json_object({pairs}))"
    rows = Format.rows
    if (
        "event_key" not in columns
    ):  # equal records are different requests: the second of its kind is the second in every file
        rows = "SELECT *, row_number() OVER (PARTITION BY file_no, raw ORDER BY record_no) AS nth FROM records"
        columns["event_key"] = "md5(raw) || CASE WHEN nth > 1 THEN ':' || nth ELSE '' END"
    flags = {"input_has_cache": mapping.input_has_cache, "output_has_reasoning": mapping.output_has_reasoning}
    columns |= {target: str(flag).upper() for target, flag in flags.items() if flag is not None}
    return Format(
        name=f"mapping:{mapping.name}",
        label=f"the mapping {mapping.name}",
        recognise=lambda sample: False,
        fields=_fields(mapping),
        columns=columns,
        rows=rows,
        usage=flat_usage(_fields(mapping)),
        note=f"Read with the mapping {mapping.name}; times without an offset are {mapping.time_zone}.",
    )


def _fields(mapping: Mapping) -> dict:
    """The JSON structure to parse; BadInput where one source is part of another."""
    fields: dict = {}
    for source in (*mapping.columns.values(), *mapping.tags):
        node, (*parents, leaf) = fields, column_names.path_of(source)
        for parent in parents:
            node = node.setdefault(parent, {})
            if not isinstance(node, dict):
                raise BadInput(f"The mapping uses {source} and a field above it; point at the inner one only.")
        twin = next(
            (known for known in node if known.lower() == leaf.lower() and (known != leaf or node[known] != "VARCHAR")),
            None,
        )
        if twin:
            raise BadInput(
                f"The mapping uses both {twin} and {source}, which cannot be told apart; point at one of them."
            )
        node[leaf] = "VARCHAR"
    return fields


def _field(source: str) -> str:
    return "d." + ".".join(identifier(part) for part in column_names.path_of(source))


def _expression(mapping: Mapping, target: str, field: str) -> str:
    """SQL for one target; what cannot be converted is handed on as it is and rejected with its own text."""
    if target in ("requested_at", "recorded_at"):
        return _time(mapping, field)
    if target.endswith("_tokens"):
        return _plain_number(mapping, field)
    if target == "reported_cost_usd":
        plain = _plain_number(mapping, f"ltrim(trim({field}), '$ ')")
        amount = f"TRY_CAST({plain} AS DECIMAL(18,12))"
        return (
            f"CASE WHEN {amount} IS NULL THEN {field} ELSE ({amount} *"
            f" {COST_FACTORS[mapping.cost_unit]})::DECIMAL(18,12)::VARCHAR END"
        )
    if target in ("latency_ms", "ttft_ms"):
        return f"number({_plain_number(mapping, field)}) * {1000 if mapping.latency_unit == 's' else 1}"
    if target == "status":
        return _status(field)
    return f"text_of({field})"


def _plain_number(mapping: Mapping, field: str) -> str:
    """SQL for a number without marks between its thousands and with a point before its fraction."""
    if mapping.decimal_comma:
        return f"replace(replace({field}, '.', ''), ',', '.')"
    grouped = f"regexp_full_match(trim({field}), '[1-9][0-9]{{0,2}}(,[0-9]{{3}})+(\\.[0-9]*)?')"
    return f"CASE WHEN {grouped} THEN replace({field}, ',', '') ELSE {field} END"


# A word that is in none of these stays as it is: the row counts as a success and is marked `unknown_status`.
STATUS_WORDS = {
    "error": ("error", "failed", "failure", "false", "exception"),
    "cached": ("cached", "cache_hit", "hit"),
    "cancelled": ("cancelled", "canceled", "aborted"),
    "success": ("success", "succeeded", "successful", "ok", "true", "completed", "complete", "done", "finished"),
}


def _status(field: str) -> str:
    word = f"lower(trim({field}))"
    cases = " ".join(f"WHEN {word} IN {words} THEN '{status}'" for status, words in STATUS_WORDS.items())
    codes = f"WHEN number({field}) >= 400 THEN 'error' WHEN number({field}) IS NOT NULL THEN 'success'"
    return f"CASE {cases} {codes} ELSE {word} END"


def _time(mapping: Mapping, field: str) -> str:
    naive = f"TRY_CAST({field} AS TIMESTAMP)"
    if mapping.time_format:
        naive = f"try_strptime({field}, {literal(mapping.time_format)})"
    elif mapping.time_zone == "UTC":
        return f"utc({field})"
    local = f"timezone('UTC', timezone({literal(mapping.time_zone)}, {naive}))"
    absolute = (
        f"regexp_matches(trim({field}), ':[0-9]{{2}}.*(Z|z|[+-][0-9]{{2}}(:?[0-9]{{2}})?)$') OR number({field}) IS NOT"
        " NULL"
    )
    return f"CASE WHEN {naive} IS NULL OR {absolute} THEN utc({field}) ELSE {local} END"


# -- looking at ten rows, keeping, finding again ----------------------------------------------------


def sample_of(ledger: Ledger, path: str | Path) -> list[dict]:
    """The first records of a file as dictionaries; raises Unreadable or UnknownFormat where there are none."""
    with scratch.copies(ledger.home) as copies:
        return _opened(ledger.cursor(), copies, path)[1]


def preview(ledger: Ledger, path: str | Path, mapping: Mapping) -> pd.DataFrame:
    """The first ten records as they would be loaded: the mapped targets, and `problem` where one would be rejected."""
    form, cursor = format_of(mapping), ledger.cursor()
    for macro in reading_macros.MACROS:
        cursor.execute(macro)
    targets = [t for t in form.columns if t != "event_key"]
    with scratch.copies(ledger.home) as copies:
        file, _ = _opened(cursor, copies, path)
        records = (
            f"SELECT *, row_number() OVER () AS record_no FROM ({containers.records([file])}) WHERE"
            f" {containers.NOT_BLANK} LIMIT {PREVIEW_ROWS}"
        )
        rows = f"WITH records AS ({staged_rows.parse_records(records, form)}) {form.rows}"
        rows = staged_rows.whole(staged_rows.stage_rows(rows, form, numbered=True, may_be_broken=True), form)
        return cursor.execute(f"SELECT {', '.join(targets)}, reject AS problem FROM ({rows}) ORDER BY record_no").df()


def _opened(cursor: Cursor, copies: Path, path: str | Path) -> tuple[containers.File, list[dict]]:
    """A file as a load would read it; `copies` takes what has to be written anew, as from UTF-16."""
    [found] = named_files.expand([path])[:1]
    _, text = named_files.digest(found)
    file, sample = envelopes.unwrap(*containers.inspect(cursor, found, copies, text))
    if not sample:
        raise UnknownFormat(f"{found.name} has no records to map; it must be CSV, Parquet, JSON or JSON lines.")
    return file, sample


def load(state: State, name: str) -> Format:
    """A saved mapping as a format; NoData with the nearest names when there is none of that name."""
    mappings = MAPPINGS.all(state)
    if name not in mappings:
        near = get_close_matches(name, mappings, n=3, cutoff=0.4)
        hint = f"did you mean {', '.join(near)}?" if near else "make one on the Data page."
        raise NoData(f"There is no mapping {name!r}; {hint}")
    return format_of(mappings[name])
