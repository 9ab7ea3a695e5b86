"""A decision record: frozen facts, signatures of those facts, editions of the same facts; and the sealed pack."""

from __future__ import annotations

import re
from datetime import date

import numpy as np
import pytest

from data.errors import BadInput, Refused
from data.facts.models import current
from data.people import Person, acting_as
from data.state import State
from routing.policies import in_force, in_words
from routing.policies.saved_policies import POLICIES
from routing.policies.text import examples, read_policy
from simulations.decisions import drafts, editions, handover
from simulations.decisions.diagram import diagram
from simulations.decisions.record import (
    DECISIONS,
    Alternative,
    Draft,
    Fact,
    Risk,
    due,
    holding,
    newest_first,
    record,
    sign,
)
from simulations.mixes.frontier import Frontier, Point
from simulations.mixes.mix import MixScenario, simulate_mix
from simulations.scenario import read_scenario
from tests.stores import new_ledger

HOSTILE = '<script>x=1</script> [a](http://evil.test) =1+1 | "q" & ‮'
DRAFT = Draft(
    kind="mix",
    question="Can we halve the bill?",
    answer=f"$1 less {HOSTILE}",
    page="mix",
    data_version=3,
    days="1 to 28 Nov 2026",
    coverage="28 of 28 days covered",
    facts=tuple(
        Fact(section=name, label=f"of {name} {HOSTILE}", value="7", tier="stated")
        for name in ("money", "quality", "speed", "work", "exposure", "operation")
    ),
    alternatives=(Alternative(name="stay", told="$2"),),
    risks=(Risk(text=f"It may fail {HOSTILE}", owner="Ada"),),
    compliance=("no CN over an API",),
    assumptions=("tokens equal",),
)


@pytest.fixture
def state(tmp_path):
    return State.open(tmp_path)


def person(name):
    return acting_as(Person(name, "operator"))


def test_a_record_is_approved_by_one_or_by_two_who_did_not_ask(state):
    with person("Ada"):
        record(state, DRAFT, "one")
        record(state, DRAFT, "two", approvers=2)
        assert sign(state, "one", "approved").standing == "approved"
        with pytest.raises(Refused, match="none of them"):
            sign(state, "two", "approved")
    with person("ADA "), pytest.raises(Refused, match="none of them"):
        sign(state, "two", "approved")
    with person("Bob"):
        assert sign(state, "two", "approved").standing == "open"
        with pytest.raises(Refused, match="Bob has signed"):
            sign(state, "two", "approved")
    with person("bob"), pytest.raises(Refused, match="bob has signed"):
        sign(state, "two", "approved")
    with person("Cleo"):
        assert sign(state, "two", "approved", "seen").standing == "approved"
        with pytest.raises(Refused, match="approved already"):
            sign(state, "two", "rejected", "late")
    trail = [entry.detail for entry in state.audit() if entry.event == "save decision"]
    assert any("Cleo approved" in str(detail) for detail in trail) or "Cleo approved" in str(state.audit())


def test_a_rejection_needs_its_reason_and_ends_it(state):
    record(state, DRAFT, "one", approvers=2)
    with pytest.raises(BadInput, match="say it in 400"):
        sign(state, "one", "approved", "r" * 401)
    with pytest.raises(BadInput, match="needs its reason"):
        sign(state, "one", "rejected", "  ")
    assert sign(state, "one", "rejected", "too dear").standing == "rejected"


def test_a_signature_given_to_other_facts_does_not_count(state):
    record(state, DRAFT, "one")
    signed = sign(state, "one", "approved")
    changed = signed.model_copy(update={"told": DRAFT.model_copy(update={"answer": "$2 less"})})
    assert (signed.standing, changed.standing) == ("approved", "open")
    assert "does not count" in " ".join(editions.signature_lines(changed))


def test_a_name_is_taken_once_and_what_is_replaced_must_be_there(state):
    record(state, DRAFT, "one", review_on=date(2026, 12, 1))
    with pytest.raises(BadInput):
        record(state, DRAFT, "one")
    with pytest.raises(BadInput, match="no decision 'nine'"):
        record(state, DRAFT, "two", replaces="nine")
    assert [one.name for one in due(newest_first(state), date(2026, 12, 1))] == ["one"]
    assert due(newest_first(state), date(2026, 11, 30)) == []
    record(state, DRAFT, "two", replaces="one")
    assert [one.name for one in due(newest_first(state), date(2027, 1, 1))] == ["one"], "until the new one is approved"
    sign(state, "two", "approved")
    assert due(newest_first(state), date(2027, 1, 1)) == []
    record(state, DRAFT, "three", replaces="two", review_on=date(2026, 12, 1))
    sign(state, "three", "rejected", "no")
    assert "two" in {one.name for one in holding(newest_first(state))}
    assert due(newest_first(state), date(2027, 1, 1)) == []


@pytest.mark.parametrize("edition", editions.EDITIONS)
def test_editions_choose_among_the_same_facts_and_add_none(state, edition):
    made = record(state, DRAFT, f"n {HOSTILE}"[:190])
    page, text = editions.html(made, edition), editions.markdown(made, edition)
    chosen = editions.EDITIONS[edition]
    for fact in DRAFT.facts:
        assert (f"of {fact.section}" in page) is (f"of {fact.section}" in text) is (fact.section in chosen.sections)
    assert ("tokens equal" in page) is chosen.assumptions and ("no CN over an API" in page) is chosen.compliance
    assert ("stay" in text) is chosen.alternatives
    assert "It may fail" in page and "Ada" in text and made.digest in page
    assert "<script>" not in page and "http://" not in page and not re.search(r"(?<!\\)\[a\]", text)


def test_the_brief_s_mix_brings_its_own_figures(state):
    shown = simulate_mix(read_scenario("cto_question", MixScenario, "mix"), current(state))
    made = drafts.of_mix(shown, "an answer", "a question", "stated", drafts.Ground("mix", 1))
    values = {fact.label: fact.value for fact in made.facts}
    assert values["Cost a year today"] == "$600,000" and values["Cost a year of this mix"].startswith("$")
    saved = shown["baseline"]["annual_cost_usd"] - shown["proposed"]["annual_cost_usd"]
    assert values["Saving a year"].startswith(f"${saved:,.0f} (P10 ")
    assert all(line.strip() for line in made.assumptions) and made.risks
    # What nobody logged or typed is told as simulated, never as from the log.
    assert {fact.label for fact in made.facts if not fact.tier} == {"Cost a year today", "Mean latency today"}
    (today,) = made.alternatives
    assert today.name == "stay as today" and today.told.startswith("$600,000 a year, quality ")


def test_a_mix_of_the_log_brings_what_else_its_frontier_offers(state):
    shown = simulate_mix(read_scenario("cto_question", MixScenario, "mix"), current(state))
    usd, quality = shown["proposed"]["annual_cost_usd"], shown["proposed"]["quality"]
    ends = [Point(0.5, 1000.0, 0.5, {}, np.ones((1, 1))), Point(0.9, usd, quality, {}, np.ones((1, 1)))]
    line = Frontier(ends, {"a": (900.5, 0.4), "b": (2000.0, 0.6)}, "b", [], [], (usd, 0.9))
    made = drafts.of_mix(shown, "an answer", "a question", "stated", drafts.Ground("mix", 1), line)
    ways = {way.name: way.told for way in made.alternatives}
    # The end of the frontier that was chosen is no alternative to itself.
    assert list(ways) == ["stay as today", "a for everything", "b for everything", "the cheapest mix"]
    assert ways["a for everything"] == "$900.50 a year, quality 40.00%" and "$1,000" in ways["the cheapest mix"]


def test_a_policy_is_drawn_with_every_rule_and_without_markup():
    for policy in examples().values():
        drawn = diagram(policy)
        rows = len(policy.rules) + bool(policy.fallback)
        assert drawn.count("<path") == 2 * rows
    hostile = read_policy('name: x\nrules:\n  - when: {team: ["<b>&"]}\n    use: gpt-5.2\n')
    assert "<b>" not in diagram(hostile) and "&lt;b&gt;&amp;" in diagram(hostile)


def test_a_run_is_told_by_the_clock():
    policy = read_policy(
        """
name: overnight
rules: [{when: {}, use: a}]
fallback: [a, b]
limits: {checkpoints: [0h, 8h, 40h, 50%], max_minutes: 1800, max_usd: 25, approvers: 2}
guardrails: {forbidden_actions: [delete data], block_pii: true}
"""
    )
    assert in_words.run_by_the_clock(policy) == [
        "before it begins: 2 people must approve the plan",
        "8 h: nothing new begins until 2 people approve going on",
        "30 h: it stops, whatever is left",
        "at 50% of the tasks: nothing new begins until 2 people approve going on",
        "at $25.00: no call leaves that could take it above",
    ]
    assert in_words.when_models_fail(policy)[0] == "a does not answer: asked again, up to 3 calls in all, then b"
    assert [line.split(":")[0] for line in in_words.rails(policy)][0] == "forbids the actions"


def test_the_pack_is_sealed_and_a_changed_one_is_found(tmp_path):
    ledger, state = new_ledger(tmp_path), State.open(tmp_path)
    with pytest.raises(BadInput, match="No policy is in force"):
        handover.handover(ledger.at(ledger.snapshot()), state)
    POLICIES.save(state, "ours", examples()["no_chinese_api"].model_copy(update={"name": "ours"}))
    in_force.mark(state, "ours", "Legal")
    record(state, DRAFT, "one")
    text = handover.handover(ledger.at(ledger.snapshot()), state)
    assert len(handover.verify_seal(text)) == 64
    assert "Legal may lift" in text and "No log is loaded" in text and "It may fail" in text and "<script>" not in text
    with pytest.raises(BadInput, match="changed after it was sealed"):
        handover.verify_seal(text.replace("Legal", "Nobody"))
    with pytest.raises(BadInput, match="more than one seal"):
        handover.verify_seal(
            text.replace("</body>", f'<p class="soft" id="seal">Seal: sha256 {"0" * 64}.</p>\n</body>')
        )
    with pytest.raises(BadInput, match="no seal"):
        handover.verify_seal("<html></html>")
    with pytest.raises(BadInput, match="no policy"):
        handover.handover(ledger.at(ledger.snapshot()), state, "theirs")
    ledger.close()


def test_a_stored_record_reads_back_as_it_was_signed(state):
    record(state, DRAFT, "one")
    signed = sign(state, "one", "approved")
    again = DECISIONS.find(State.open(state.path.parent), "one")
    assert again == signed and again.digest == signed.digest
