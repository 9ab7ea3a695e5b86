"""Cache keys cannot lie: what a cached page function reads of the state is what it declares, and part of its key."""

from __future__ import annotations

import ast
import json
import shutil
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pandas as pd
import pytest

from analytics.alerts.rule import RULES, Kind, Rule
from analytics.budgets import budget, plan
from analytics.forecasts.planned_events import EVENTS
from analytics.promises import actions
from data.facts.models import save_edit
from data.ledger import Ledger
from data.prices import second_catalogue
from data.prices.aliases import ALIASES
from data.prices.contracts import OVERRIDES
from data.state import State
from pages.ui import shell
from routing.policies.in_force import mark
from routing.policies.saved_policies import POLICIES
from tests.pages.whole_app import ROOT, opened

PRICES = {"gpt-5.2": {"litellm_provider": "openai", "input_cost_per_token": 1e-6, "output_cost_per_token": 2e-6}}
MIXED = {"name": "P", "constraints": [{"forbid": {"origin": "KP"}}], "rules": [{"use": "gpt-5-mini"}]}
LINKS = (
    ("overview", {}),
    ("weekly", {}),
    ("plan", {}),
    ("savings", {}),
    ("alerts", {}),
    ("mix", {"constraints": "P", "as_rules": "true"}),
    ("policy_replay", {}),
    ("self_host", {}),
    ("vendors", {}),
    ("vendors", {"look": "It fails"}),
    ("vendors", {"look": "How much hangs on it"}),
    ("vendors", {"look": "How to buy"}),
    ("new_model", {}),
    ("data_and_prices", {"section": "Prices"}),
    ("data_and_prices", {"section": "Against the bill"}),
)
NOT_OPENED = {
    "budget_lines.from_budget",
    "budget_form.expect",
}  # behind an expander, and in a dialog: both take a click


@pytest.fixture(scope="module")
def home(sample_home, tmp_path_factory) -> Path:
    """The sample company with documents of every kind that a cached function reads, and an imported price file."""
    folder = tmp_path_factory.mktemp("documented") / "home"
    shutil.copytree(sample_home, folder)
    state = State.open(folder)
    budget.save(state, budget.check_budget(name="company", amount=60_000))
    launch = plan.check_event(name="launch", on="2026-12-01", change_pct=20, scenario="with launch")
    EVENTS.save(state, "with launch/launch", launch)
    done = actions.check_action(name="Shorten answers", decided="2026-10-01", filters={"model": ("gpt-5.2",)})
    actions.ACTIONS.save(state, done.name, done)
    ALIASES.save(state, "a", {"pattern": "prod-*", "model": "gpt-5.2"})
    OVERRIDES.save(state, "deal", {"provider": "openai", "discount": "0.1"})
    POLICIES.save(state, "P", MIXED)
    for kind in get_args(Kind):
        RULES.save(state, kind, Rule(kind=kind, limit=50 if kind == "threshold" else None))
    mark(state, "P")
    save_edit(state, "minimax-m2", {"hipaa_eligible": False})
    (folder / "price-file.json").write_text(json.dumps(PRICES))
    second_catalogue.install(folder, str(folder / "price-file.json"))
    return folder


@pytest.fixture
def watched(monkeypatch) -> dict[str, tuple[tuple[str, ...], set[str]]]:
    """Every cached function that ran: the kinds it declares, and the kinds that were read while it ran."""
    seen: dict[str, tuple[tuple[str, ...], set[str]]] = defaultdict(lambda: ((), set()))
    running: list[tuple[str, set[str]]] = []
    known: dict[str, tuple[Any, set[str]]] = {}  # by key: the answer, and what was read for it

    def remember(key: str, compute: Callable[[], Any], name: str, reads: tuple[str, ...]) -> Any:
        file, _, function = name.rpartition(":")
        name = f"{Path(file).stem}.{function}"
        seen[name] = (reads, seen[name][1])
        if key not in known:
            running.append((name, set()))
            try:
                value = compute()
            finally:
                _, kinds = running.pop()
            known[key] = value, kinds
        value, kinds = known[key]
        note(kinds, name)
        return value

    def note(kinds: set[str], *names: str) -> None:
        for name in (*names, *(outer for outer, _ in running)):
            seen[name][1].update(kinds)
        for _, read in running:
            read.update(kinds)

    def noticing(read: Callable[..., Any]) -> Callable[..., Any]:
        def call(self: State, kind: str, *rest: object) -> Any:
            note({kind})
            return read(self, kind, *rest)

        return call

    monkeypatch.setattr(shell, "_remember", remember)
    monkeypatch.setattr(State, "all", noticing(State.all))
    monkeypatch.setattr(State, "get", noticing(State.get))
    return seen


@pytest.mark.timeout(900)  # a first look at every page that caches, on whatever else the machine does
def test_no_cached_function_reads_a_kind_it_does_not_declare(home, tmp_path, monkeypatch, watched):
    empty = (
        tmp_path / "empty",
        "self_host",
        {"open_model": "qwen3-14b", "gpus": "1", "gpu": "H100 SXM"},
    )  # a typed volume
    for folder, file, query in [(home, *link) for link in LINKS] + [empty]:
        app = opened(folder, monkeypatch, file, **query)
        assert not app.exception and not app.error, (file, [e.value for e in (*app.exception, *app.error)])
    by_hand = opened(home, monkeypatch, "mix")
    next(button for button in by_hand.button if button.label == "Normalise and apply").click().run()
    assert not by_hand.exception and "set by hand" in by_hand.title[0].value
    margins = opened(home, monkeypatch, "explore", by="Customer")
    margins.session_state["margins"] = True  # a panel that works out what it shows once it is open
    margins.run()
    assert not margins.exception, margins.exception[0].value
    split = opened(home, monkeypatch, "policy_replay")
    split.session_state["split_by"] = "task_type"  # what stands beside it is then told on terms of its own
    split.run()
    assert not split.exception, split.exception[0].value
    lies = {name: read - set(reads) for name, (reads, read) in watched.items() if read - set(reads)}
    assert not lies, "these read what is not in their key; declare it in @shell.cached(reads=...)"
    idle = {name: set(reads) - read for name, (reads, read) in watched.items() if set(reads) - read}
    assert not idle, "these declare what they never read"
    assert declaring() - set(watched) == NOT_OPENED, "a cached function that reads documents was not opened here"


def declaring() -> set[str]:
    """The functions on pages that say what they read."""
    return {
        f"{path.stem}.{node.name}"
        for path in (ROOT / "pages").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef)
        and any(ast.unparse(mark).startswith("shell.cached(reads=") for mark in node.decorator_list)
    }


def test_model_mix_obeys_a_policy_that_was_changed_under_its_name(home, monkeypatch):
    def title() -> str:
        return opened(home, monkeypatch, "mix", constraints="P", window="all").title[0].value

    state, before = State.open(home), title()
    POLICIES.save(state, "P", MIXED | {"constraints": [{"forbid": {"origin": ["US", "CN", "FR"]}}]})
    assert title() != before
    POLICIES.save(state, "P", MIXED)
    assert title() == before


def test_a_price_file_and_a_fact_change_the_keys_of_what_they_price(home):
    state, kinds = State.open(home), ("model_fact",)
    keys = [shell.kept_version(state, kinds)]
    save_edit(state, "minimax-m2", {"hipaa_eligible": True})
    keys.append(shell.kept_version(state, kinds))
    (home / "price-file.json").write_text(json.dumps({**PRICES, "gpt-5-mini": PRICES["gpt-5.2"]}))
    second_catalogue.install(home, str(home / "price-file.json"))
    keys.append(shell.kept_version(state, kinds))
    state.put("owner", "model:x", {"owner": "Ada"})  # of another kind
    assert len(set(keys)) == 3 and shell.kept_version(state, kinds) == keys[-1]


def test_questions_that_differ_in_the_middle_of_an_array_are_asked_apart(home):
    """The repr of an array of more than a thousand numbers leaves out its middle."""

    @shell.cached
    def total(view: Ledger, shares: tuple[str, np.ndarray]) -> float:
        return float(shares[1].sum())

    view = Ledger.open(home)
    mixes = [np.zeros((400, 5)) for _ in range(3)]
    mixes[1][200, 2] = 1.0
    mixes[2][200, 2] = 1.0 + 1e-12
    assert [total(view, ("a mix", mix)) for mix in mixes] == [float(mix.sum()) for mix in mixes]
    with pytest.raises(TypeError, match="no frame"):
        total(view, ("a mix", pd.DataFrame(mixes[0])))
    view.close()
