"""Sources that people have and Baton does not read, and why: a reading held against no real file is a guess."""

from __future__ import annotations

from typing import NamedTuple


class NotRead(NamedTuple):
    """A source, what is not known of it, and what to load in its place."""

    source: str
    why: str
    instead: str


NOT_READ = (
    NotRead(
        "Azure cost export (not in FOCUS)",
        "its columns differ by agreement, and its meters abbreviate model, direction and unit in several ways",
        "Azure's export in FOCUS (`focus_bill`), the gateway's log (`azure_apim`, `azure_gateway`)",
    ),
    NotRead(
        "Copilot CLI `events.jsonl`",
        "its counts run on over a resumed session, and the two readers that are public add them up differently",
        "its session store (`copilot_events`), its telemetry (`agent_events`, `otlp`)",
    ),
    NotRead(
        "Copilot billing CSV",
        "one public reader names its columns; it has no tokens",
        "the session store, whose credits are the dollars",
    ),
    NotRead(
        "Datadog LLM Observability spans",
        "the unit in which it gives costs back could not be confirmed",
        "the traces themselves, sent to `python -m data receive` as well",
    ),
    NotRead(
        "OpenTelemetry collector files with `format: proto`",
        "no file was at hand to hold its framing against",
        "the collector's JSON files (`otlp`), or its OTLP exporter to `python -m data receive`",
    ),
    NotRead(
        "OpenTelemetry console output of JavaScript",
        "it is text for people, no JSON, and is cut at a depth",
        "an OTLP exporter to `python -m data receive`",
    ),
    NotRead(
        "Sessions of pi, Codebuff, Droid, Kimi, Crush and other agents",
        "each is known from one public reader alone",
        "the gateway's or provider's log of the same calls",
    ),
    NotRead(
        "Weights & Biases Weave calls",
        "usage is summed up into the callers, and no export was at hand that tells the two apart",
        "the provider's answers or OpenTelemetry spans",
    ),
    NotRead("xAI recordings of gRPC", "they are protobuf without its definition", "bodies of the REST API (`openai`)"),
)
