"""Object storage that throttles (SlowDown), fails, cuts and lies in mid-pull: it is waited for as it asks, and what was
loaded is loaded once, whenever the pull ends."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from hashlib import md5
from urllib.parse import parse_qs, urlsplit
from xml.sax.saxutils import escape

import pytest

from data.sources.client import TRIES
from data.sources.progress import progress_of
from data.sources.pull import pull_due
from data.sources.source import SOURCES
from data.store import KEY, KEY_ID
from tests.data.scripted_source import Answerer, serving
from tests.data.test_pull import call

NOW = datetime.fromisoformat("2026-11-18T12:00")
SLOW = b"<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"
PAGE = 2  # objects a page
Step = tuple[int, bytes, dict[str, str]] | str | None


class Bucket:
    """Objects by key; `steps` are done in order, one a request (an answer in place of the right one, "cut", None)."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.steps: list[Step] = []
        self.always: Step = None
        self.asked: list[str] = []
        self.port = 0

    def listed(self, query: dict[str, list[str]]) -> bytes:
        keys = sorted(key for key in self.objects if key.startswith(query.get("prefix", [""])[0]))
        at = int(query.get("continuation-token", ["0"])[0])
        entries = "".join(
            f"<Contents><Key>{escape(key)}</Key>"
            f"<LastModified>2026-11-18T0{keys.index(key) % 9}:00:00.000Z</LastModified>"
            f"<ETag>{md5(self.objects[key], usedforsecurity=False).hexdigest()}</ETag>"
            f"<Size>{len(self.objects[key])}</Size></Contents>"
            for key in keys[at : at + PAGE]
        )
        more = at + PAGE < len(keys)
        token = f"<NextContinuationToken>{at + PAGE}</NextContinuationToken>" if more else ""
        head = f"<IsTruncated>{str(more).lower()}</IsTruncated>{token}"
        return f"<ListBucketResult>{head}{entries}</ListBucketResult>".encode()


@pytest.fixture
def bucket(monkeypatch) -> Iterator[Bucket]:
    monkeypatch.setenv(KEY_ID, "AKIATEST")
    monkeypatch.setenv(KEY, "secret-of-a-test")
    held = Bucket()

    class Handler(Answerer):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            held.asked.append(parts.path)
            step = held.steps.pop(0) if held.steps else held.always
            if isinstance(step, tuple):
                return self.say(*step)
            if parts.query:
                return self.say(200, held.listed(parse_qs(parts.query)), {}, cut=step == "cut")
            return self.say(200, held.objects[parts.path.removeprefix("/logs/")], {}, cut=step == "cut")

    with serving(Handler) as held.port:
        yield held


@pytest.fixture
def logs(ledger, state, bucket):
    """A source of three objects of four calls each; a function that pulls it, and the waits it asked for."""
    for number in range(3):
        calls = [call(number * 4 + n, NOW - timedelta(hours=number, minutes=n), 0.1) for n in range(4)]
        bucket.objects[f"day/{number}.jsonl"] = "".join(json.dumps(one) + "\n" for one in calls).encode()
    where = {"path": "s3://logs/day/", "base_url": f"http://127.0.0.1:{bucket.port}"}
    SOURCES.save(state, "bucket", {"kind": "bucket", **where})
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    return lambda: pull_due(ledger, state, "bucket", NOW, sleep)[0], waits


def loaded(ledger) -> list[int]:
    view = ledger.at(ledger.snapshot())
    found = view.sql(f"SELECT count(*) n, count(DISTINCT event_id) ids FROM {view.name('usage')}").iloc[0]
    return [int(found["n"]), int(found["ids"])]


THROTTLED: dict[str, list[Step]] = {
    "the list": [(503, SLOW, {}), (503, SLOW, {})],
    "its second page": [None, (503, SLOW, {}), (500, b"<Error><Code>InternalError</Code></Error>", {})],
    "an object": [None, None, (503, SLOW, {}), None, (503, SLOW, {})],
    "everything now and then": [step for _ in range(5) for step in ((503, SLOW, {}), None)],
    "cut lists and objects": ["cut", None, None, "cut", (429, b"", {})],
    "a list that is none": [(200, SLOW, {}), (200, b"<html>", {})],
}


@pytest.mark.parametrize("when", THROTTLED)
def test_what_is_throttled_is_waited_for_and_loaded_once(ledger, bucket, logs, when):
    pull, waits = logs
    bucket.steps = list(THROTTLED[when])
    wrong = sum(step is not None for step in bucket.steps)
    result = pull()
    assert (result.problem, result.loaded, loaded(ledger)) == ("", 12, [12, 12])
    assert len(waits) == wrong and all(0 < wait <= 60 for wait in waits) and not bucket.steps
    assert pull().loaded == 0 and loaded(ledger) == [12, 12]


def test_it_waits_as_long_as_it_is_told_to(ledger, bucket, logs):
    pull, waits = logs
    bucket.steps = [(503, SLOW, {"Retry-After": "17"}), None, (503, SLOW, {"Retry-After": "100000"})]
    assert pull().loaded == 12
    assert waits[0] == 17 and waits[1] == 300  # never longer than five minutes at once


def test_one_that_throttles_for_ever_is_told_and_the_next_pull_goes_on(ledger, state, bucket, logs):
    pull, waits = logs
    bucket.steps, bucket.always = [None, None], (503, SLOW, {})
    failed = pull()
    assert f"was asked {TRIES} times: it answered 503" in failed.problem and "secret-of-a-test" not in failed.problem
    assert loaded(ledger) == [0, 0] and bucket.asked.count("/logs/day/0.jsonl") == TRIES
    assert progress_of(state, "bucket").problem == failed.problem
    bucket.always = None
    assert pull().loaded == 12 and loaded(ledger) == [12, 12] and not progress_of(state, "bucket").problem


def test_a_key_that_is_revoked_in_mid_pull_is_told_and_loses_nothing(ledger, bucket, logs):
    pull, waits = logs
    bucket.steps = [None, None, None, (403, b"<Error><Code>AccessDenied</Code></Error>", {})]
    assert "refused the key (403)" in pull().problem and not waits
    assert pull().loaded == 12 and loaded(ledger) == [12, 12]
