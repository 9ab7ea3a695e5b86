"""Alert rules: what each kind tells, that it is told once, and that nothing told is lost or said twice."""

from __future__ import annotations

import json
import threading
from datetime import date, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from analytics.alerts import channels, command, incident_book, outbox
from analytics.alerts.evaluation import JUDGES, judge
from analytics.alerts.lookout import Firing, Judged, Lookout
from analytics.alerts.message import digest, plain
from analytics.alerts.rule import KIND_NAMES, KINDS, RULES, STARTERS, Rule, silence
from analytics.alerts.watch import after_load, preview, try_channel, watch
from analytics.budgets import budget as budgets
from data.errors import BadInput, Refused
from data.sources.progress import Pulled, keep_progress
from data.sources.source import SOURCES
from data.state import State
from tests.analytics.commands import run
from tests.analytics.covered_ledgers import LAST, day_rows, days, ledger_of

NOW = datetime.fromisoformat("2026-11-21T09:00")
SLACK = "BATON_ALERT_SLACK"


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """$8 a day for ten weeks from litellm, $4 from langfuse until 14 November, $200 more on 10 and 20 November."""
    every = days(LAST - timedelta(days=69), LAST)
    rows = [row for day in every for row in day_rows(day, usd=2)]
    rows += [row for day in every if day <= date(2026, 11, 14) for row in day_rows(day, source="langfuse", team="ops")]
    for day in (date(2026, 11, 10), LAST):
        rows += day_rows(day, hours=[3], usd=200, team="lab")
    view = ledger_of(tmp_path_factory.mktemp("alerts"), rows)
    state = State.open(view.home)
    budgets.save(state, budgets.check_budget(name="company", amount=300))
    budgets.save(state, budgets.check_budget(name="lab", amount=10_000, filters={"team": ("lab",)}))
    return view, state


@pytest.fixture
def kept(tmp_path):
    return State.open(tmp_path)


def told(store, **rule):
    view, state = store
    return judge(Lookout(view, state, now=NOW), Rule(**rule))


@pytest.mark.parametrize(
    ("rule", "abouts"),
    [
        ({"kind": "threshold", "limit": 200}, [""]),
        ({"kind": "threshold", "limit": 200, "filters": {"team": ("lab",)}}, []),
        ({"kind": "threshold", "limit": 100, "by": "team"}, ["lab"]),
        ({"kind": "threshold", "limit": 9, "filters": {"team": ("search",)}}, []),
        (
            {"kind": "threshold", "limit": 5, "side": "below", "filters": {"team": ("search",)}, "measure": "requests"},
            [""],
        ),
        (
            {
                "kind": "threshold",
                "limit": 1,
                "side": "below",
                "measure": "priced_share",
                "filters": {"team": ("search",)},
            },
            [],
        ),
        ({"kind": "change", "filters": {"team": ("search",)}}, []),
        ({"kind": "change", "filters": {"team": ("lab", "search")}}, [""]),
        ({"kind": "budget", "limit": 0.8}, ["company from 2026-11-01"]),
        ({"kind": "budget", "limit": 0.8, "budget": "lab"}, []),
        ({"kind": "forecast"}, ["company from 2026-11-01"]),
        ({"kind": "silence"}, ["langfuse"]),
        ({"kind": "silence", "filters": {"source": ("litellm",)}}, []),
        ({"kind": "failures"}, []),
        ({"kind": "promise"}, []),
    ],
)
def test_each_kind_tells_what_is_so(store, rule, abouts):
    judged = told(store, **rule)
    assert [one.about for one in judged.firings] == abouts and not judged.untold
    assert all(one.text and not one.text.endswith(".") for one in judged.firings)


def test_unusual_spend_is_told_by_its_cause(store):
    (one,) = told(store, kind="anomaly", days=14, limit=50).firings
    assert "above its pattern on 10 Nov" in one.text and one.usd == pytest.approx(200, abs=15)


def test_what_cannot_be_judged_says_why_and_is_not_taken_for_quiet(store):
    unsure = told(store, kind="threshold", limit=5, side="below", days=10, filters={"team": ("ops",)})
    assert not unsure.firings and "langfuse" in unsure.untold
    assert "langfuse" in told(store, kind="caveats").untold and told(store, kind="anomaly").untold == ""
    assert "make no band" in told(store, kind="change", days=60).untold
    assert told(store, kind="threshold", limit=5, days=10, filters={"team": ("ops",)}).firings  # above is above anyhow


def test_a_source_that_logs_again_today_is_not_silent(tmp_path):
    today = LAST + timedelta(days=1)
    rows = [row for day in days(LAST - timedelta(days=30), LAST) for row in day_rows(day)] + day_rows(today, hours=[3])
    rows += [
        row for day in days(LAST - timedelta(days=30), LAST - timedelta(days=5)) for row in day_rows(day, source="b")
    ]
    view = ledger_of(tmp_path, [*rows, *day_rows(today, source="b", hours=[2])])
    state = State.open(view.home)
    assert judge(Lookout(view, state, now=NOW), Rule(kind="silence")) == Judged()
    (then,) = judge(Lookout(view, state, LAST), Rule(kind="silence")).firings  # as it was the day before
    assert then.about == "b"


def test_silence_of_everything_is_told_by_the_clock(store):
    view, state = store
    late = judge(Lookout(view, state, now=NOW + timedelta(days=5)), Rule(kind="silence"))
    assert [one.about for one in late.firings] == ["langfuse", "the whole log"]


def test_a_source_that_is_not_pulled_any_more_is_told(store, monkeypatch):
    view, state = store
    SOURCES.save(state, "bill", {"kind": "openai_costs"})
    try:
        assert len(told(store, kind="silence").firings) == 1  # it was never tried
        keep_progress(state, "bill", Pulled(None, NOW, None, "It answered 500."))
        assert told(store, kind="silence").firings[1].text == "nothing was ever pulled from bill (It answered 500)"
        keep_progress(state, "bill", Pulled(NOW, NOW, NOW - timedelta(days=3), ""))
        assert told(store, kind="silence").firings[1].about == "pull of bill"
        keep_progress(state, "bill", Pulled(NOW, NOW, NOW - timedelta(days=1), ""))
        assert len(told(store, kind="silence").firings) == 1
    finally:
        SOURCES.forget(state, "bill")


def test_every_kind_has_a_judge_words_and_a_default():
    assert set(JUDGES) == set(KINDS) == set(KIND_NAMES)
    for name in KIND_NAMES:
        assert Rule(kind=name, limit=1, channels=(SLACK,)).words.endswith(f"to {SLACK}")
    assert "silent for 0.5 days" in Rule(kind="silence", limit=0.5).words
    assert {rule.kind for rule in STARTERS.values()} <= set(KINDS)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"kind": "threshold"}, "needs its limit"),
        ({"kind": "change", "measure": "happiness"}, "no measure"),
        ({"kind": "change", "by": "day"}, "no dimension"),
        ({"kind": "change", "quiet_from": 22}, "both"),
        ({"kind": "change", "channels": ("DATABASE_URL",)}, "BATON_CHANNELS"),
        ({"kind": "change", "limit": float("nan")}, "limit"),
        ({"kind": "budget", "limit": 80}, "80 % is 0.8"),
        ({"kind": "silence", "limit": 0}, "always tell"),
        ({"kind": "caveats", "filters": {"team": ("a",)}}, "provider and model"),
        ({"kind": "budget", "filters": {"team": ("a",)}}, "of their own"),
        ({"kind": "gossip"}, "threshold"),
    ],
)
def test_a_wrong_rule_is_refused_in_a_sentence(kept, wrong, said):
    with pytest.raises(BadInput, match=said):
        RULES.save(kept, "r", wrong)


def test_hours_of_quiet_may_span_midnight():
    night = Rule(kind="budget", quiet_from=22, quiet_until=7)
    held = [hour for hour in range(24) if night.holds_back(NOW.replace(hour=hour))]
    assert held == [0, 1, 2, 3, 4, 5, 6, 22, 23]
    assert not night.model_copy(update={"urgent": True}).holds_back(NOW.replace(hour=23))
    assert night.model_copy(update={"urgent": True, "silenced_until": date(2026, 11, 22)}).holds_back(NOW)


class Chat:
    """A channel that takes messages, or refuses them while it is down."""

    def __init__(self):
        self.got, self.down = [], False

    def send(self, channel, title, body):
        if self.down:
            raise Refused(f"the channel {channel} did not take the message")
        self.got.append((channel, title, body))


def found(*abouts, untold=""):
    return {"r": Judged(tuple(Firing(about, f"{about} is so", 1.0) for about in abouts), untold)}


def step(state, chat, at, *abouts, untold="", **rule):
    incident_book.record(
        state, {"r": Rule(kind="budget", channels=(SLACK,), **rule)}, found(*abouts, untold=untold), at, "UTC"
    )
    outbox.deliver(state, at, chat.send)
    titles = [title for _, title, _ in chat.got]
    chat.got.clear()
    return titles


def test_an_incident_is_told_once_and_once_more_when_it_is_over(kept):
    chat, hour = Chat(), timedelta(hours=1)
    assert step(kept, chat, NOW, "a") == ["Baton: 1 alert"]
    assert step(kept, chat, NOW + hour, "a") == []
    assert step(kept, chat, NOW + 2 * hour, "a", "b") == ["Baton: 1 alert"]
    assert step(kept, chat, NOW + 3 * hour, untold="no log") == []  # what cannot be told ends nothing
    assert step(kept, chat, NOW + 4 * hour, "b") == ["Baton: 1 over"]
    assert step(kept, chat, NOW + 5 * hour, "a", "b") == []  # back within a day: not again
    assert step(kept, chat, NOW + 26 * hour, "a", "b") == ["Baton: 1 alert"]
    assert {one.about for one in incident_book.open_incidents(kept)} == {"a", "b"}
    assert [one.about for one in incident_book.past_incidents(kept)] == ["a"]


def test_quiet_hours_and_silence_hold_back_and_what_passes_in_them_is_never_told(kept):
    chat, night = Chat(), {"quiet_from": 8, "quiet_until": 12}
    assert step(kept, chat, NOW, "a", "b", **night) == []
    assert step(kept, chat, NOW + timedelta(hours=1), "b", **night) == []
    assert step(kept, chat, NOW + timedelta(hours=4), "b", **night) == ["Baton: 1 alert"]
    assert step(kept, chat, NOW + timedelta(hours=5), silenced_until=date(2026, 11, 25)) == []
    assert step(kept, chat, NOW + timedelta(days=5)) == ["Baton: 1 over"]


def test_a_rule_that_is_gone_tells_nothing_more(kept):
    chat = Chat()
    step(kept, chat, NOW, "a")
    incident_book.record(kept, {}, {}, NOW, "UTC")
    outbox.deliver(kept, NOW, chat.send)
    assert not chat.got and not incident_book.open_incidents(kept)


def test_a_storm_is_one_message_that_counts(kept):
    chat = Chat()
    names = [f"team {n}" for n in range(10_000)]
    assert step(kept, chat, NOW, *names) == ["Baton: 10,000 alerts"]
    _, body = outbox.messages(kept)[0].title, outbox.messages(kept)[0].body
    assert "and 9,990 more" in body and body.count("\n") < 20 and len(body) < 2000
    assert step(kept, chat, NOW + timedelta(hours=1), *names) == []


def test_a_channel_that_is_down_gets_its_message_later_and_only_once(kept):
    chat = Chat()
    chat.down = True
    assert step(kept, chat, NOW, "a") == []
    (waits,) = outbox.waiting(kept)
    assert waits.problem == f"the channel {SLACK} did not take the message" and waits.tries == 1
    chat.down = False
    assert step(kept, chat, NOW + timedelta(seconds=30), "a") == []  # not yet due
    assert step(kept, chat, NOW + timedelta(minutes=2), "a") == ["Baton: 1 alert"]
    assert step(kept, chat, NOW + timedelta(hours=2), "a") == [] and not outbox.waiting(kept)


def test_it_is_given_up_after_two_days_of_tries_and_still_listed(kept):
    chat = Chat()
    chat.down = True
    step(kept, chat, NOW, "a")
    for hour in range(1, 100):
        outbox.deliver(kept, NOW + timedelta(hours=hour), chat.send)
    (waits,) = outbox.waiting(kept)
    assert waits.given_up_at and waits.tries == len(outbox.BACK_OFF) + 1


def test_a_death_between_writing_and_sending_loses_nothing(kept):
    def dies(channel, title, body):
        raise KeyboardInterrupt

    chat = Chat()
    incident_book.record(kept, {"r": Rule(kind="budget", channels=(SLACK,))}, found("a"), NOW, "UTC")
    with pytest.raises(KeyboardInterrupt):
        outbox.deliver(kept, NOW, dies)
    again = State.open(kept.path.parent)
    outbox.deliver(again, NOW + timedelta(minutes=1), chat.send)
    assert not chat.got  # the claim of the dead holds for five minutes
    outbox.deliver(again, NOW + timedelta(minutes=6), chat.send)
    assert len(chat.got) == 1


def test_names_from_the_log_mark_up_link_and_call_nobody():
    said = plain("<!channel> @everyone [pay](https://evil.example) `x`\nnext")
    assert not set("<>@`\n") & set(said) and "](" not in said and "https://" not in said
    assert digest([], [])[1] == ""


def test_watch_judges_keeps_and_sends(store, monkeypatch):
    view, state = store
    chat = Chat()
    RULES.save(state, "spent", {"kind": "budget", "limit": 0.8, "channels": [SLACK]})
    RULES.save(state, "quiet", {"kind": "silence"})
    try:
        seen = watch(view, state, NOW, chat.send)
        assert [one.sent_at for one in seen.tried] == [NOW.isoformat()] and len(chat.got) == 1
        assert "“company” is" in chat.got[0][2] and "langfuse" not in chat.got[0][2]
        assert {one.rule for one in incident_book.open_incidents(state)} == {"spent", "quiet"}
        assert not watch(view, state, NOW + timedelta(hours=1), chat.send).tried
        assert state.audit(1)[0].event == "alert sent"
        monkeypatch.delenv(SLACK, raising=False)
        assert after_load(view, state) is not None
        assert try_channel("spent", RULES.all(state)["spent"], chat.send) == [SLACK]
        assert silence(state, "spent", date(2026, 12, 1)).silenced_until
    finally:
        for name in RULES.all(state):
            RULES.forget(state, name)
    assert after_load(view, state) is None


def test_the_look_back_tells_each_thing_once_on_its_day(store):
    view, state = store
    spikes = [date(2026, 11, 10), LAST]
    assert [one.on for one in preview(view, state, Rule(kind="threshold", limit=100), 30)] == spikes
    assert [one.on for one in preview(view, state, Rule(kind="silence"), 30)] == [date(2026, 11, 16)]
    assert [one.on for one in preview(view, state, Rule(kind="anomaly", limit=50), 30)] == spikes[:1]
    with pytest.raises(BadInput, match="--preview 0"):
        preview(view, state, Rule(kind="silence"), 0)


@pytest.mark.heavy
def test_the_command_lists_previews_and_keeps(store, tmp_path, capsys):
    view, state = store
    rules = tmp_path / "rules.yaml"
    rules.write_text("Dear day:\n  kind: threshold\n  limit: 100\n")
    home = ("--home", view.home)
    assert run(command, "alerts", "--rules", rules, "--json", *home) == 0
    listed = json.loads(capsys.readouterr().out)["rules"]
    assert [(one["name"], len(one["firing"])) for one in listed] == [("Dear day", 1)]
    assert run(command, "alerts", "--preview", "20", *home) == 0
    assert "would have told 2 times in 20 days" in capsys.readouterr().out
    assert run(command, "alerts", "--test", "Dear day", *home) == 1
    assert "has no channel" in capsys.readouterr().err
    assert run(command, "alerts", "--history", "--json", *home) == 0
    assert run(command, "alerts", "--delete", "Dear day", *home) == 0
    assert run(command, "alerts", "--delete", "Dear day", *home) == 1
    rules.write_text("- kind: threshold\n")
    assert run(command, "alerts", "--rules", rules, *home) == 1


class Hook(BaseHTTPRequestHandler):
    """A webhook on loopback: takes, redirects or hangs, by its path."""

    got: list[dict] = []
    released = threading.Event()

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path.startswith("/hang"):
            self.released.wait(20)
        if self.path.startswith("/away"):
            self.send_response(307)
            self.send_header("Location", "/take")
        else:
            Hook.got.append(json.loads(body))
            self.send_response(200)
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture
def hook():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hook)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port
    Hook.released.set()
    server.shutdown()
    server.server_close()


def test_a_webhook_takes_hangs_or_sends_us_on(hook, monkeypatch):
    monkeypatch.setenv(SLACK, f"json://127.0.0.1:{hook}/take")
    channels.send(SLACK, "title", "body")
    assert [(one["title"], one["message"]) for one in Hook.got] == [("title", "body")]
    monkeypatch.setenv(SLACK, f"json://127.0.0.1:{hook}/away?token=s3cret")
    with pytest.raises(Refused, match="did not take") as refused:
        channels.send(SLACK, "title", "body")
    assert "s3cret" not in str(refused.value) and len(Hook.got) == 1
    monkeypatch.setenv(SLACK, f"json://127.0.0.1:{hook}/hang")
    monkeypatch.setattr(channels, "WAIT_S", 0.2)
    with pytest.raises(Refused, match="did not answer"):
        channels.send(SLACK, "title", "body")


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("", "not set"),
        ("json://example.com/hook", "clear text"),
        ("jsons://example.com/hook?verify=no", "any certificate"),
        ("syslog://", "this machine"),
        ("https://example.com/s3cret", "cannot be read"),
        ("s3cret", "cannot be read"),
    ],
)
def test_an_address_that_will_not_do_is_refused_without_repeating_it(monkeypatch, address, said):
    monkeypatch.setenv(SLACK, address)
    with pytest.raises(BadInput, match=said) as refused:
        channels.address(SLACK)
    assert "s3cret" not in str(refused.value)
    with pytest.raises(BadInput, match="BATON_CHANNELS"):
        channels.address("HOME")
