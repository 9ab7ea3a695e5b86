"""Model mix, Routing and New model as a reader meets them: empty, from a log, by hand, refused."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from data import rollups
from data.facts.models import save_edit
from pages.parts.mix.reliability import by_model
from routing.policies.in_force import mark, shipped_constraints
from routing.policies.saved_policies import known_policies
from simulations.mixes.constraint_words import words
from simulations.replay.reliability import Reliability
from tests.pages.page_alone import opened
from tests.simulations.ledgers import ledger_of

pytestmark = pytest.mark.usefixtures("alone")


def metrics(page: AppTest) -> dict[str, str]:
    return {m.label: m.value for m in page.metric}


YAML = "yaml_no Chinese models over an API for customer data"  # the text of the policy that opens


@pytest.fixture
def log(home):
    chinese = {
        "model": "minimax-m2",
        "provider": "minimax",
        "data_class": "customer",
        "cost_usd": Decimal("0.002"),
        "task_type": "coding",
    }
    ledger = ledger_of(home, [{}] * 40 + [chinese] * 10)
    with ledger.write() as cursor:
        cursor.execute(
            "INSERT INTO lake.main.batches (batch_id, path, format, loaded) VALUES ('b1', 'x.jsonl', 'litellm', 50)"
        )
        rollups.rebuild(cursor)
    ledger.close()


@pytest.mark.parametrize(
    ("name", "question"), [("policy_replay", "routing policy"), ("new_model", "Evaluate claude-opus-4-6")]
)
def test_an_empty_ledger_says_what_the_page_answers(home, name, question):
    page = opened(name)
    assert question in page.title[0].value and not page.error


def test_the_mix_page_works_without_a_log_from_the_brief(home):
    page = opened("mix")
    assert "$380.0K a year, 36.7% less" in page.title[0].value.replace("\\", "")
    assert metrics(page)["Quality, stated"] == "92.7%"


def test_the_mix_page_answers_the_cto_from_the_log(log):
    page = opened("mix", window="All")
    assert "today's quality" in page.title[0].value.replace("\\", "").lower()
    assert {"Cost a year", "Saving a year", "Quality, stated", "Work that moves"} <= metrics(page).keys()
    before = metrics(page)["Cost a year"]
    sliders = {s.label: s for s in page.slider}
    sliders["gpt-5.2"].set_value(0)
    sliders["minimax-m2"].set_value(100)
    next(b for b in page.button if b.label == "Apply").click().run()
    assert not page.exception and "set by hand" in page.title[0].value
    assert metrics(page)["Cost a year"] != before and metrics(page)["Cost a year"] in page.title[0].value.replace(
        "\\", ""
    )


def test_a_model_that_runs_in_two_places_has_one_line_with_both_its_shares():
    mix = [{"model": "gpt-5.2", "share": 0.6}, {"model": "gpt-5.2@cloud", "share": 0.3}, {"model": "m", "share": 0.1}]
    table = by_model(mix, {"gpt-5.2": Reliability(10, 0.1, None, None), "old": Reliability(5, 0.0, None, None)})
    assert dict(zip(table["model"], table["share"], strict=True)) == pytest.approx({"gpt-5.2": 0.9, "m": 0.1, "old": 0})
    assert table["attempts"].fillna(0).tolist() == [10, 0, 5]


def test_shares_that_do_not_sum_to_one_are_refused_until_normalised(log):
    page = opened("mix", window="All")
    next(s for s in page.slider if s.label == "minimax-m2").set_value(60)
    next(b for b in page.button if b.label == "Apply").click().run()
    assert any("not to 1" in e.value for e in page.error)
    next(b for b in page.button if b.label == "Normalise and apply").click().run()
    assert not page.error


def test_promises_typed_wrongly_are_one_sentence(log):
    page = opened("mix", window="All")
    before = metrics(page)["Work that moves"]
    page.text_input(key="min_share").set_value("OpenAI=100").run()
    assert not page.exception and metrics(page)["Work that moves"] != before
    page.text_input(key="min_share").set_value("").run()
    page.text_input(key="origin_cap").set_value("US=0").run()
    assert not page.exception and metrics(page)["Work that moves"] != before
    page.text_input(key="capacity").set_value("gpt-5.2=many").run()
    assert not page.exception and "write name=number" in page.error[0].value.replace("\\", "")


def test_a_floor_that_nobody_typed_is_todays_on_the_scale_asked_about(log, state):
    said = {"tier": "measured", "source": "a run", "date": "2026-11-01"}
    scores = [{"scale": "ours", "value": 0.7, **said}, {"scale": "theirs", "value": 0.5, **said}]
    for model in ("gpt-5.2", "minimax-m2"):
        save_edit(state, model, {"quality": scores})
    page = opened("mix", window="All")
    for scale, floor in (("ours", 70.0), ("theirs", 50.0), ("ours", 70.0)):
        page.selectbox(key="scale").set_value(scale).run()
        assert page.number_input(key="floor").value == floor
        assert "(measured)" in page.title[0].value.replace("\\", "")
    page.number_input(key="floor").set_value(60.0).run()
    page.selectbox(key="scale").set_value("theirs").run()
    assert page.number_input(key="floor").value == 60.0  # what somebody typed stays
    page.selectbox(key="scale").set_value("stated").run()  # of models this log does not have
    assert not page.exception and "no quality scale" in page.info[0].value


def test_title_and_tiles_say_the_same_and_the_range_follows_its_sliders(log):
    page = opened("mix", window="All")
    cost = metrics(page)["Cost a year"]
    assert cost in page.title[0].value.replace("\\", "")
    assert any("Mean latency" in c.value for c in page.caption)
    saving = next(m for m in page.metric if m.label == "Saving a year")
    page.slider(key="tokenizer").set_value((1.0, 2.0)).run()
    assert not page.exception and metrics(page)["Cost a year"] == cost
    assert next(m for m in page.metric if m.label == "Saving a year").delta != saving.delta


def test_a_scenario_is_saved_and_compared(home):
    page = opened("mix")
    next(i for i in page.text_input if i.label == "Save this scenario as").set_value("board, March")
    next(b for b in page.button if b.label == "Save scenario").click().run()
    again = opened("mix", mode="Saved")
    assert "2 scenarios" in again.title[0].value


def test_the_routing_page_prices_the_compliance_question(log):
    page = opened("policy_replay", window="All")
    assert "no Chinese models over an API" in page.title[0].value.replace("\\", "")
    assert metrics(page)["Refused requests"] == "0"
    text = " ".join(m.value for m in page.markdown)
    assert "stated" in text and "origin CN" not in text.split("Quality")[0]


def test_own_machines_cost_nothing_known_until_they_have_a_price(log, state):
    page = opened("policy_replay", window="All", policy="Chinese models self-hosted for customer data")
    assert "10 requests to a model without a price yet" in page.title[0].value
    page.number_input(key="own_minimax-m2").set_value(0.2).run()
    assert not page.exception and "less" in page.title[0].value


def test_a_saved_policy_is_found_by_link(log, state):
    state.put("policy", "mine", {"name": "mine", "rules": [{"when": {}, "use": "gpt-5-mini"}]})
    page = opened("policy_replay", window="All", policy="mine")
    assert "mine" in page.title[0].value and "less" in page.title[0].value


def test_a_policy_is_edited_as_yaml_and_saved(log, state):
    page = opened("policy_replay", window="All")
    page.text_area(key=YAML).set_value("name: mine\nrules: [{when: {}, use: gpt-5-mini}]")
    page.button(key="apply_yaml").click().run()
    assert "mine" in page.title[0].value and "less" in page.title[0].value
    page.button(key="save_policy").click().run()
    assert not page.exception and "gpt-5-mini" in str(state.all("policy"))


def test_a_wrong_policy_names_its_line(log):
    page = opened("policy_replay", window="All")
    page.text_area(key=YAML).set_value("name: x\nrules:\n  - when: {task_type: codng}\n    use: a\n")
    page.button(key="apply_yaml").click().run()
    assert any("line 3" in e.value and "codng" in e.value for e in page.error)


def test_the_new_model_page_decides_with_reasons_clock_and_letter(log):
    page = opened("new_model", window="All")
    assert page.title[0].value.replace("\\", "").startswith(("Skip claude-opus-4-6", "Evaluate claude-opus-4-6"))
    assert "Subject: claude-opus-4-6" in page.code[0].value
    next(n for n in page.number_input if n.label == "Its cost a year on the same tokens").set_value(0.01)
    next(n for n in page.number_input if n.label == "Own tasks behind these scores").set_value(100).run()
    assert page.title[0].value.replace("\\", "").startswith("Evaluate claude-opus-4-6") and len(page.checkbox) >= 7


def test_the_briefs_new_model_is_evaluated_kept_and_compared(home, state):
    page = opened("new_model", mode="Typed in")
    title = page.title[0].value.replace("\\", "")
    assert title.startswith("Evaluate") and "+3.0%" in title and "$85.0K a year less" in title
    assert metrics(page)["Capability"] == "+3.0%" and any("Subject:" in c.value for c in page.code)
    page.text_area(key="area_Example: Claude Opus 4.6 is out").set_value(
        page.text_area(key="area_Example: Claude Opus 4.6 is out").value.replace("315000", "500000")
    )
    next(b for b in page.button if b.label == "Apply the scenario").click().run()
    assert not page.exception and page.title[0].value.startswith("Skip")
    next(i for i in page.text_input if i.label == "Save this scenario as").set_value("dear one")
    next(b for b in page.button if b.label == "Save scenario").click().run()
    assert "1 to skip, 1 to evaluate" in opened("new_model", mode="Saved").title[0].value
    assert opened("new_model", mode="Typed in", start_from="dear one").title[0].value.startswith("Skip")


@pytest.mark.parametrize(
    "link",
    [
        {"start_from": "The brief: Claude Opus 4.6 is out"},
        {"with": '{"start_from": "The brief: Claude Opus 4.6 is out"}'},
    ],
)
def test_a_link_of_an_earlier_version_finds_its_example(link):
    page = opened("new_model", mode="Typed in", **link)
    assert page.selectbox(key="start_from").value == "Example: Claude Opus 4.6 is out"
    assert not [w for w in page.warning if "brief" in w.value]


def test_a_name_that_another_kind_of_scenario_has_is_refused(home, state):
    state.put("scenario", "mine", {"kind": "breakeven", "name": "mine"})
    page = opened("mix")
    next(i for i in page.text_input if i.label == "Save this scenario as").set_value("mine")
    next(b for b in page.button if b.label == "Save scenario").click().run()
    assert "scenario of another kind" in page.error[0].value and state.get("scenario", "mine")["kind"] == "breakeven"


def test_model_mix_opens_under_the_policy_in_force_and_says_what_breaks_it(log, state):
    name = "no Chinese models over an API for customer data"
    shipped = opened("mix", window="All")
    assert shipped.selectbox(key="constraints").value == "the constraints that ship with Baton"
    assert any("break “the constraints that ship with Baton”" in w.value for w in shipped.warning)
    free = opened("mix", window="All", constraints="no constraints").title[0].value
    mark(state, name, "Legal")
    page = opened("mix", window="All")
    assert page.selectbox(key="constraints").value == name
    assert any("break “" + name in w.value and "today's mix is not allowed" in w.value for w in page.warning)
    assert not any("cannot become" in e.value for e in page.error)
    page = opened("mix", window="All", constraints="no constraints")
    broken = [e.value for e in page.error if "cannot become a routing policy" in e.value]
    assert not broken or "Legal may lift it" in broken[0]
    assert page.title[0].value == free
    wish = {s.label: s for s in page.slider}
    wish["gpt-5.2"].set_value(0)
    wish["minimax-m2"].set_value(100)
    next(b for b in page.button if b.label == "Apply").click().run()
    assert any("This mix breaks" in e.value and "Legal may lift it" in e.value for e in page.error)
    mark(state, None)
    assert opened("mix", window="All").title[0].value == shipped.title[0].value


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("pipeline", {}),
        ("mix", {"mode": "Typed in"}),
        ("mix", {"mode": "Saved"}),
        ("new_model", {"mode": "Typed in"}),
        ("new_model", {"mode": "Saved"}),
        ("self_host", {"source": "Typed cost and saving"}),
    ],
)
def test_an_answer_without_a_log_behind_it_says_so(log, name, params):
    badges = [m.value for m in opened(name, **params).markdown if "-badge[" in m.value]
    assert any("Stated figures, not your data" in badge for badge in badges), badges
    assert not any("Sample company" in badge for badge in badges)


def test_every_rule_in_force_is_named_and_priced_and_the_title_is_what_all_cost(log, state):
    page, governance = opened("mix", window="All"), opened("governance")
    said = [m.value.replace("\\", "") for m in page.markdown]
    for rule in map(words, shipped_constraints().constraints):
        assert any(f"only the rule that {rule}" in text for text in said), rule
        assert any(rule in m.value.replace("\\", "") for m in governance.markdown), rule
    together = next(text for text in said if "Lifting both rules together" in text)
    plain = page.title[0].value.replace("\\", "")
    if "without “" not in plain:
        assert "saves nothing" in together
    else:
        allowed, free = (float(usd.replace(",", "")) for usd in re.findall(r"\$([\d,.]+)(?![\d.,]*K)", plain)[:2])
        saved = float(re.search(r"\$([\d,.]+) a year", together)[1].replace(",", ""))
        assert saved == pytest.approx(allowed - free, abs=0.02)


def test_a_mix_is_saved_as_rules_and_opens_in_routing(log, state, monkeypatch):
    went: list[tuple[str, dict]] = []
    monkeypatch.setattr(st, "switch_page", lambda page, query_params=None: went.append((page, query_params)))
    page = opened("mix", window="All", models="deepseek-v3.2")
    page.toggle(key="as_rules").set_value(True).run()
    assert any("rule" in m.value and "say" in m.value and "the mix" in m.value for m in page.markdown)
    page.text_input(key="policy_of_mix").set_value("my mix")
    page.button(key="save_rules").click().run()
    assert not page.exception and went[0][0] == "pages/policy_replay.py" and went[0][1]["policy"] == "my mix"
    saved = known_policies(state)["my mix"]
    assert saved.rules and saved.constraints == shipped_constraints().constraints
    routing = opened("policy_replay", window="All", policy="my mix")
    assert routing.selectbox(key="policy_name").value == "my mix"
    assert metrics(routing)["Refused requests"] == "0"
    state.put("policy", "taken", {"name": "taken", "fallback": ["current"]})
    page.text_input(key="policy_of_mix").set_value("taken")
    page.button(key="save_rules").click().run()
    assert "another policy" in page.error[0].value and len(went) == 1
