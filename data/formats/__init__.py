"""Log formats: one file each, all of the same shape, each an expression over rows DuckDB read.

A format declares what it reads and how its fields become ours:

- `recognise` looks at a handful of parsed records and says whether they are this format;
- `fields` is the JSON structure handed to DuckDB's `json_transform`: only what is used is parsed;
- `rows` (optional) is SQL that turns `records` into one row per usage record (unnesting spans,
  taking deltas, dropping replays); without it every record is one row;
- `columns` maps a target column to a SQL expression over that relation;
- `usage` says where the record counts what it used, so that a number which no column reads is seen.

`records` has `file_no`, `raw` (the record's JSON text) and `d` (the struct of `fields`); where `rows` is given and not
`per_record`, also `record_no` and `path`. What `rows` returns must keep `file_no`, `raw` and, where it has them,
`record_no`.
A CSV or Parquet row arrives as the JSON object of its columns, so one format reads every container.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from data.schema import MEDIA_TOKENS

# The counts of a log before anybody knows what is inside of which: TOKENS of data/schema.py are what they become.
RAW_COUNTS = (
    "input_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "cache_write_5m_tokens",
    "cache_write_1h_tokens",
    "output_tokens",
    "reasoning_tokens",
    *MEDIA_TOKENS,  # tokens that are no text, as a part of the input, cache read and output tokens
)

# What `columns` may name. Anything left out is NULL. Token columns take text or a number: the
# normaliser casts them and rejects what is no count. `input_tokens` and `output_tokens` are the
# log's own totals; `input_has_cache` and `output_has_reasoning` say what is inside them: TRUE,
# FALSE, or NULL where only the consistency tests of data/loading/token_readings.py can tell.
USAGE_COLUMNS = (
    "event_key",  # identity within the format; NULL: the record's own hash
    "rank",  # of records with one event_key the highest rank is kept (default: token total)
    "call_id",
    "attempt",
    "requested_at",
    "provider",
    "host",
    "region",
    "service_tier",
    "model_raw",
    "operation",
    "team",
    "project",
    "feature",
    "environment",
    "user_id",
    "customer_id",
    "session_id",
    "tags",
    "task_type",
    "criticality",
    "data_class",
    *RAW_COUNTS,
    "total_tokens",
    "server_tools",  # JSON object: calls of tools the provider ran, by the names of data/prices/tool_fees.py
    "input_has_cache",
    "output_has_reasoning",
    "latency_ms",
    "ttft_ms",
    "status",
    "error_class",
    "http_status",
    "reported_cost_usd",
    "quality_score",
    "quality_source",
    "succeeded",
    "caveats",  # VARCHAR[] of codes (data/caveats.py), NULLs allowed in it: what this reading assumed
    "recorded_at",  # when the log last changed the record: of two records of one call the newer counts
    "unmetered",  # TRUE where the log itself says usage is missing though the call happened
    "skip",  # text: why this record carries no usage of its own (a span, a parent's repeat)
    "reject",  # text: why this record cannot be used
)

BILLED_COLUMNS = (
    "event_key",  # in a format with a `bucket` it begins with the bucket and a colon
    "bucket",  # the report's time span, replaced by a newer report; see data/loading/report_buckets.py
    "page",  # which page of its file the line is on
    "more",  # TRUE where that page says that another one follows
    "whole",  # TRUE where the report is known to be about the whole account
    "account",  # whose report it is, where its lines say so
    "subject",  # which of the provider's reports it is in, "-" for the one whose ids have no word for it
    "alike",  # what lines that are equal but for their amounts share; its `event_key` is SQL over this and `place`
    "place",  # among those of its file
    "provider",
    "day",
    "line_item",
    "model",
    "project",
    "kind",
    "amount",
    "currency",
    "quantity",
    "unit",
    "note",
    "skip",
    "reject",
)
# Of these, what is no column of the table: it only says where in its report a line stands.
REPORT_PLACE = (
    "event_key",
    "bucket",
    "page",
    "more",
    "whole",
    "account",
    "subject",
    "alike",
    "place",
    "skip",
    "reject",
)


# Beside the tokens of any usage object: how many calls they are of, which costs nothing by itself.
COUNTS_OF_CALLS = dict.fromkeys(("requests", "num_requests", "request_count", "requestCount"), "a number of calls")


@dataclass(frozen=True)
class UsageObject:
    """Where a record counts what it used, and which of those counts the format reads.

    `json` is SQL over the format's rows for the object as JSON; `name` is what reports call it. `known` nests like
    `fields` and should be the very structure that the columns read, so that there is one place; a leaf covers
    whatever stands there. `harmless` has dotted paths (`details.audio_tokens`, in lists `items[].n`) of numbers that
    are no usage of their own, each with the reason (`COUNTS_OF_CALLS` are so everywhere). Any other number but zero
    marks the row `unread_usage`.
    `only`: where the object is a record that holds much else, words (`a|b`), one of which a key of it must contain.
    """

    json: str
    known: Mapping[str, object]
    harmless: Mapping[str, str] = field(default_factory=dict)
    name: str = "usage"
    only: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "harmless", COUNTS_OF_CALLS | dict(self.harmless))


# Keys of a flat record that count something, and those among them that never do.
LIKE_USAGE = "token|_tok|usage|cost|spend|credit|price|fee|units|search|image|audio|video|character|cache"
NO_USAGE = {
    **dict.fromkeys(("max_tokens", "max_output_tokens", "max_completion_tokens"), "a limit that the request set"),
    **dict.fromkeys(("time_to_first_token", "time_per_token", "tokens_per_second"), "a speed"),
    **dict.fromkeys(("input_cost_per_token", "output_cost_per_token"), "a price, not an amount"),
}

RECORD = "CASE WHEN d IS NOT NULL THEN raw END"  # a line that is no JSON object holds no usage


def flat_usage(
    fields: Mapping[str, object], harmless: Mapping[str, str] | None = None, json: str = RECORD, name: str = "record"
) -> tuple[UsageObject, ...]:
    """The usage of a record that is flat: its keys that look like usage, `fields` being those that are read."""
    return (UsageObject(json, fields, NO_USAGE | dict(harmless or {}), name, LIKE_USAGE),)


@dataclass(frozen=True)
class StandIn:
    """Records that count only while no other record tells of what they stand for.

    All is SQL over the columns of a usage row, be it staged or in the ledger, `{r}` before each and `{family}` for the
    format's: whether a row is such a stand-in, what it stands for, and what another row tells of (NULL: nothing).
    """

    is_one: str
    stands_for: str
    tells: str


@dataclass(frozen=True)
class Format:
    """One log format. `fields` nests like the JSON itself; leaves are DuckDB types."""

    name: str
    label: str
    recognise: Callable[[list[dict]], bool]
    fields: Mapping[str, object]
    columns: Mapping[str, str]
    rows: str = "SELECT * FROM records"
    table: str = "usage"
    assume_input_has_cache: bool = True
    assume_output_has_reasoning: bool = True
    supersedes: bool = False  # a larger record replaces a row of the whole family, a restated bill line the old one
    days: bool = False  # a table of days: a newer one takes the place of an earlier one of the same days
    stand_ins: tuple[StandIn, ...] = ()  # records that give way to others, whichever are loaded first
    one_answer: bool = False  # a call has one success: a second one under another id is the call logged twice
    family: str = ""  # formats that describe the same calls share it, so that one call stays one row
    note: str = ""  # what a reader should know about this source; shown with every batch
    order: int = 50  # lower is tried first; generic formats come last
    per_record: bool = False  # `rows` maps every record by itself, even one with `d` NULL: nothing is kept in between
    documents: bool = False  # a JSON file is one record as a whole, never a list of records
    usage: tuple[UsageObject, ...] = ()  # what the record counts, so that numbers nobody reads are seen
    no_usage: str = ""  # why the format cannot say what its record counts, where it cannot
    text_fields: Mapping[str, object] = field(default_factory=dict)  # extra `fields`, read only with --keep-text
    text_columns: Mapping[str, str] = field(default_factory=dict)  # SQL for `prompt` and `completion`

    def __post_init__(self) -> None:
        allowed = USAGE_COLUMNS if self.table == "usage" else BILLED_COLUMNS
        object.__setattr__(self, "family", self.family or self.name)
        if unknown := set(self.columns) - set(allowed):
            raise ValueError(f"{self.name}: columns {sorted(unknown)} are not target columns")


@cache
def all_formats() -> tuple[Format, ...]:
    """Every format of this package, in the order they are tried."""
    modules = (import_module(f"{__name__}.{m.name}") for m in iter_modules(__path__))
    found = [f for m in modules for f in getattr(m, "FORMATS", ())]
    return tuple(sorted(found, key=lambda f: (f.order, f.name)))


def has(records: list[dict], *keys: str, share: float = 0.5) -> bool:
    """True when at least `share` of the sample records carry all of `keys` (dots descend)."""

    def carries(record: dict, key: str) -> bool:
        for part in key.split("."):
            if not isinstance(record, dict) or part not in record:
                return False
            record = record[part]
        return True

    hits = sum(all(carries(r, k) for k in keys) for r in records)
    return bool(records) and hits >= share * len(records)
