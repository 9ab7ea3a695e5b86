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
from typing import Literal
from zoneinfo import ZoneInfo

import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from data import containers, normalise
from data.errors import BadInput, NoData, UnknownFormat
from data.formats import USAGE_COLUMNS, Format
from data.ledger import Ledger
from data.state import State

TARGETS = tuple(
    c for c in USAGE_COLUMNS if c not in ("rank", "tags", "input_has_cache", "output_has_reasoning", "unmetered", "skip", "reject")
)
PREVIEW_ROWS = 10
COST_FACTORS = {"usd": "1", "cents": "0.01", "micro_usd": "0.000001"}

# Names a column usually has, without case and punctuation; the first that is there is taken.
USUAL_NAMES = {
    "requested_at": "timestamp requestedat requesttime starttime startedat createdat created time datetime eventtime ts date",
    "model_raw": "model modelname modelid responsemodel requestmodel deployment deploymentname engine",
    "provider": "provider providername vendor llmprovider modelprovider",
    "event_key": "eventid requestid generationid id uuid",
    "call_id": "callid correlationid",
    "session_id": "sessionid session conversationid threadid traceid runid",
    "input_tokens": "inputtokens prompttokens tokensin tokensprompt prompttokencount inputtokencount contexttokens inputlength",
    "cache_read_tokens": "cachereadtokens cachedtokens cachereadinputtokens cachedinputtokens tokenscached",
    "cache_write_tokens": "cachewritetokens cachecreationtokens cachecreationinputtokens",
    "output_tokens": "outputtokens completiontokens tokensout tokenscompletion completiontokencount outputtokencount generatedtokens outputlength",
    "reasoning_tokens": "reasoningtokens thinkingtokens thoughtstokens",
    "total_tokens": "totaltokens tokens",
    "reported_cost_usd": "costusd cost totalcost totalcostusd spend amountusd costincents costcents",
    "latency_ms": "latencyms durationms latency duration responsetime responsetimems elapsedms latencys latencyseconds durationseconds",
    "ttft_ms": "ttftms ttft timetofirsttoken timetofirsttokenms",
    "status": "status outcome result success",
    "http_status": "httpstatus statuscode httpstatuscode responsestatus",
    "error_class": "errorclass errortype errorcode error",
    "team": "team teamname department costcenter",
    "project": "project projectid workspace",
    "feature": "feature app application appname service agent usecase",
    "environment": "environment env stage",
    "user_id": "userid user username email",
    "customer_id": "customerid customer tenant tenantid account",
    "task_type": "tasktype task", "criticality": "criticality priority", "data_class": "dataclass classification sensitivity",
    "region": "region location", "service_tier": "servicetier tier", "operation": "operation calltype endpoint",
    "quality_score": "qualityscore score", "succeeded": "succeeded accepted",
}  # fmt: skip


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

    @field_validator("time_zone")
    @classmethod
    def _zone(cls, zone: str) -> str:
        try:
            return ZoneInfo(zone).key
        except (KeyError, ValueError, OSError) as error:
            raise ValueError(f"`{zone}` is no time zone; write one such as Europe/Berlin") from error


def checked(body: dict) -> Mapping:
    """A mapping from a document; BadInput says which field is wrong and what may stand there."""
    try:
        mapping = Mapping.model_validate(body)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "mapping"
        raise BadInput(f"The mapping's {where} cannot be used: {first['msg'].removeprefix('Value error, ')}.") from error
    if "requested_at" not in mapping.columns:
        raise BadInput("The mapping does not say which column is the time of the request; point one at `requested_at`.")
    if not {"model_raw", "input_tokens", "output_tokens", "reported_cost_usd"} & {*mapping.columns, *mapping.constants}:
        raise BadInput("The mapping names no model, tokens or cost; point a column at one of them.")
    _fields(mapping)
    return mapping


# -- from column names to a first guess --------------------------------------------------------------


def sources(sample: Iterable[dict]) -> list[str]:
    """What may be pointed at: the column names and nested fields of the sample, in order of appearance."""
    found: dict[str, None] = {}

    def visit(value: object, path: tuple[str, ...]) -> None:
        if isinstance(value, dict) and value:
            for key, inner in value.items():
                visit(inner, (*path, str(key)))
        elif not isinstance(value, list):
            found[_source(path)] = None

    for record in sample:
        visit(record, ())
    return list(found)


def guess(name: str, columns: Iterable[str]) -> Mapping:
    """A first mapping from what columns are usually called; a source is used once, the operator corrects the rest."""
    by_name: dict[str, str] = {}
    for source in columns:
        path = _path(source)
        for spelling in ("".join(path), path[-1]):
            by_name.setdefault(_plain(spelling), source)
    chosen: dict[str, str] = {}
    for target, usual in USUAL_NAMES.items():
        source = next((by_name[n] for n in usual.split() if n in by_name and by_name[n] not in chosen.values()), None)
        if source:
            chosen[target] = source
    latency, cost = _plain(chosen.get("latency_ms", "")), _plain(chosen.get("reported_cost_usd", ""))
    return Mapping(
        name=name,
        columns=chosen,
        latency_unit="s" if latency.endswith(("seconds", "latencys")) else "ms",
        cost_unit="cents" if "cents" in cost else "usd",
    )


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _path(source: str) -> tuple[str, ...]:
    if not source.startswith("/"):
        return (source,)
    return tuple(part.replace("~1", "/").replace("~0", "~") for part in source[1:].split("/"))


def _source(path: tuple[str, ...]) -> str:
    if len(path) == 1 and not path[0].startswith("/"):
        return path[0]
    return "/" + "/".join(part.replace("~", "~0").replace("/", "~1") for part in path)


# -- from a mapping to a format ----------------------------------------------------------------------


def format_of(mapping: Mapping) -> Format:
    """The mapping as a format; it is never recognised, only named."""
    columns = {target: _quoted(text) for target, text in mapping.constants.items()}
    columns |= {target: _expression(mapping, target, _field(source)) for target, source in mapping.columns.items()}
    if "http_status" in mapping.columns and "status" not in columns:
        columns["status"] = f"CASE WHEN number({_field(mapping.columns['http_status'])}) >= 400 THEN 'error' ELSE 'success' END"
    if mapping.tags:
        pairs = ", ".join(f"{_quoted(_path(source)[-1])}, {_field(source)}" for source in mapping.tags)
        columns["tags"] = f"json_merge_patch('{{}}', json_object({pairs}))"
    flags = {"input_has_cache": mapping.input_has_cache, "output_has_reasoning": mapping.output_has_reasoning}
    columns |= {target: str(flag).upper() for target, flag in flags.items() if flag is not None}
    return Format(
        name=f"mapping:{mapping.name}", label=f"the mapping {mapping.name}", recognise=lambda sample: False,
        fields=_fields(mapping), columns=columns, note=f"Read with the mapping {mapping.name}; times without an offset are {mapping.time_zone}.",
    )  # fmt: skip


def _fields(mapping: Mapping) -> dict:
    """The JSON structure to parse; BadInput where one source is part of another."""
    fields: dict = {}
    for source in (*mapping.columns.values(), *mapping.tags):
        node, (*parents, leaf) = fields, _path(source)
        for parent in parents:
            node = node.setdefault(parent, {})
            if not isinstance(node, dict):
                raise BadInput(f"The mapping uses {source} and a field above it; point at the inner one only.")
        twin = next((known for known in node if known.lower() == leaf.lower() and (known != leaf or node[known] != "VARCHAR")), None)
        if twin:
            raise BadInput(f"The mapping uses both {twin} and {source}, which cannot be told apart; point at one of them.")
        node[leaf] = "VARCHAR"
    return fields


def _field(source: str) -> str:
    return "d." + ".".join('"' + part.replace('"', '""') + '"' for part in _path(source))


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _expression(mapping: Mapping, target: str, field: str) -> str:
    """SQL for one target; what cannot be converted is handed on as it is and rejected with its own text."""
    if target == "requested_at":
        return _time(mapping, field)
    if target.endswith("_tokens"):
        return f"CASE WHEN regexp_matches({field}, '^\\s*[0-9]{{1,3}}(,[0-9]{{3}})+\\s*$') THEN replace({field}, ',', '') ELSE {field} END"
    if target == "reported_cost_usd":
        amount = f"TRY_CAST(replace(ltrim(trim({field}), '$ '), ',', '') AS DECIMAL(18,12))"
        return f"CASE WHEN {amount} IS NULL THEN {field} ELSE ({amount} * {COST_FACTORS[mapping.cost_unit]})::DECIMAL(18,12)::VARCHAR END"
    if target in ("latency_ms", "ttft_ms"):
        return f"number({field}) * {1000 if mapping.latency_unit == 's' else 1}"
    if target == "status":
        return (
            f"CASE WHEN lower(trim({field})) IN ('error', 'failed', 'failure', 'false', 'exception') OR number({field}) >= 400 THEN 'error' "
            f"WHEN lower(trim({field})) IN ('cached', 'cache_hit', 'hit') THEN 'cached' "
            f"WHEN lower(trim({field})) IN ('cancelled', 'canceled', 'aborted') THEN 'cancelled' ELSE 'success' END"
        )
    return f"text_of({field})"


def _time(mapping: Mapping, field: str) -> str:
    naive = f"TRY_CAST({field} AS TIMESTAMP)"
    if mapping.time_format:
        naive = f"try_strptime({field}, {_quoted(mapping.time_format)})"
    elif mapping.time_zone == "UTC":
        return f"utc({field})"
    local = f"timezone('UTC', timezone({_quoted(mapping.time_zone)}, {naive}))"
    absolute = f"regexp_matches(trim({field}), ':[0-9]{{2}}.*(Z|z|[+-][0-9]{{2}}(:?[0-9]{{2}})?)$') OR number({field}) IS NOT NULL"
    return f"CASE WHEN {naive} IS NULL OR {absolute} THEN utc({field}) ELSE {local} END"


# -- looking at ten rows, keeping, finding again ----------------------------------------------------


def sample_of(ledger: Ledger, path: str | Path) -> list[dict]:
    """The first records of a file as dictionaries; raises Unreadable or UnknownFormat where there are none."""
    return _opened(ledger.cursor(), ledger, path)[1]


def preview(ledger: Ledger, path: str | Path, mapping: Mapping) -> pd.DataFrame:
    """The first ten records as they would be loaded: the mapped targets, and `problem` where one would be rejected."""
    form, cursor = format_of(mapping), ledger.cursor()
    for macro in normalise.MACROS:
        cursor.execute(macro)
    file, _ = _opened(cursor, ledger, path)
    records = normalise.parsed(f"SELECT * FROM ({containers.records([file])}) LIMIT {PREVIEW_ROWS}", form)
    targets = [t for t in form.columns if t != "event_key"]
    rows = cursor.execute(
        f"SELECT {', '.join(targets)}, reject AS problem FROM ({normalise.staged(records, form, may_be_broken=True)}) ORDER BY record_no"
    )
    return rows.df()


def _opened(cursor, ledger: Ledger, path: str | Path) -> tuple[containers.File, list[dict]]:
    [found] = containers.expand([path])[:1]
    file, sample = containers.unwrap(*containers.inspect(cursor, found, ledger.home / "scratch"))
    if not sample:
        raise UnknownFormat(f"{found.name} has no records to map; it must be CSV, Parquet, JSON or JSON lines.")
    return file, sample


def save(state: State, mapping: Mapping, actor: str = "") -> None:
    """Keep a checked mapping under its name; the change is in the audit trail."""
    body = checked(mapping.model_dump()).model_dump(mode="json", exclude_defaults=True)
    state.put("mapping", mapping.name, body)
    state.append_audit("column mapping saved", {"name": mapping.name}, actor)


def saved(state: State) -> dict[str, Mapping]:
    """All saved mappings by name."""
    return {name: checked({"name": name, **body}) for name, body in state.all("mapping").items()}


def load(state: State, name: str) -> Format:
    """A saved mapping as a format; NoData with the nearest names when there is none of that name."""
    mappings = saved(state)
    if name not in mappings:
        near = get_close_matches(name, mappings, n=3, cutoff=0.4)
        hint = f"did you mean {', '.join(near)}?" if near else "make one on the Data page."
        raise NoData(f"There is no mapping {name!r}; {hint}")
    return format_of(mappings[name])
