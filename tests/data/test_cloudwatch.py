"""Bedrock's records pulled from CloudWatch: FilterLogEvents on loopback pages, throttles, breaks off, lies."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from data.errors import BadInput
from data.loading.ingest import ingest
from data.sources import aws_signature, client
from data.sources.progress import progress_of
from data.sources.pull import Result, pull_due
from data.sources.source import SOURCES, Source
from tests.data.scripted_source import Answerer, serving

NOW = datetime.fromisoformat("2026-11-11T05:00")
GROUP = "/aws/bedrock/modelinvocations"
SECRET = "canary-secret-0123456789"


def record(number: int, at: datetime) -> dict[str, Any]:
    return {
        "schemaType": "ModelInvocationLog",
        "timestamp": f"{at:%Y-%m-%dT%H:%M:%SZ}",
        "requestId": f"cw-{number}",
        "region": "us-east-1",
        "operation": "Converse",
        "modelId": "global.anthropic.claude-sonnet-4-5-20250929-v1:0",
        "input": {"inputTokenCount": 1000},
        "output": {"outputTokenCount": 0},
    }


class Group:
    """The log group: its events, and what it does, a step a request."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.steps: list[Any] = []
        self.asked: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.port = 0

    def write(self, *numbers: int, hours_ago: float = 3) -> None:
        for number in numbers:
            at = NOW - timedelta(hours=hours_ago) + timedelta(seconds=number)
            stamp = int(at.replace(tzinfo=UTC).timestamp() * 1000)
            self.events.append(
                {"logStreamName": "s", "timestamp": stamp, "message": json.dumps(record(number, at)), "eventId": "e"}
            )

    def answer(self, asked: dict[str, Any], step: Any) -> dict[str, Any]:
        inside = [one for one in self.events if asked["startTime"] <= one["timestamp"] <= asked["endTime"]]
        if step == "yesterday":
            inside = [{**one, "timestamp": one["timestamp"] - 86_400_000} for one in self.events]
        at = int(asked.get("nextToken", "0"))
        # Every other page is empty: the API searches for a while and answers with what it has, and a token.
        page = inside[at : at + 2] if at % 2 == 0 else []
        follows = at + (2 if page and len(page) == 2 else 1)
        more = follows <= len(inside)
        token = {"nextToken": "0" if step == "repeat" else str(follows)} if more or step == "repeat" else {}
        return {"events": page, "searchedLogStreams": [], **token}


@contextmanager
def cloudwatch() -> Iterator[Group]:
    group = Group()

    class Handler(Answerer):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            group.asked.append(asked)
            group.headers.append({name.lower(): value for name, value in self.headers.items()})
            step = group.steps.pop(0) if group.steps else None
            if isinstance(step, tuple):
                return self.say(step[0], json.dumps({"__type": step[1], "message": "no"}).encode(), {})
            if step == "garbage":
                return self.say(200, b"<html>\xff", {})
            if step == "shapeless":
                return self.say(200, b'{"events": [{"hello": 1}]}', {})
            body = json.dumps(group.answer(asked, step)).encode()
            return self.say(200, body, {}, cut=step == "cut")

    with serving(Handler) as group.port:
        yield group


@pytest.fixture
def group(monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIACANARY")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    with cloudwatch() as one:
        yield one


@pytest.fixture
def pull(ledger, state, group):
    SOURCES.save(
        state,
        "calls",
        {"kind": "cloudwatch", "path": GROUP, "base_url": f"http://127.0.0.1:{group.port}", "since": "2026-11-11"},
    )

    async def sleep(_seconds: float) -> None:
        pass

    def once(now: datetime = NOW) -> Result:
        (one,) = pull_due(ledger, state, "calls", now, sleep)
        return one

    return once


def usage(ledger) -> tuple[int, float]:
    view = ledger.at(ledger.snapshot())
    [(rows, usd)] = view.rows(f"SELECT count(*), coalesce(sum(cost_usd), 0)::DOUBLE FROM {view.name('usage')}")
    return rows, round(usd, 9)


def test_pages_are_followed_past_empty_ones_and_every_request_is_signed(pull, group, ledger, state):
    group.write(1, 2, 3, 4, 5)
    assert pull().problem == "" and usage(ledger) == (5, 0.015)
    assert progress_of(state, "calls").watermark == NOW
    first = group.asked[0]
    assert (first["logGroupName"], first["limit"]) == (GROUP, 10_000) and "ModelInvocationLog" in first["filterPattern"]
    assert all(one["x-amz-target"] == "Logs_20140328.FilterLogEvents" for one in group.headers)
    assert all("Credential=AKIACANARY/" in one["authorization"] for one in group.headers)
    assert all(
        f"/us-east-1/logs/aws4_request, SignedHeaders={names}" in one["authorization"]
        for names in ("host;x-amz-content-sha256;x-amz-date;x-amz-target",)
        for one in group.headers
    )
    assert not any(SECRET in value for one in group.headers for value in one.values())


def test_late_events_come_with_the_next_pull_and_nothing_counts_twice(pull, group, ledger, tmp_path, state):
    group.write(1, 2)
    pull()
    asked = len(group.asked)
    group.write(7, hours_ago=1.5)
    assert pull(NOW + timedelta(hours=0.25)).loaded == 1 and usage(ledger) == (3, 0.009)
    assert len({one["startTime"] for one in group.asked[asked:]}) == 3  # the last two hours and the new quarter
    on_s3 = tmp_path / "delivered.jsonl"
    on_s3.write_text("".join(one["message"] + "\n" for one in group.events))
    assert sum(one.loaded for one in ingest(ledger, state, [on_s3])) == 0 and usage(ledger) == (3, 0.009)


@pytest.mark.parametrize("steps", [[(400, "ThrottlingException"), (503, "x"), "cut"], ["garbage", (500, "x")]])
def test_what_throttles_and_breaks_off_is_asked_again(pull, group, ledger, steps):
    group.write(1, 2, 3)
    group.steps = list(steps)
    assert pull().problem == "" and usage(ledger) == (3, 0.009)


@pytest.mark.parametrize(
    ("step", "said"),
    [
        ((400, "ExpiredTokenException"), "refused the key"),
        ((400, "com.amazonaws.logs#AccessDeniedException"), "refused the key"),
        ((400, "ResourceNotFoundException"), "has no log group of that name"),
        ((400, "InvalidParameterException"), "does not take the question"),
        ("shapeless", "answers in a shape"),
        ("yesterday", "which was not asked for"),
    ],
)
def test_a_refusal_is_a_sentence_and_the_next_pull_goes_on_where_it_stopped(pull, group, ledger, state, step, said):
    group.write(1, hours_ago=4.5)
    group.write(2, 3, hours_ago=2.5)
    group.steps = [None, None, step]  # the first window ends with an empty page
    done = pull()
    assert said in done.problem and "calls" in done.problem and usage(ledger)[0] < 3
    assert progress_of(state, "calls").watermark == NOW - timedelta(hours=4)
    assert pull().problem == "" and usage(ledger) == (3, 0.009)


def test_a_token_that_comes_again_stops_the_pull(pull, group, ledger):
    group.write(1, 2, 3)
    group.steps = ["repeat"] * 50
    assert "the same page again" in pull().problem and usage(ledger)[0] == 0


def test_pages_without_end_stop_the_pull(pull, group, monkeypatch):
    monkeypatch.setattr("data.sources.apis.MOST_PAGES", 2)
    group.write(1, 2, 3, 4, 5)
    assert "more than 2 pages" in pull().problem


def test_a_page_larger_than_allowed_is_not_kept(pull, group, ledger, monkeypatch):
    monkeypatch.setattr(client, "MOST_BYTES", 100)
    group.write(1, 2)
    assert "at once; nothing of it is kept" in pull().problem and usage(ledger)[0] == 0


def test_without_keys_it_says_which_to_set(pull, group, monkeypatch):
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    assert "AWS_SECRET_ACCESS_KEY" in pull().problem and not group.asked


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"path": ""}, "name of a log group"),
        ({"path": "s3://bucket/logs"}, "name of a log group"),
        ({"path": GROUP, "key_env": "X"}, "no key_env"),
        ({"path": GROUP, "base_url": "http://logs.example.org"}, "http"),
    ],
)
def test_what_is_no_log_group_is_refused(state, body, said):
    with pytest.raises(BadInput, match=said):
        SOURCES.save(state, "calls", {"kind": "cloudwatch", **body})


def test_the_region_is_the_endpoints_or_the_environments(monkeypatch):
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    source = Source(kind="cloudwatch", path=GROUP)
    assert source.url == "https://logs.eu-central-1.amazonaws.com" and GROUP in source.words
    assert aws_signature.region_of("https://logs.us-west-2.amazonaws.com") == "us-west-2"


def test_a_signature_is_the_one_of_awss_own_library(monkeypatch):
    auth = pytest.importorskip("botocore.auth", reason="AWS's client is not installed")
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIA")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.delenv("AWS_SESSION_TOKEN", raising=False)
    url, body = "https://logs.us-east-1.amazonaws.com/", b'{"logGroupName": "x"}'
    sent = httpx.Request("POST", url, content=body, headers={aws_signature.TARGET: "Logs_20140328.FilterLogEvents"})
    ours = aws_signature.signature(sent, "logs", "us-east-1", datetime(2026, 11, 28, 6, tzinfo=UTC))
    request = AWSRequest("POST", url, data=body, headers={"host": "logs.us-east-1.amazonaws.com"})
    request.context["timestamp"] = ours["x-amz-date"]
    for name in ("x-amz-date", "x-amz-content-sha256", "x-amz-target"):
        request.headers[name] = ours[name]
    signer = auth.SigV4Auth(Credentials("AKIA", SECRET), "logs", "us-east-1")
    theirs = signer.signature(signer.string_to_sign(request, signer.canonical_request(request)), request)
    assert ours["Authorization"].endswith(f"Signature={theirs}")
