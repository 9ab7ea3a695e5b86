"""Silent changes: what a provider changed is found and dated, what we changed is called ours, a quiet log is quiet."""

from __future__ import annotations

import json
from datetime import date, timedelta

import numpy as np
import pytest

from analytics.anomalies import silent_changes as silent
from analytics.anomalies import silent_changes_command
from analytics.anomalies.anomalies import Anomaly
from analytics.anomalies.incidents import Incident
from analytics.anomalies.model_behaviour import AFTER_DAYS
from analytics.coverage import window
from analytics.weekly import news, review
from analytics.weekly.attention import attention
from data.state import State
from tests.analytics.commands import run
from tests.analytics.covered_ledgers import LAST, day_rows, days, ledger_of

FIRST, CHANGED = date(2026, 5, 1), date(2026, 10, 12)


def rows(
    *, output=lambda day: 500, fresh=lambda day: 2000, raw=lambda day: "gpt-5.2", failed=0.02, model="gpt-5.2", seed=3
):
    """Twelve requests a day of noisy length, of which a few fail."""
    random = np.random.default_rng(seed)
    found = []
    for day in days(FIRST, LAST):
        for row in day_rows(day, hours=np.linspace(0.5, 23.5, 12), model=model):
            row["output_tokens"] = int(output(day) * np.exp(random.normal(0, 0.4)))
            row["fresh_input_tokens"] = int(fresh(day) * np.exp(random.normal(0, 0.3)))
            found.append(row | {"model_raw": raw(day), "cache_read_tokens": int(random.integers(0, 1000))})
    return found


def after(value, then):
    return lambda day: then if day >= CHANGED else value


def changes(tmp_path, made, state):
    return silent.silent_changes(ledger_of(tmp_path / "view", made), state)


def test_longer_answers_without_a_change_of_ours_are_the_providers(tmp_path, state):
    made = rows(output=after(500, 800), raw=after("gpt-5.2-2026-03-01", "gpt-5.2-2026-10-10"))
    (one,) = changes(tmp_path, made, state)
    assert (one.model, one.measure, one.whose) == ("gpt-5.2", "output_tokens", "provider")
    assert abs((one.on - CHANGED).days) <= 7 and one.after / one.before == pytest.approx(1.6, rel=0.15)
    assert "from gpt-5.2-2026-03-01 to gpt-5.2-2026-10-10" in one.why and one.usd_month > 0
    assert "the provider's change" in one.title


def test_longer_answers_to_longer_prompts_are_ours(tmp_path, state):
    found = changes(tmp_path, rows(output=after(500, 800), fresh=after(2000, 4000)), state)
    assert "output_tokens" in [one.measure for one in found]
    assert all(one.whose == "ours" and "input per request" in one.why for one in found)


def test_a_policy_saved_nearby_is_the_likelier_cause(tmp_path, state, monkeypatch):
    view = ledger_of(tmp_path / "view", rows(output=after(500, 800)))
    monkeypatch.setattr(silent, "_our_days", lambda kept: [(CHANGED, "policy saved shorter")])
    (one,) = silent.silent_changes(view, state)
    assert one.whose == "ours" and "policy saved shorter" in one.why


def test_quiet_logs_are_quiet(tmp_path, state):
    """Four models, six measures, thirteen weeks each: not one alarm."""
    made = [row for n, model in enumerate(("a", "b", "c", "d")) for row in rows(model=model, seed=n)]
    assert changes(tmp_path, made, state) == []


def test_a_short_log_tells_nothing(tmp_path, state):
    made = [row for day in days(date(2026, 11, 1), LAST) for row in day_rows(day)]
    assert changes(tmp_path / "weeks", made, state) == []
    young, old = ledger_of(tmp_path / "young", made), ledger_of(tmp_path / "old", rows())
    assert silent.none_found(young).startswith("Not checked")  # no all-clear of what nobody could look at
    assert silent.none_found(old).startswith("No model answers otherwise")
    assert changes(tmp_path / "hours", day_rows(LAST, hours=(8, 9)), state) == []  # no whole day at all


def test_the_command_says_it_in_both_forms(tmp_path, capsys):
    view = ledger_of(tmp_path / "view", rows(output=after(500, 800)))
    State.open(view.home)
    assert run(silent_changes_command, "silent-changes", "--home", view.home, "--json") == 0
    (one,) = json.loads(capsys.readouterr().out)["changes"]
    assert one["measure"] == "output_tokens" and one["whose"] == "provider"
    assert run(silent_changes_command, "silent-changes", "--home", view.home) == 0
    assert "output tokens per request" in capsys.readouterr().out


def test_what_a_provider_changed_is_news_of_the_weeks_that_can_first_know_it(tmp_path, state):
    found = changes(tmp_path, rows(output=after(500, 800)), state)
    (one,) = found
    day = one.on + timedelta(days=AFTER_DAYS)
    early, first, later, old = (news.of_model_changes(found, day + timedelta(weeks=weeks)) for weeks in (0, 1, 2, 5))
    assert [told.is_new for told in (*early, *first, *later)] == [True, True, False] and old == []
    assert first[0].usd == one.usd_month and first[0].text == one.title and not first[0].is_risk
    assert news.of_model_changes([one._replace(whose="ours")], day) == []


@pytest.mark.parametrize(
    "measure, before, after, usd, risk",
    [
        ("failure_rate", 0.02, 0.07, 50, True),
        ("failure_rate", 0.07, 0.02, 50, False),
        ("score", 0.9, 0.8, 100, True),
        ("score", 0.8, 0.9, 100, False),
        ("latency_ms", 900, 1800, 0, False),
    ],
)
def test_a_change_without_a_price_weighs_the_work_it_touches(measure, before, after, usd, risk):
    one = silent.SilentChange("p", "m", "chat", measure, CHANGED, before, after, None, 1000.0, "provider", "")
    assert one.at_stake_usd == pytest.approx(usd) and one.is_worse is risk
    assert "of $1,000 a month" in one.title


def test_it_is_told_as_it_stood_at_a_day(tmp_path, state):
    view = ledger_of(tmp_path / "view", rows(output=after(500, 800)))
    assert silent.silent_changes(view, state, CHANGED) == []
    assert silent.silent_changes(view, state, CHANGED + timedelta(weeks=3))
    monday = CHANGED + timedelta(weeks=2)
    report = review.build(view, state, monday, forbidden=lambda *asked: None)
    assert [one["measure"] for one in report["model_changes"]] == ["output_tokens"]
    assert "model change" in [one["kind"] for one in report["news"]]
    assert report["model_changes"][0]["title"].split(",")[0] in review.WRITERS[".html"](report)


def test_the_overview_lists_it_while_it_is_young(tmp_path, state):
    young = CHANGED + timedelta(days=21)
    made = [row for row in rows(output=after(500, 800)) if row["requested_at"].date() < young]
    view = ledger_of(tmp_path / "view", made)
    (told,) = [one for one in attention(view, state, window(view, days=28)).news if one.kind == "model change"]
    assert "output tokens per request" in told.text and told.usd > 0 and told.is_new
    narrowed = window(view, days=28).with_filter("team", "search")
    assert "model change" not in [one.kind for one in attention(view, state, narrowed).news]


def test_what_moves_in_one_feature_alone_is_ours(tmp_path, state):
    """Two features ask the same model for chat; the answers of one grow."""
    made = [row | {"feature": "calm"} for row in rows(seed=4)]
    made += [row | {"feature": "loud"} for row in rows(output=after(500, 1500), seed=5)]
    (one,) = changes(tmp_path, made, state)
    assert one.whose == "ours" and one.why == "only loud moved, calm did not"


@pytest.mark.parametrize("features, whose", [(("one",), "not known"), (("one", "two"), "provider")])
def test_a_cache_that_one_prompt_fills_is_nobodys_for_certain(tmp_path, state, features, whose):
    made = []
    for n, name in enumerate(features):
        for row in rows(seed=n):
            read, fresh = (6000, 2000) if row["requested_at"].date() < CHANGED else (500, 7500)
            made.append(row | {"feature": name, "cache_read_tokens": read, "fresh_input_tokens": fresh})
    told = {one.measure: one for one in changes(tmp_path, made, state)}["cache_share"]
    assert told.whose == whose
    assert news.of_model_changes([told], told.on + timedelta(days=AFTER_DAYS))


def test_a_failing_model_that_is_an_incident_is_told_once():
    one = silent.SilentChange("p", "m", "chat", "failure_rate", CHANGED, 0.02, 0.2, None, 1000.0, "provider", "")
    failing = Anomaly("failures", "model", "m", CHANGED, LAST, 100.0, 0.0, "")
    incident = Incident("m fails", (), CHANGED, LAST, 100.0, 50.0, (failing,))
    assert news.of_model_changes([one], CHANGED, [incident]) == []
    assert len(news.of_model_changes([one._replace(model="n")], CHANGED, [incident])) == 1
