"""How each kind of source is asked: its paths, its window, its pages, and what an answer must look like.

Reports (buckets of a day) of one window are merged into one document, since a newer report replaces a bucket as a
whole: a bucket may be split over pages, and OpenAI keeps one report per kind of work. Rows are written one a line.
"""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple, TypeVar

from data.errors import Refused
from data.formats.report_page import WHOLE
from data.sources.client import Client, Params

MOST_PAGES = 2000
MOST_ROWS = 2_000_000
ROUND = "sends the same page again and again; nothing of it is kept"
ODD_SHAPE = "answers in a shape that is not its API's; nothing of it is kept"
Answer = TypeVar("Answer")
Row = dict[str, Any]
Page = tuple[list[Row], str | None]  # what it holds, and the value of `page` that asks for the next one


class Window(NamedTuple):
    """Instants [start, end) in UTC."""

    start: datetime
    end: datetime


class Api(NamedTuple):
    """`form` reads what comes; `step` is the longest window that is asked for at once; `asks` are the paths with their
    parameters; `read` takes a page apart, given the page's own number; `cursor` is the parameter of the next page.
    `at` is when a row was, None where it does not say; `whole_days` windows begin and end at midnight."""

    form: str
    step: timedelta
    whole_days: bool
    asks: Callable[[Window], list[tuple[str, Params]]]
    headers: Callable[[str], Mapping[str, str]]
    read: Callable[[Row, int], Page]
    cursor: str
    at: Callable[[Row], datetime | None]
    is_report: bool = False


def _bearer(key: str) -> Mapping[str, str]:
    return {"Authorization": f"Bearer {key}"}


def _anthropic(key: str) -> Mapping[str, str]:
    return {"x-api-key": key, "anthropic-version": "2023-06-01"}


def _basic(key: str) -> Mapping[str, str]:
    return {"Authorization": f"Basic {base64.b64encode(key.encode()).decode()}"}


def _seconds(window: Window) -> list[tuple[str, str | int]]:
    start, end = (int(at.replace(tzinfo=UTC).timestamp()) for at in window)
    return [("start_time", start), ("end_time", end), ("bucket_width", "1d"), ("limit", 31)]


def _stamps(window: Window) -> list[tuple[str, str | int]]:
    start, end = (f"{at:%Y-%m-%dT%H:%M:%SZ}" for at in window)
    return [("starting_at", start), ("ending_at", end), ("bucket_width", "1d"), ("limit", 31)]


def _grouped(*names: str) -> list[tuple[str, str | int]]:
    return [("group_by[]", name) for name in names]


def _usage_of_openai(window: Window) -> list[tuple[str, Params]]:
    every = "completions", "embeddings", "moderations", "images", "audio_speeches", "audio_transcriptions"
    more = {"completions": ("project_id", "model", "batch", "service_tier")}
    return [
        (f"/v1/organization/usage/{work}", [*_seconds(window), *_grouped(*more.get(work, ("project_id", "model")))])
        for work in every
    ]


def _next_page(body: Row, number: int) -> Page:
    """OpenAI's and Anthropic's pages."""
    follows = body.get("next_page") if body.get("has_more") else None
    if body.get("has_more") and not follows:
        raise Refused("says that there is more and not where")
    return _rows(body), follows


def _numbered(body: Row, number: int) -> Page:
    """LiteLLM's pages."""
    total = body.get("total_pages")
    return _rows(body), str(number + 1) if isinstance(total, int) and number < total else None


def _with_meta(body: Row, number: int) -> Page:
    """Langfuse's pages."""
    meta = body.get("meta")
    return _rows(body), (meta.get("cursor") or None) if isinstance(meta, dict) else None


def _rows(body: Row) -> list[Row]:
    found = body.get("data")
    if not isinstance(found, list) or not all(isinstance(row, dict) for row in found):
        raise Refused(ODD_SHAPE)
    return found


def _instant(*names: str) -> Callable[[Row], datetime | None]:
    def at(row: Row) -> datetime | None:
        value = next((row[name] for name in names if row.get(name) is not None), None)
        try:
            if isinstance(value, int | float):
                return datetime.fromtimestamp(value, UTC).replace(tzinfo=None)
            found = datetime.fromisoformat(str(value).replace("Z", "+00:00"))
        except (ValueError, OverflowError, OSError):
            return None
        return found.astimezone(UTC).replace(tzinfo=None) if found.tzinfo else found

    return at


def _of_litellm(window: Window) -> list[tuple[str, Params]]:
    # Both ends are included, so the last second belongs to the next window.
    start, end = window.start, window.end - timedelta(seconds=1)
    days: Params = [("start_date", f"{start:%Y-%m-%d %H:%M:%S}"), ("end_date", f"{end:%Y-%m-%d %H:%M:%S}")]
    return [("/spend/logs/v2", [*days, ("page_size", 1000), ("sort_by", "startTime"), ("sort_order", "asc")])]


def _of_langfuse(window: Window) -> list[tuple[str, Params]]:
    start, end = (f"{at:%Y-%m-%dT%H:%M:%S.000Z}" for at in window)
    fields = "core,basic,usage,model,time,metadata,prompt,trace_context"
    return [
        (
            "/api/public/v2/observations",
            [("fromStartTime", start), ("toStartTime", end), ("limit", 1000), ("fields", fields)],
        )
    ]


MONTH, DAY, QUARTER = timedelta(days=31), timedelta(days=1), timedelta(hours=6)
APIS: dict[str, Api] = {
    "openai_usage": Api(
        "openai_usage", MONTH, True, _usage_of_openai, _bearer, _next_page, "page", _instant("start_time"), True
    ),
    "openai_costs": Api(
        "openai_costs",
        MONTH,
        True,
        lambda w: [("/v1/organization/costs", [*_seconds(w), *_grouped("project_id", "line_item")])],
        _bearer,
        _next_page,
        "page",
        _instant("start_time"),
        True,
    ),
    "anthropic_usage": Api(
        "anthropic_usage",
        MONTH,
        True,
        lambda w: [
            (
                "/v1/organizations/usage_report/messages",
                [*_stamps(w), *_grouped("workspace_id", "model", "service_tier", "context_window", "inference_geo")],
            )
        ],
        _anthropic,
        _next_page,
        "page",
        _instant("starting_at"),
        True,
    ),
    "anthropic_costs": Api(
        "anthropic_costs",
        MONTH,
        True,
        lambda w: [("/v1/organizations/cost_report", [*_stamps(w), *_grouped("workspace_id", "description")])],
        _anthropic,
        _next_page,
        "page",
        _instant("starting_at"),
        True,
    ),
    "claude_code": Api(
        "claude_code_report",
        DAY,
        True,
        lambda w: [
            ("/v1/organizations/usage_report/claude_code", [("starting_at", f"{w.start:%Y-%m-%d}"), ("limit", 1000)])
        ],
        _anthropic,
        _next_page,
        "page",
        _instant("date"),
    ),
    "openrouter": Api(
        "openrouter_activity",
        DAY,
        True,
        lambda w: [("/api/v1/activity", [("date", f"{w.start:%Y-%m-%d}")])],
        _bearer,
        lambda body, number: (_rows(body), None),
        "page",
        _instant("date"),
    ),
    "litellm": Api("litellm", QUARTER, False, _of_litellm, _bearer, _numbered, "page", _instant("startTime")),
    "langfuse": Api("langfuse", QUARTER, False, _of_langfuse, _basic, _with_meta, "cursor", _instant("startTime")),
}


async def by_token(ask: Callable[[str], Awaitable[tuple[Answer, str]]], things: str) -> AsyncIterator[Answer]:
    """What each page holds, as long as its answer names the token of another one; Refused where they go round in
    circles or are too many for the `things` asked for."""
    token, seen = "", set()
    for _ in range(MOST_PAGES):
        found, token = await ask(token)
        yield found
        if not token:
            return
        if token in seen:
            raise Refused(ROUND)
        seen.add(token)
    raise Refused(f"has more than {MOST_PAGES:,} pages {things}")


async def pages(client: Client, api: Api, window: Window) -> AsyncIterator[list[Row]]:
    """Every page of every path of a window; Refused where the answers go round in circles or are about other days."""
    for path, params in api.asks(window):
        seen: set[object] = set()
        cursor: str | None = None
        for number in range(1, MOST_PAGES + 1):
            asked = [*params, (api.cursor, cursor)] if cursor else list(params)
            body, text = await client.ask(path, asked)
            rows, follows = api.read(body, number)
            if follows and (follows in seen or (rows and text in seen)):
                raise Refused(ROUND)
            seen |= {follows, text}
            if api.is_report and not all(api.at(row) and isinstance(row.get("results"), list) for row in rows):
                raise Refused(ODD_SHAPE)
            refuse_others((at for row in rows if (at := api.at(row))), window)
            yield rows
            cursor = follows
            if cursor is None:
                break
        else:
            raise Refused(f"has more than {MOST_PAGES:,} pages for one window; nothing of it is kept")


def refuse_others(instants: Iterable[datetime], window: Window) -> None:
    """Refused where an answer is about another time than was asked for."""
    if odd := next((at for at in instants if not window.start <= at < window.end), None):
        raise Refused(f"answers about {odd:%-d %b %Y}, which was not asked for; nothing of it is kept")


def one_page(api: Api, buckets: list[Row]) -> Row:
    """The buckets of a window as one page, those of one span together; a day that the report leaves out is not in it,
    so that what the ledger has of that day stays. It is about the whole organization: no filter was asked for."""
    by_start: dict[datetime | None, Row] = {}
    for bucket in buckets:
        held = by_start.setdefault(api.at(bucket), {**bucket, "results": []})
        held["results"] += bucket["results"]
    return {"object": "page", "data": list(by_start.values()), "has_more": False, WHOLE: True}
