"""The ledger's columns, declared once: name, type, unit, meaning.

`USAGE` is one row per billed attempt. Adapters fill it, the price book and the meaning rules
complete it, every query reads it. Money is DECIMAL(18,12) per row and DECIMAL(38,12) in sums.
NULL means unknown; zero means zero.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, NamedTuple, get_args


class Column(NamedTuple):
    """One ledger column: its DuckDB type, its unit ("" when it has none) and what it means."""

    name: str
    type: str
    unit: str
    meaning: str


MONEY = "DECIMAL(18,12)"
# Tokens that are no text, by their meaning; disjoint from the text buckets and from one another.
MEDIA = {
    "image_input_tokens": "image input, not from a cache",
    "audio_input_tokens": "audio input, not from a cache",
    "video_input_tokens": "video input, not from a cache",
    "image_cache_read_tokens": "image input served from the prompt cache",
    "audio_cache_read_tokens": "audio input served from the prompt cache",
    "image_output_tokens": "image output",
    "audio_output_tokens": "audio output",
    "video_output_tokens": "video output",
}
TOTAL = "DECIMAL(38,12)"

USAGE = (
    Column("event_id", "VARCHAR", "", "deterministic identity of the attempt; the dedupe key"),
    Column("source", "VARCHAR", "", "log format the row came from; 'live' for the lab"),
    Column("batch_id", "VARCHAR", "", "ingest batch"),
    Column("record_no", "BIGINT", "", "record within the batch's file, from 1"),
    Column("call_id", "VARCHAR", "", "logical request: retries and fallbacks share it"),
    Column("attempt", "INTEGER", "", "1 for the first attempt of a call"),
    Column("requested_at", "TIMESTAMP", "UTC", "instant of the request, naive UTC"),
    Column("provider", "VARCHAR", "", "who made the price: openai, anthropic, aws, ..."),
    Column("host", "VARCHAR", "", "who served it, where that differs: gateway, region host, self"),
    Column("region", "VARCHAR", "", "region or geography that changes the price"),
    Column(
        "service_tier",
        "VARCHAR",
        "",
        "standard, batch, flex, priority, fast, ultrafast, provisioned; another word as logged",
    ),
    Column("model", "VARCHAR", "", "canonical model name"),
    Column("model_raw", "VARCHAR", "", "the log's own model name"),
    Column("operation", "VARCHAR", "", "chat, embedding, image, audio, rerank, moderation, other"),
    Column("team", "VARCHAR", "", "who pays"),
    Column("project", "VARCHAR", "", "project or workspace"),
    Column("feature", "VARCHAR", "", "product feature or agent"),
    Column("environment", "VARCHAR", "", "production, staging, development, ..."),
    Column("user_id", "VARCHAR", "", "end user or developer"),
    Column("customer_id", "VARCHAR", "", "customer the work was done for"),
    Column("session_id", "VARCHAR", "", "conversation, trace or coding session: the task"),
    Column("tags", "JSON", "", "everything else the log says: key alias, metadata, labels"),
    Column(
        "task_type", "VARCHAR", "", "coding, reasoning, extraction, summarisation, classification, chat, other, unknown"
    ),
    Column("criticality", "VARCHAR", "", "high, normal, low, unknown"),
    Column("data_class", "VARCHAR", "", "public, internal, customer, regulated, unknown"),
    Column("fresh_input_tokens", "BIGINT", "tokens", "input neither read from nor written to a cache"),
    Column("cache_read_tokens", "BIGINT", "tokens", "input served from the prompt cache"),
    Column("cache_write_5m_tokens", "BIGINT", "tokens", "input written to the prompt cache, short life"),
    Column("cache_write_1h_tokens", "BIGINT", "tokens", "input written to the prompt cache, one hour"),
    Column("output_tokens", "BIGINT", "tokens", "visible output; reasoning is not in it"),
    Column("reasoning_tokens", "BIGINT", "tokens", "hidden reasoning, billed as output"),
    Column("token_semantics", "VARCHAR", "", "reported, inferred or assumed"),
    Column("latency_ms", "DOUBLE", "ms", "request to last byte"),
    Column("ttft_ms", "DOUBLE", "ms", "request to first token"),
    Column("status", "VARCHAR", "", "success, error, cached (answered by a gateway's response cache) or cancelled"),
    Column(
        "error_class",
        "VARCHAR",
        "",
        "rate_limit, timeout, server, context_length, content_filter, auth, bad_request, other",
    ),
    Column("http_status", "INTEGER", "", "HTTP status of the attempt"),
    Column("reported_cost_usd", MONEY, "USD", "what the log says it cost"),
    Column("list_cost_usd", MONEY, "USD", "price book at the instant of the request"),
    Column("cost_usd", MONEY, "USD", "the cost every chart uses"),
    Column("cost_basis", "VARCHAR", "", "contract, reported, list, prepaid, unpriced or unmetered"),
    Column("quality_score", "DOUBLE", "0..1", "evaluation score where the log carries one"),
    Column("quality_source", "VARCHAR", "", "where the score came from"),
    Column("succeeded", "BOOLEAN", "", "outcome of the task where the log says so"),
    Column("provider_raw", "VARCHAR", "", "the log's own word for the provider; NULL where it has none"),
    *(Column(name, "BIGINT", "tokens", meaning) for name, meaning in MEDIA.items()),
    Column("server_tools", "JSON", "calls", "calls of tools the provider ran, by tool: web_search, file_search, ..."),
    Column("tool_fees_usd", MONEY, "USD", "what those calls cost beside the tokens; NULL without calls"),
    Column(
        "caveats", "VARCHAR[]", "", "sorted codes of data/caveats.py: what was left unread or assumed; NULL for none"
    ),
    Column("recorded_at", "TIMESTAMP", "UTC", "when the log last changed the record, where it says so"),
    Column("key_alias", "VARCHAR", "", "name of the API key, from the log's tags"),
)
KEY_ALIAS = "json_extract_string(tags, '$.key_alias')"  # SQL over a usage row

BILLED = (
    Column("bill_id", "VARCHAR", "", "deterministic identity of the bill line; the dedupe key"),
    Column("source", "VARCHAR", "", "report format"),
    Column("batch_id", "VARCHAR", "", "ingest batch"),
    Column("record_no", "BIGINT", "", "record within the file"),
    Column("provider", "VARCHAR", "", "who bills"),
    Column("day", "DATE", "UTC day", "day the charge belongs to"),
    Column("line_item", "VARCHAR", "", "the provider's words for it"),
    Column("model", "VARCHAR", "", "model where the line names one"),
    Column("project", "VARCHAR", "", "project, workspace or sub-account"),
    Column("kind", "VARCHAR", "", "cost (money), usage (a count) or estimate (a tool's own dollars, no bill)"),
    Column("amount", TOTAL, "currency", "money; NULL on usage lines"),
    Column("currency", "VARCHAR", "", "ISO 4217, upper case"),
    Column("quantity", "DOUBLE", "unit", "tokens or requests"),
    Column("unit", "VARCHAR", "", "what quantity counts"),
    Column("note", "VARCHAR", "", "what to know before comparing: tier not splittable, BYOK, estimate"),
    Column("caveats", "VARCHAR[]", "", "what was seen in the report's record and not used; codes of data/caveats.py"),
)

REJECTED = (
    Column("batch_id", "VARCHAR", "", "ingest batch"),
    Column("record_no", "BIGINT", "", "record within the file"),
    Column("reason", "VARCHAR", "", "why it could not be used"),
    Column("record", "VARCHAR", "", "the record, secrets masked, cut at 4,000 characters"),
)

BATCHES = (
    Column("batch_id", "VARCHAR", "", "ingest batch"),
    Column("path", "VARCHAR", "", "file it was read from"),
    Column("format", "VARCHAR", "", "recognised format"),
    Column("digest", "VARCHAR", "", "SHA-256 of the file"),
    Column("ingested_at", "TIMESTAMP", "UTC", "when the batch was committed"),
    Column("read", "BIGINT", "records", "usage records found"),
    Column("loaded", "BIGINT", "records", "new rows"),
    Column("duplicate", "BIGINT", "records", "already in the ledger, or repeated in the file"),
    Column("rejected", "BIGINT", "records", "kept aside with a reason"),
    Column("skipped", "BIGINT", "records", "records that carry no usage"),
    Column("note", "VARCHAR", "", "what a reader should know about this file"),
)

TEXT_TOKENS = (
    "fresh_input_tokens",
    "cache_read_tokens",
    "cache_write_5m_tokens",
    "cache_write_1h_tokens",
    "output_tokens",
    "reasoning_tokens",
)
MEDIA_TOKENS = tuple(MEDIA)
TOKENS = TEXT_TOKENS + MEDIA_TOKENS  # all of them disjoint: a row's tokens are their sum
INPUT_TOKENS = (*TEXT_TOKENS[:4], *MEDIA_TOKENS[:5])
UNCACHED_INPUT_TOKENS = tuple(name for name in INPUT_TOKENS if "cache_read" not in name)  # what must be prefilled
OUTPUT_TOKENS = (*TEXT_TOKENS[4:], *MEDIA_TOKENS[5:])

TASK_TYPES = ("coding", "reasoning", "extraction", "summarisation", "classification", "chat", "other", "unknown")
CRITICALITIES = ("high", "normal", "low", "unknown")


class Protection(NamedTuple):
    """Whose data a request carries: how strictly work that mixes classes is held, and whether it is somebody else's."""

    strictness: int
    sensitive: bool


PROTECTION = {  # by class of data
    "public": Protection(0, False),
    "internal": Protection(1, False),
    "customer": Protection(3, True),
    "regulated": Protection(4, True),
    "unknown": Protection(2, False),
}
DATA_CLASSES = tuple(PROTECTION)
VOCABULARY = {"task_type": TASK_TYPES, "criticality": CRITICALITIES, "data_class": DATA_CLASSES}  # closed sets


def strictest(classes: Iterable[str]) -> str:
    """The class that a piece of work with all of these is held to."""
    return max(classes, key=lambda name: PROTECTION[name].strictness)


Attribution = Literal[
    "team",
    "project",
    "feature",
    "environment",
    "user_id",
    "customer_id",
    "task_type",
    "criticality",
    "data_class",
]
ATTRIBUTION: tuple[str, ...] = get_args(Attribution)


def ddl(name: str, columns: tuple[Column, ...]) -> str:
    """CREATE TABLE text for a declared table."""
    return f"CREATE TABLE {name} ({', '.join(f'{c.name} {c.type}' for c in columns)})"


def identities(rows: str) -> str:
    """SELECT text for the rows of the table `identities`: a hash of each id and the instant of its row (UTC).

    32 bits are enough: the hash only says where to look, and a false hit costs a look. In the order of the hashes, and
    in row groups of `IDENTITIES_ROW_GROUP`, a few hashes are found without reading most of a file.
    """
    return sorted_identities(f"(SELECT {id_hash('event_id')} AS id_hash, requested_at FROM {rows})")


def sorted_identities(hashed: str) -> str:
    """SELECT text for the rows of the table `identities` from a relation that has the hashes."""
    return f"SELECT id_hash, requested_at FROM {hashed} ORDER BY id_hash"


IDENTITIES_ROW_GROUP = 4096  # rows


def id_hash(event_id: str) -> str:
    """SQL for the hash of an id; md5, since the engine's own hash may change between its versions."""
    return f"(md5_number_lower({event_id}) & 4294967295)::UINTEGER"
