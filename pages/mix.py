"""Model mix: can we halve the bill without losing quality?"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from analytics.promises.promise_offer import Offer
from analytics.scope import Scope
from data.errors import BadInput, NoData, Refused
from data.ledger import Ledger
from data.state import State
from data.version import provenance
from pages.parts.mix import controls as mix_controls
from pages.parts.mix import frontier as mix_frontier
from pages.parts.mix import policy_kept
from pages.parts.mix import reliability as mix_reliability
from pages.parts.mix import result as mix_result
from pages.parts.mix.controls import MixQuestion
from pages.parts.mix.log_mix import by_hand, cache_note, halving, notes, offer, prices
from pages.parts.mix.rules import as_rules
from pages.ui import exports, filters, place, promising, recording, scenarios, shell, what_if
from pages.ui import format as fmt
from routing.policies import in_force
from routing.policies.saved_policies import known_policies
from simulations.decisions import drafts
from simulations.decisions.record import Draft
from simulations.mixes.as_policy import Compiled, as_policy
from simulations.mixes.caches import MixCaches, charge_lost_caches, first_caches, mix_caches
from simulations.mixes.from_log import log_scenario, with_shares
from simulations.mixes.frontier import Frontier, frontier
from simulations.mixes.mix import MixScenario, normalise_shares, simulate_mix
from simulations.mixes.optimise import Demands, Infeasible, Solution, mean_quality, total_cost
from simulations.mixes.problem_from_log import Programme, programme
from simulations.mixes.shadow_prices import why_not
from simulations.mixes.strays import settle, stray_words
from simulations.ranges import Assumptions
from simulations.replay.answered import slower
from simulations.scenario import read_scenario, saved_scenarios

QUESTION = "Can we halve the bill without losing quality?"
CHEAPEST, TODAY = "The cheapest mix that keeps the promises", "Today's mix"
BRIEF = "Example: the CTO's question"
MIX_READS = (*what_if.PRICED, "policy", "in_force")


@shell.cached(reads=MIX_READS)
def log_programme(view: Ledger, state: State, scope: Scope, question: MixQuestion) -> Programme:
    held, market = in_force.policy_for_advice(state), what_if.market(view, state, scope)
    known = {held.name: held} | known_policies(state)
    constraints = None if question.policy == mix_controls.NO_POLICY else known[question.policy]
    return programme(view, scope, market, question.targets, policy=constraints, held=held, scale=question.scale)


@shell.cached(reads=MIX_READS)
def sweep(view: Ledger, state: State, scope: Scope, question: MixQuestion, demands: Demands) -> Frontier:
    made = log_programme(view, scope, question)
    return charge_lost_caches(view, made, frontier(made.problem, demands, 40), what_if.market(view, state, scope))


@shell.cached(reads=MIX_READS)
def caches(view: Ledger, state: State, scope: Scope, question: MixQuestion, shares: np.ndarray) -> MixCaches:
    return mix_caches(view, log_programme(view, scope, question), shares, what_if.market(view, state, scope))


@shell.cached(reads=MIX_READS)
def caches_at_first(
    view: Ledger, state: State, scope: Scope, question: MixQuestion, demands: Demands
) -> dict[bytes, MixCaches]:
    return first_caches(view, log_programme(view, scope, question), demands, what_if.market(view, state, scope))


def caches_of(view: Ledger, scope: Scope, question: MixQuestion, demands: Demands, mix: np.ndarray) -> MixCaches:
    return caches_at_first(view, scope, question, demands).get(mix.tobytes()) or caches(view, scope, question, mix)


@shell.cached(reads=MIX_READS)
def rules_of(
    view: Ledger, state: State, scope: Scope, question: MixQuestion, shares: np.ndarray, most: int | None
) -> Compiled:
    return as_policy(log_programme(view, scope, question), shares, what_if.catalog(state), "mix", most)


def choices(view: Ledger, scope: Scope, title: Any, top: Any) -> tuple[Programme, MixQuestion, Demands, Assumptions]:
    """What the mix is made of (models, policy, scale), what it must keep, and what nobody knows yet."""
    with st.expander("Models, constraints and promises", icon=":material/rule:"):
        question = mix_controls.models_to_consider()
        try:
            made = log_programme(view, scope, question)
        except (NoData, BadInput) as reason:
            with title:
                shell.header(QUESTION, view)
            way = " The typed figures above need no log." if isinstance(reason, NoData) else ""
            top.info(fmt.md(f"{reason}{way}"), icon=":material/info:")
            place.stop()
        demands = mix_controls.promises(made, what_if.reliability_by_model(view, made.scope))
    with st.expander("What nobody knows yet: tokenizer, cache, growth, quality", icon=":material/casino:"):
        return made, question, demands, mix_controls.unknowns()


def from_log(view: Ledger, title: Any) -> None:
    """The frontier of the logged work, a mix chosen on it or by hand, and what it does."""
    scope = filters.scope_bar(view, default="12m")
    top = st.container()  # the answer stands above the choices that made it
    made, question, demands, assumed = choices(view, scope, title, top)
    policy, tier = question.policy, made.scale.tier if made.scale else "cost_only"
    today = (total_cost(made.problem, made.current_shares), mean_quality(made.problem, made.current_shares))

    swept = partial(frontier_of, view, scope, question, demands.model_copy(update={"quality_floor": None}))
    caches_lost = partial(caches_of, view, scope, question, demands)

    def cache_usd(mix: np.ndarray) -> float:
        return caches_lost(mix).usd

    answer, solved = cheapest(made, demands, cache_usd, top)
    shares, origin = chosen_shares(made, swept, solved and solved.shares)
    market = what_if.market(view, shell.state(), scope)
    lost = caches_lost(shares)
    source = f"{provenance(view.snapshot())}, {fmt.days(scope.start, scope.last)}"
    result = log_scenario(made, shares, market, origin, source, assumed, lost.lost_usd)
    shown = simulate_mix(result, market.catalog)
    with title:
        told = f"{origin}: {mix_result.sentence(shown)}"
        if is_the_ctos(origin, demands, today[1]):
            both = policy_kept.both_answers(made, demands, answer, today[0], policy, cache_usd)
            without = policy_kept.and_without(made, demands, answer, policy, cache_usd)
            told = both or halving(swept()[0], answer, *today, tier) + without
        wait = slower(shown["baseline"]["latency_ms"], shown["proposed"]["latency_ms"], brief=True)
        shell.header(f"{told}; {wait}" if wait else told, view)
    with top:
        broken = policy_kept.banner(made, shares, policy)
        mix_result.kpis(shown, tier)
        cache_note(lost)
        draw_frontier(view, made, swept, today, shown, tier)
    prices(made, demands, solved, cache_usd)
    mix_result.body(shown, tier=tier, key="log")
    mix_reliability.show(view, made.scope, shown)
    by_hand(made, shares)
    notes(made)
    mix_result.take_away(
        result,
        shown,
        f"Data version {view.snapshot()}, prices of {market.at:%Y-%m-%d}, {fmt.days(scope.start, scope.last)}",
        key="log",
    )
    if not broken:
        as_rules(scope, lambda most: rules_of(view, scope, question, shares, most))
    offers = [] if origin == TODAY else [offer(made, shown, origin)]
    ways_on(view, scope, broken, offers, lambda on: drafts.of_mix(shown, told, QUESTION, tier, on, swept()[0]))


def is_the_ctos(origin: str, demands: Demands, quality: float | None) -> bool:
    """Whether the CTO's own question is asked: the least dollars at today's quality."""
    return origin in (CHEAPEST, TODAY) and demands.quality_floor == (quality and quality - 1e-9)


def draw_frontier(
    view: Ledger,
    made: Programme,
    swept: Callable[[], tuple[Frontier | None, str]],
    today: tuple[float, float | None],
    shown: dict[str, Any],
    tier: str,
) -> None:
    """The frontier, or why there is none."""
    line, no_line = swept()
    if line:
        mix_frontier.show(line, today, shown, tier, what_if.reliability_by_model(view, made.scope))
    else:
        st.info(fmt.md(f"{no_line} Costs are known all the same: set a mix by hand below."), icon=":material/info:")


def cheapest(
    made: Programme, demands: Demands, cache_usd: Callable[[np.ndarray], float], top: Any
) -> tuple[Solution | Infeasible, Solution | None]:
    """The cheapest mix that keeps the promises, with what its caches cost; and as solved, where it is an advice."""
    answer, strays = settle(made.problem, demands)
    if isinstance(answer, Infeasible):
        for sentence in why_not(made.problem, demands, answer):
            top.warning(fmt.md(f"No mix keeps every promise: {sentence}."), icon=":material/block:")
        return answer, None
    for stray in strays:
        top.caption(fmt.md(f"{stray_words(stray)}."))
    priced = answer._replace(cost_usd=answer.cost_usd + cache_usd(answer.shares))
    return priced, None if answer.quality is None else answer  # without a quality, cheapest is no advice


def ways_on(
    view: Ledger, scope: Scope, broken: bool, offers: list[Offer], draft: Callable[[drafts.Ground], Draft]
) -> None:
    """Where the mix leads; one that breaks the policy in force is promised to nobody and becomes no routing policy."""
    with st.container(horizontal=True, vertical_alignment="center"):
        recording.record_button(lambda: draft(recording.ground(view, "mix", scope, keeps=not broken)), key="mix")
        if offers and not broken:
            promising.promise_button(view, lambda: offers, key="mix")
        filters.link("pages/self_host.py", "Price own machines", ":material/dns:", scope)
        shell.snapshot_link(view)


def chosen_shares(
    made: Programme, swept: Callable[[], tuple[Frontier | None, str]], optimum: np.ndarray | None
) -> tuple[np.ndarray, str]:
    """The mix to show: by hand, else the point clicked on the frontier, else the cheapest that keeps the promises."""
    wish = st.session_state.get("mix_wish")
    if wish:
        try:
            return with_shares(made, wish[""], {k: v for k, v in wish.items() if k}), "The mix set by hand"
        except BadInput as error:
            st.error(fmt.md(str(error)), icon=":material/error:")
    picked = st.session_state.get("frontier", {}).get("selection", {}).get("points", [])
    line = swept()[0] if picked and picked[0].get("customdata") else None
    if line:
        point = line.points[min(picked[0]["point_index"], len(line.points) - 1)]
        return point.by_segment, f"The mix for a quality of {fmt.quality(point.quality)}"
    return (made.current_shares, TODAY) if optimum is None else (optimum, CHEAPEST)


def frontier_of(view: Ledger, scope: Scope, question: MixQuestion, demands: Demands) -> tuple[Frontier | None, str]:
    """The frontier, or None and why there is none.

    It is the slowest part of the page: the answer does not wait for it where it can stand without.
    """
    try:
        return sweep(view, scope, question, demands), ""
    except Refused as reason:
        return None, str(reason)


def from_figures(view: Ledger, title: Any) -> None:
    """A scenario with typed figures: the CTO's question of the brief to start from."""
    name, scenario = scenarios.start(MixScenario, {BRIEF: "cto_question"})
    result = simulate_mix(scenario, what_if.catalog(shell.state()))
    told, tier = f"{scenario.name} {mix_result.sentence(result)}", result["proposed"]["quality_tier"]
    with title:
        shell.header(told, view, stated=True)
    mix_result.kpis(result, tier)
    mix_result.body(result, tier=tier, key="typed")
    scenarios.figures(MixScenario, name, scenario, ("Normalise shares and apply", normalise_shares))
    mix_result.take_away(scenario, result, scenario.source, key="typed")
    recording.record_button(
        lambda: drafts.of_mix(result, told, QUESTION, tier, recording.ground(view, "mix", None)), key="mix_typed"
    )


def side_by_side(view: Ledger, title: Any) -> None:
    """Saved scenarios in one table."""
    known = {BRIEF: read_scenario("cto_question", MixScenario, "mix")} | saved_scenarios(MixScenario).all(shell.state())
    results = {name: simulate_mix(one, what_if.catalog(shell.state())) for name, one in known.items()}
    table = pd.DataFrame(
        [
            {
                "scenario": name,
                "today": r["baseline"]["annual_cost_usd"],
                "proposed": r["proposed"]["annual_cost_usd"],
                "saving": r["savings_usd"],
                "low": r["ranges"]["savings_usd"]["p10"],
                "high": r["ranges"]["savings_usd"]["p90"],
                "quality": r["proposed"]["quality"],
                "moves": r["moved_share"],
            }
            for name, r in results.items()
        ]
    )
    best = table.loc[table["saving"].idxmax()]
    with title:
        shell.header(
            f"{len(table)} scenario{'s' * (len(table) > 1)}; “{best['scenario']}” saves most, "
            f"{fmt.usd_short(best['saving'])} a year",
            view,
            stated=list(known) == [BRIEF],
        )
    units = dict.fromkeys(("today", "proposed", "saving", "low", "high"), "USD") | {
        "quality": "share",
        "moves": "share",
    }
    labels = {
        "scenario": "Scenario",
        "today": "Today",
        "proposed": "Proposed",
        "saving": "Saving",
        "low": "P10",
        "high": "P90",
        "quality": "Quality",
        "moves": "Moves",
    }
    exports.table(table, name="scenarios", units=units, labels=labels)
    scenarios.forget(MixScenario)


view = shell.view()
title = st.container()
mode = scenarios.mode_of(shell.standing(view) is not None)
if mode == scenarios.LOG:
    shell.needs_data(view, QUESTION)
{scenarios.LOG: from_log, scenarios.TYPED: from_figures, scenarios.SAVED: side_by_side}[mode](view, title)
