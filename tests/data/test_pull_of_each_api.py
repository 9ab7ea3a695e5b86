"""The APIs whose pulls `test_pull.py` does not walk through: each pages, throttles, breaks off, changes late figures
and answers garbage on loopback, and the ledger has what it said last."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.message import Message
from typing import Any, NamedTuple

import pytest

from data.sources.pull import Result, pull_due
from data.sources.source import SOURCES
from tests.data.scripted_source import KEY, handler_of, serving

pytestmark = pytest.mark.heavy
NOW = datetime.fromisoformat("2026-11-11T05:00")
KEY_ENV = "LITELLM_API_KEY"  # one of the names that the owner allows by himself
PAIR = "pk-lf-canary-0123:sk-lf-canary-0123"
PAGE = 2
Query = dict[str, list[str]]
Rows = list[dict[str, Any]]


def moments(start: str, end: str, step: timedelta) -> list[datetime]:
    """What begins in [start, end): days, or instants that are `step` apart."""
    first, last = (datetime.fromisoformat(at.replace("Z", "+00:00")).astimezone(UTC) for at in (start, end))
    every = (datetime(2026, 11, 1, tzinfo=UTC) + step * n for n in range(2_000))
    return [at for at in every if first <= at < last]


def anthropic(query: Query, held: dict[str, int], result: Callable[[int], dict[str, Any]]) -> tuple[Rows, str]:
    days = moments(query["starting_at"][0], query["ending_at"][0], timedelta(days=1))
    wanted = {"workspace_id"} <= set(query["group_by[]"])
    buckets = [
        {
            "starting_at": f"{day:%Y-%m-%dT00:00:00Z}",
            "ending_at": f"{day + timedelta(days=1):%Y-%m-%dT00:00:00Z}",
            "results": [result(held[f"{day:%Y-%m-%d}"])] if wanted and f"{day:%Y-%m-%d}" in held else [],
        }
        for day in days
    ]
    return buckets, "page"


def usage_of_anthropic(query: Query, held: dict[str, int]) -> tuple[Rows, str]:
    same = {"model": "claude-opus-4-6", "context_window": "0-200k", "workspace_id": None, "service_tier": "standard"}
    return anthropic(query, held, lambda n: {"uncached_input_tokens": n, "output_tokens": 0, **same})


def costs_of_anthropic(query: Query, held: dict[str, int]) -> tuple[Rows, str]:
    same = {"currency": "USD", "cost_type": "tokens", "description": "Claude", "workspace_id": None}
    return anthropic(query, held, lambda n: {"amount": str(n), **same})


def activity_of_openrouter(query: Query, held: dict[str, int]) -> tuple[Rows, str]:
    day = query["date"][0]
    same = {"date": day, "model": "openai/gpt-5.2", "model_permaslug": "openai/gpt-5.2", "provider_name": "OpenAI"}
    # One row an endpoint: two of them share a day.
    rows = [{**same, "endpoint_id": name, "usage": held[day] / 2, "requests": 1} for name in ("e1", "e2")]
    return rows if day in held else [], ""


def observations_of_langfuse(query: Query, held: dict[str, int]) -> tuple[Rows, str]:
    asked = set(query["fields"][0].split(","))
    assert {"core", "basic", "usage", "model", "time", "metadata", "trace_context"} <= asked and "io" not in asked
    hours = moments(query["fromStartTime"][0], query["toStartTime"][0], timedelta(hours=1))
    return [
        {
            "id": f"obs-{at:%d-%H}",
            "traceId": f"trace-{at:%d-%H}",
            "type": "GENERATION",
            "projectId": "proj-1",
            "startTime": f"{at:%Y-%m-%dT%H:%M:%S.000Z}",
            "endTime": f"{at:%Y-%m-%dT%H:%M:%S.900Z}",
            "updatedAt": f"{at:%Y-%m-%dT%H}:{held[f'{at:%Y-%m-%d}'] % 60:02}:30.000Z",
            "providedModelName": "gpt-5.2",
            "usageDetails": {"input": held[f"{at:%Y-%m-%d}"], "output": 1, "total": held[f"{at:%Y-%m-%d}"] + 1},
            "metadata": {"team": "search"},
        }
        for at in hours
        if f"{at:%Y-%m-%d}" in held
    ], "cursor"


class Api(NamedTuple):
    """How an API is spoken, what the ledger has by day of what it holds, and which days those are at NOW."""

    path: str
    speak: Callable[[Query, dict[str, int]], tuple[Rows, str]]
    table: str
    sum_sql: str
    since: str
    until: str


APIS = {
    "anthropic_usage": Api(
        "/v1/organizations/usage_report/messages",
        usage_of_anthropic,
        "billed",
        "sum(quantity)",
        "2026-11-05",
        "2026-11-10",
    ),
    "anthropic_costs": Api(
        "/v1/organizations/cost_report",
        costs_of_anthropic,
        "billed",
        "sum(amount) * 100",
        "2026-11-05",
        "2026-11-10",
    ),
    "openrouter": Api("/api/v1/activity", activity_of_openrouter, "billed", "sum(amount)", "2026-11-09", "2026-11-10"),
    "langfuse": Api(
        "/api/public/v2/observations",
        observations_of_langfuse,
        "usage",
        "sum(fresh_input_tokens)",
        "2026-11-11",
        "2026-11-11",
    ),
}
REPORTS = ["anthropic_costs", "anthropic_usage", "openrouter"]
PAGED = ["anthropic_costs", "anthropic_usage", "langfuse"]
every = pytest.mark.parametrize("far", sorted(APIS), indirect=True)


class Far:
    """The provider: what it holds by day, what it does (`steps` one a request, then `always`), what it was asked."""

    def __init__(self, kind: str) -> None:
        self.kind, self.api = kind, APIS[kind]
        self.secret = PAIR if kind == "langfuse" else KEY
        self.said = {
            "langfuse": f"Basic {base64.b64encode(PAIR.encode()).decode()}",
            "openrouter": f"Bearer {KEY}",
        }.get(kind, KEY)
        self.held = {f"2026-11-{day:02}": 10 + day for day in range(1, 21)}
        self.steps: list[Any] = []
        self.always: Any = None
        self.asked: list[Query] = []
        self.port = 0

    def hears(self, path: str, query: Query, headers: Message) -> bool:
        self.asked.append(query)
        return self.said in (headers.get("Authorization"), headers.get("x-api-key"))

    def answer(self, path: str, query: Query, step: Any) -> dict[str, Any]:
        assert path == self.api.path
        rows, cursor = self.api.speak(query, self.held)
        if step == "yesterday":
            rows = json.loads(json.dumps(rows).replace("2026-11-", "2026-10-"))
        at = int(query.get(cursor, ["0"])[0]) if cursor else 0
        held, more = rows[at : at + PAGE], cursor and at + PAGE < len(rows)
        follows = str(at if step == "repeat" else at + PAGE) if more else None
        if cursor == "cursor":
            return {"data": held, "meta": {"cursor": follows} if follows else {}}
        return {"data": held, "has_more": bool(more), "next_page": follows} if cursor else {"data": rows}


@pytest.fixture
def far(request, monkeypatch) -> Iterator[Far]:
    script = Far(request.param)
    monkeypatch.setenv(KEY_ENV, script.secret)
    with serving(handler_of(script)) as script.port:
        yield script


@pytest.fixture
def store(ledger, state, far):
    """(pull, told, waits): a pull, what the ledger has by day, and how long was waited."""
    waits: list[float] = []
    body = {"kind": far.kind, "key_env": KEY_ENV, "base_url": f"http://127.0.0.1:{far.port}", "since": far.api.since}
    SOURCES.save(state, "it", body)

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    def pull(now: datetime = NOW) -> Result:
        (one,) = pull_due(ledger, state, "it", now, sleep)
        return one

    def told() -> dict[str, int]:
        view, day = ledger.at(ledger.snapshot()), "day" if far.api.table == "billed" else "requested_at::DATE"
        frame = view.sql(f"SELECT {day} AS day, {far.api.sum_sql} AS n FROM {view.name(far.api.table)} GROUP BY 1")
        return {f"{row.day:%Y-%m-%d}": round(row.n) for row in frame.itertuples()}

    return pull, told, waits


def truth(far: Far) -> dict[str, int]:
    """By day: a report says its number once, a call of every hour that has begun says it again."""
    times = 5 if far.api.table == "usage" else 1
    return {day: n * times for day, n in far.held.items() if far.api.since <= day <= far.api.until}


@every
def test_pages_throttling_and_broken_answers_lose_nothing(far, store):
    pull, told, waits = store
    far.steps = [None, ("status", 429, {"Retry-After": "7"}), "cut", ("status", 503, {}), "garbage"]
    assert pull().problem == "" and told() == truth(far)
    assert waits[0] == 7 and len(waits) == 4
    assert pull().loaded == 0 and told() == truth(far)


@pytest.mark.parametrize("far", REPORTS, indirect=True)
def test_late_figures_of_a_report_replace_those_before(far, store):
    pull, told, _ = store
    pull()
    far.held["2026-11-09"] += 20
    assert pull(NOW + timedelta(hours=1)).problem == "" and told() == truth(far)


@pytest.mark.parametrize("far", ["langfuse"], indirect=True)
def test_late_figures_of_a_call_replace_those_before_it(far, store):
    """Two hours are asked for again: of five calls of that day the last two are corrected, and one is new."""
    pull, told, _ = store
    pull()
    before = far.held["2026-11-11"]
    far.held["2026-11-11"] += 20
    assert pull(NOW + timedelta(minutes=30)).problem == ""
    assert told()["2026-11-11"] == 3 * before + 3 * far.held["2026-11-11"]


def fails_and_is_mended(far: Far, store: Any, words: str) -> None:
    """The pull fails with these words, no day has a figure that was not said whole, and the next one has them all."""
    pull, told, _ = store
    failed = pull()
    assert words in failed.problem and failed.problem.endswith(".") and far.secret not in failed.problem
    assert len(told()) < len(truth(far))
    far.steps, far.always = [], None
    assert pull().problem == "" and told() == truth(far)


@every
@pytest.mark.parametrize(
    ("steps", "always", "words"),
    [
        ([None, ("status", 401, {})], None, "refused the key (401)"),
        ([None], "garbage", "was asked 6 times: an answer that is not JSON"),
        ([], "yesterday", "which was not asked for"),
    ],
)
def test_a_failure_is_a_sentence_and_the_next_pull_mends_it(far, store, steps, always, words):
    far.steps, far.always = list(steps), always
    fails_and_is_mended(far, store, words)


@pytest.mark.parametrize("far", PAGED, indirect=True)
def test_a_page_that_comes_again_stops_the_pull(far, store):
    far.always = "repeat"
    fails_and_is_mended(far, store, "the same page again and again")


@pytest.mark.parametrize("far", ["langfuse"], indirect=True)
def test_calls_of_langfuse_have_their_model_and_what_the_metadata_say(ledger, far, store):
    pull, _, _ = store
    pull()
    view = ledger.at(ledger.snapshot())
    frame = view.sql(f"SELECT DISTINCT model, team, cost_basis FROM {view.name('usage')}")
    assert [tuple(row) for row in frame.itertuples(index=False)] == [("gpt-5.2", "search", "list")]
