"""Silent changes: what a provider changed is found and dated, what we changed is called ours, a quiet log is quiet."""

from __future__ import annotations

import json
from datetime import date

import numpy as np
import pytest

from analytics import silent_changes as silent
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
    assert changes(tmp_path, made, state) == []


def test_the_command_says_it_in_both_forms(tmp_path, capsys):
    view = ledger_of(tmp_path / "view", rows(output=after(500, 800)))
    State.open(view.home)
    assert run(silent, "silent-changes", "--home", view.home, "--json") == 0
    (one,) = json.loads(capsys.readouterr().out)["changes"]
    assert one["measure"] == "output_tokens" and one["whose"] == "provider"
    assert run(silent, "silent-changes", "--home", view.home) == 0
    assert "output tokens per request" in capsys.readouterr().out
