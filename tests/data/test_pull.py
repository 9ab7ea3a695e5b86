"""Pulling sources: what a provider on loopback does to us, the ledger equals what it said last, and no key is told."""

from __future__ import annotations

import json
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import get_args

import pytest

from data.errors import BadInput, Refused
from data.loading.ingest import ingest
from data.people import Person, acting_as
from data.sources import client as clients
from data.sources import pull_command
from data.sources.apis import APIS
from data.sources.progress import gaps, progress_of
from data.sources.pull import Result, pull_due, windows
from data.sources.source import KINDS, SOURCES, Kind, Source
from tests.data.scripted_source import KEY, provider

NOW = datetime.fromisoformat("2026-11-11T05:00")
KEY_ENV = "LITELLM_API_KEY"
COSTS = {"kind": "openai_costs", "key_env": KEY_ENV, "since": "2026-11-01"}


@pytest.fixture
def far(monkeypatch):
    monkeypatch.setenv(KEY_ENV, KEY)
    with provider() as script:
        yield script


@pytest.fixture
def waits():
    return []


@pytest.fixture
def store(ledger, state, far, waits):
    """(pull, billed): one pull of the costs at a time, and what the ledger bills by day."""
    SOURCES.save(state, "costs", {**COSTS, "base_url": far.url})

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    def pull(now: datetime = NOW, name: str = "costs") -> Result:
        (one,) = pull_due(ledger, state, name, now, sleep)
        return one

    def billed() -> dict[int, float]:
        view = ledger.at(ledger.snapshot())
        frame = view.sql(f"SELECT day, sum(amount) AS usd FROM {view.name('billed')} GROUP BY day")
        return {row.day.day: float(row.usd) for row in frame.itertuples()}

    return pull, billed


def truth(script, until: int) -> dict[int, float]:
    return {day: sum(items.values()) for day, items in script.amounts.items() if day < until and items}


def test_pages_are_followed_and_the_watermark_is_the_last_midnight(store, far, state):
    pull, billed = store
    assert pull().problem == "" and billed() == truth(far, 11)
    assert progress_of(state, "costs").watermark == datetime.fromisoformat("2026-11-11")
    assert len(far.asked) == 4 and all(said == f"Bearer {KEY}" for _, _, said in far.asked)


def test_what_changed_late_replaces_and_what_left_the_report_leaves_the_ledger(store, far):
    pull, billed = store
    pull()
    far.amounts[9] = {"gpt-5.2, input": 99.0}
    far.amounts[10] = {"gpt-5.2, renamed": 3.0}
    far.amounts[8] = {}
    assert pull(NOW + timedelta(days=1)).problem == "" and billed() == truth(far, 12)
    assert far.asked[-1][1]["start_time"] == [str(int(datetime.fromisoformat("2026-11-08T00:00+00:00").timestamp()))]
    assert pull(NOW + timedelta(days=1)).loaded == 0 and billed() == truth(far, 12)


def test_a_line_of_another_project_that_left_the_report_leaves_the_ledger(store, far):
    """What is left is of one project; it was asked for without a filter all the same."""
    pull, billed = store
    far.amounts[9], far.project_of = {"gpt-5.2, input": 1.0, "moved": 50.0}, {"moved": "proj_2"}
    pull()
    assert billed() == truth(far, 11)
    far.amounts[9] = {"gpt-5.2, input": 1.0}
    pull(NOW + timedelta(hours=1))
    assert billed() == truth(far, 11)


def test_days_with_a_line_that_cannot_be_used_are_asked_for_again(store, far, state):
    pull, billed = store
    right, far.amounts[9] = far.amounts[9], {"gpt-5.2, input": "NaN"}
    assert "had 1 line that cannot be used" in pull().problem and progress_of(state, "costs").watermark is None
    far.amounts[9] = right
    assert pull().problem == "" and billed() == truth(far, 11)


def test_it_waits_as_it_is_told_and_goes_on_in_mid_page(store, far, waits):
    pull, billed = store
    date_of_it = {"Date": "Wed, 11 Nov 2026 05:00:00 GMT", "Retry-After": "Wed, 11 Nov 2026 05:00:42 GMT"}
    far.steps = [None, ("status", 429, {"Retry-After": "7"}), ("status", 500, {}), "cut", ("status", 429, date_of_it)]
    assert pull().problem == "" and billed() == truth(far, 11)
    assert waits[0] == 7 and waits[3] == 42 and len(waits) == 4


@pytest.mark.parametrize(
    ("steps", "always", "said"),
    [
        ([None, None, ("status", 401, {})], None, "refused the key (401)"),
        ([None, ("status", 302, {"Location": "https://elsewhere.example/"})], None, "send us elsewhere"),
        ([None, ("status", 400, {})], None, "does not take the question"),
        ([None], ("status", 503, {}), "was asked 6 times: it answered 503"),
        ([None], "garbage", "was asked 6 times: an answer that is not JSON"),
        ([None], "cut", "no whole answer"),
        ([None], "repeat", "the same page again and again"),
        ([], "yesterday", "which was not asked for"),
        ([None], "shapeless", "in a shape that is not its API's"),
    ],
)
def test_a_failure_leaves_the_ledger_as_it_was_and_the_next_pull_mends_it(store, far, state, steps, always, said):
    pull, billed = store
    far.steps, far.always = list(steps), always
    failed = pull()
    assert said in failed.problem and failed.problem.startswith("The source costs ") and failed.problem.endswith(".")
    assert KEY not in failed.problem and far.url not in failed.problem
    assert billed() == {} and progress_of(state, "costs").watermark is None
    far.steps, far.always = [], None
    assert pull().problem == "" and billed() == truth(far, 11) and not progress_of(state, "costs").problem


def test_no_key_is_written_anywhere(store, far, ledger, state):
    pull, _ = store
    far.steps = [None, ("status", 403, {"X-Echo": KEY})]
    pull()
    pull()
    for path in ledger.home.rglob("*"):
        assert not path.is_file() or KEY.encode() not in path.read_bytes(), path
    assert not list((ledger.home / "pulled").glob("*"))


def test_a_variable_that_is_not_set_or_not_allowed_asks_nobody(store, far, state, monkeypatch):
    pull, _ = store
    monkeypatch.delenv(KEY_ENV)
    assert "is not set" in pull().problem and not far.asked
    monkeypatch.setenv(KEY_ENV, KEY)
    monkeypatch.setenv("BATON_KEYS", "OTHER")
    with pytest.raises(BadInput, match="BATON_KEYS"):
        pull()
    assert not far.asked


def test_reports_of_several_kinds_of_work_share_their_days(ledger, state, far, store):
    pull, _ = store
    SOURCES.save(state, "usage", {**COSTS, "kind": "openai_usage", "base_url": far.url, "since": "2026-11-05"})
    assert pull(name="usage").problem == ""
    assert pull(name="usage", now=NOW + timedelta(hours=1)).loaded == 0
    view = ledger.at(ledger.snapshot())
    sums = view.sql(
        f"SELECT model, sum(quantity) n FROM {view.name('billed')} WHERE unit = 'tokens' GROUP BY 1 ORDER BY 1"
    )
    assert [(row.model, int(row.n)) for row in sums.itertuples()] == [
        ("model-completions", 6000),
        ("model-embeddings", 420),
    ]


@pytest.fixture
def people(far, store, ledger, state):
    """(pull, estimates): Claude Code's users of four days, pulled; and what the ledger has of them by day, in cents."""
    pull, _ = store
    far.people = {day: {"ann@example.com": 100.0 + day, "bob": 7, "cy": 9} for day in (6, 7, 9)}
    SOURCES.save(state, "people", {**COSTS, "kind": "claude_code", "base_url": far.url, "since": "2026-11-06"})

    def estimates() -> dict[int, float]:
        view = ledger.at(ledger.snapshot())
        frame = view.sql(
            f"""SELECT day, sum(amount) * 100 AS cents FROM {view.name("billed")} WHERE kind = 'estimate'
                GROUP BY day ORDER BY day"""
        )
        return {row.day.day: float(row.cents) for row in frame.itertuples()}

    return lambda now=NOW: pull(now, "people"), estimates


def test_users_of_claude_code_are_pulled_day_by_day_and_restated_days_replace(far, people, state, ledger):
    pull, estimates = people
    assert pull().problem == "" and estimates() == {6: 122, 7: 123, 9: 125}
    assert [day.day for day in gaps(state, "people", progress_of(state, "people").watermark)] == [8, 10]
    far.people[9] = {"ann@example.com": 50.0, "bob": 7}
    far.people[10] = {"dee": 1}
    assert pull(NOW + timedelta(hours=1)).problem == "" and estimates() == {6: 122, 7: 123, 9: 57, 10: 1}
    assert pull(NOW + timedelta(hours=2)).loaded == 0
    view = ledger.at(ledger.snapshot())
    assert view.sql(f"SELECT count(*) n FROM {view.name('billed')} WHERE kind = 'cost'")["n"][0] == 0


@pytest.mark.parametrize(
    ("steps", "always", "said", "kept"),
    [
        ([None] * 3 + [("status", 401, {})], None, "refused the key (401)", {6: 122}),
        ([None] * 3, "cut", "no whole answer", {6: 122}),
        ([None], "garbage", "an answer that is not JSON", {}),
        ([None] * 2, "repeat", "the same page again and again", {6: 122}),
        ([], "yesterday", "which was not asked for", {}),
    ],
)
def test_users_of_claude_code_are_kept_up_to_the_day_that_failed(far, people, state, steps, always, said, kept):
    pull, estimates = people
    far.steps, far.always = steps, always
    failed = pull()
    assert said in failed.problem and estimates() == kept
    far.steps, far.always = [], None
    assert pull().problem == "" and estimates() == {6: 122, 7: 123, 9: 125}


def call(number: int, at: datetime, spend: float = 0.01) -> dict:
    return {
        "request_id": f"call-{number}",
        "call_type": "acompletion",
        "spend": spend,
        "startTime": at.isoformat(),
        "endTime": (at + timedelta(seconds=2)).isoformat(),
        "model": "gpt-5.2",
        "custom_llm_provider": "openai",
        "prompt_tokens": 100,
        "completion_tokens": 10,
        "total_tokens": 110,
        "status": "success",
    }


def test_calls_are_pulled_by_the_hour_once_each_also_late_ones_and_beside_a_file_of_them(
    ledger, state, far, store, tmp_path
):
    pull, _ = store
    SOURCES.save(state, "gateway", {"kind": "litellm", "base_url": far.url, "key_env": KEY_ENV, "since": "2026-11-11"})
    midnight = datetime.fromisoformat("2026-11-11")
    far.calls = [call(n, midnight + timedelta(minutes=10 * n)) for n in range(25)]  # until 04:00
    assert (pull(name="gateway").loaded, progress_of(state, "gateway").watermark) == (25, NOW)
    far.calls.append(call(99, NOW - timedelta(minutes=30)))  # it ran for half an hour, so it came late
    far.calls.append(call(100, NOW + timedelta(minutes=20)))
    assert pull(NOW + timedelta(hours=1), "gateway").loaded == 2
    path = tmp_path / "export.jsonl"
    path.write_text("".join(json.dumps(one) + "\n" for one in far.calls))
    ingest(ledger, state, [path])
    view = ledger.at(ledger.snapshot())
    assert view.sql(f"SELECT count(*) n FROM {view.name('usage')}")["n"][0] == 27
    far.calls += [call(200 + n, NOW + timedelta(minutes=50)) for n in range(9)]
    far.always = "endless"
    assert "again and again" in pull(NOW + timedelta(hours=2), "gateway").problem


@pytest.mark.parametrize(("hours", "wrong"), [(-1, range(4)), (1, range(4)), (5, [3])])
def test_clocks_apart_lose_and_double_nothing(ledger, state, far, store, hours, wrong):
    """Baton's clock is `hours` ahead of the gateway's at the pulls that are `wrong`, and later set right."""
    pull, _ = store
    SOURCES.save(state, "gateway", {"kind": "litellm", "base_url": far.url, "key_env": KEY_ENV, "since": "2026-11-10"})
    ours = timedelta(hours=hours)
    for n in range(8):
        far.calls.append(call(n, NOW + timedelta(hours=n, minutes=59)))
        assert pull(NOW + timedelta(hours=n + 1) + (ours if n in wrong else timedelta()), "gateway").problem == ""
    assert pull(NOW + timedelta(hours=10), "gateway").problem == ""
    view = ledger.at(ledger.snapshot())
    assert view.sql(f"SELECT count(*) n FROM {view.name('usage')}")["n"][0] == 8


def test_a_pull_that_dies_between_load_and_watermark_loads_nothing_twice(store, far, state, monkeypatch):
    pull, billed = store

    def dies(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as during:
        during.setattr("data.sources.pull.keep_progress", dies)
        with pytest.raises(KeyboardInterrupt):
            pull()
    assert billed() == truth(far, 11)
    assert pull().loaded == 0 and billed() == truth(far, 11)


def test_one_that_fails_keeps_no_other_from_being_pulled_and_only_due_ones_are(ledger, state, far, store):
    far.amounts[10] = {}
    SOURCES.save(state, "broken", {**COSTS, "base_url": "http://127.0.0.1:9", "every_hours": 5})

    async def sleep(seconds: float) -> None:
        pass

    every = pull_due(ledger, state, "", NOW, sleep)
    assert [(one.name, bool(one.problem)) for one in every] == [("broken", True), ("costs", False)]
    assert [one.name for one in pull_due(ledger, state, "", NOW + timedelta(minutes=10), sleep)] == ["broken"]
    assert [one.name for one in pull_due(ledger, state, "", NOW + timedelta(hours=1), sleep)] == ["broken", "costs"]
    with pytest.raises(BadInput, match="no source 'nobody'"):
        pull_due(ledger, state, "nobody", NOW, sleep)


def test_a_folder_is_a_source_too(ledger, state, tmp_path):
    folder = tmp_path / "logs"
    folder.mkdir()
    SOURCES.save(state, "folder", {"kind": "folder", "path": str(folder / "*.jsonl")})
    (one,) = pull_due(ledger, state, "folder", NOW)
    assert one.problem
    (folder / "a.jsonl").write_text(json.dumps(call(1, NOW)) + "\n")
    assert [pull_due(ledger, state, "folder", NOW)[0].loaded for _ in range(2)] == [1, 0]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"kind": "litellm"}, "base_url"),
        ({"kind": "litellm", "base_url": "http://example.com"}, "clear text"),
        ({"kind": "litellm", "base_url": "https://10.0.0.1"}, "BATON_HOSTS"),
        ({"kind": "litellm", "base_url": "https://u:p@example.com"}, "credentials"),
        ({"kind": "openai_costs", "key_env": "HOME"}, "BATON_KEYS"),
        ({"kind": "folder"}, "path"),
        ({"kind": "openai_costs", "path": "/x"}, "path"),
        ({"kind": "carrier pigeon"}, "folder"),
    ],
)
def test_a_source_that_will_not_do_is_refused_in_a_sentence(state, body, said):
    with pytest.raises(BadInput, match=said):
        SOURCES.save(state, "s", body)


def test_sources_take_an_admin(state):
    with acting_as(Person("op", "operator")), pytest.raises(Refused, match="role admin"):
        SOURCES.save(state, "s", COSTS)


def test_every_kind_has_an_api_and_windows_meet_without_a_gap():
    assert set(KINDS) == set(get_args(Kind))
    assert {kind for kind in KINDS if KINDS[kind].way == "api"} == set(APIS)
    for kind, api in APIS.items():
        source = Source(kind=kind, base_url="https://example.com")
        spans = list(windows(source, None, NOW))
        assert all(one.end == other.start and one.end - one.start <= api.step for one, other in pairwise(spans))
        assert spans[-1].end == (datetime.fromisoformat("2026-11-11") if api.whole_days else NOW)
        assert list(windows(source, spans[-1].end, NOW))[0].start >= spans[-1].end - source.overlap - timedelta(days=1)
    assert list(windows(Source(kind="openai_costs", since=date(2027, 1, 1)), None, NOW)) == []


def test_the_command_saves_lists_pulls_and_says_what_failed(ledger, state, far, capsys, monkeypatch):
    from data import console
    from data.__main__ import commands

    def run(*words: str) -> int:
        return console.run(commands(["pull"]).top, ["pull", *words, "--home", str(ledger.home)])

    monkeypatch.setattr(clients, "TRIES", 1)
    assert run() == 0 and "No source is due" in capsys.readouterr().out
    assert run("bill", "--add", "openai_costs", "--url", far.url, "--key", KEY_ENV) == 0
    assert "bill" in capsys.readouterr().out
    assert run("bill", "--json") == 0
    (pulled,) = json.loads(capsys.readouterr().out)["pulled"]
    assert pulled["name"] == "bill" and pulled["problem"] == ""
    far.always = ("status", 500, {})
    assert run("bill") == 1 and "it answered 500" in capsys.readouterr().err
    assert run("--list", "--json") == 0
    (listed,) = json.loads(capsys.readouterr().out)["sources"]
    assert "500" in listed["problem"] and listed["pulled_at"] and KEY not in json.dumps(listed)
    assert run("bill", "--delete") == 0 and run("bill", "--delete") == 1
    assert pull_command.lines(state) == []
