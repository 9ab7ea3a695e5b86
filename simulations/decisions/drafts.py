"""What each answer of Baton brings to a decision record: its own figures, in its own words, and nothing else.

`answer` is the title of the page or the sentence of the command; `ground` holds what every draft takes from the store.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from analytics.budgets.plan import Plan
from data import wording
from data.state import State
from routing.policies import in_force
from routing.policies.policy import Policy
from simulations.decisions.alternatives import beside_mix, way_words
from simulations.decisions.record import Alternative, Draft, Fact, Kind, Risk
from simulations.hosting.assumptions import figure, in_words
from simulations.mixes.board_page import assumption_lines
from simulations.mixes.constraint_words import words as rule_words
from simulations.mixes.frontier import Frontier
from simulations.replay.worth import Worth

OPTIONS = {"api": "the API", "host": "a host", "rented": "rented GPUs", "bought": "bought GPUs"}
MOST_DECISIVE = 5  # assumptions of a break-even that a record holds; the scenario file has them all
TIERS = {"cost_only": "cost only"}
SIMULATED = "simulated"  # what was not logged is never told as if it were


class Ground(NamedTuple):
    """What a draft of any kind takes from where it was made: data version, days of the log, how far it reaches."""

    page: str
    data_version: int
    days: str = ""
    coverage: str = ""
    compliance: tuple[str, ...] = ()


def compliance(state: State, keeps: bool | None = None) -> tuple[str, ...]:
    """The rules that advice keeps to, in words, and whether this answer does (`keeps`; None: not judged by them)."""
    held, marked = in_force.policy_for_advice(state), in_force.in_force(state) is not None
    kept = {None: "", True: " This answer keeps it.", False: " This answer breaks it."}[keeps]
    name = f"“{held.name}” is in force" if marked else f"No policy is in force; advice keeps to “{held.name}”"
    rules = [f"{rule_words(c)}{f', because {c.because}' if c.because else ''}" for c in held.constraints]
    who = in_force.who_may_lift(state)
    return (f"{name}.{kept}", *rules, *([f"{who} may lift it."] if who else []))


def of_mix(
    shown: dict[str, Any], answer: str, question: str, tier: str, ground: Ground, line: Frontier | None = None
) -> Draft:
    """A mix, from `mix.simulate_mix`; beside it what `line`, the frontier it was chosen on, offers."""
    before, after, ranges = shown["baseline"], shown["proposed"], shown["ranges"]
    spread, tier = ranges["savings_usd"], TIERS.get(tier, tier)
    facts = [
        _money("Cost a year today", before["annual_cost_usd"]),
        _money("Cost a year of this mix", after["annual_cost_usd"], SIMULATED),
        _saving("Saving a year", shown["savings_usd"], spread, ranges["chance_of_saving"]),
        Fact(section="quality", label="Quality today", value=wording.quality(before["quality"]), tier=tier),
        Fact(section="quality", label="Quality of this mix", value=wording.quality(after["quality"]), tier=tier),
        *_waits(before["latency_ms"], after["latency_ms"]),
        Fact(section="work", label="Work that moves", value=wording.share(shown["moved_share"]), tier=SIMULATED),
        *_by_model(before["models"], after["models"]),
        *_exposure(before, after),
    ]
    risks = [*shown["risks"], *_unknown_quality(after["quality"], tier)]
    lines = assumption_lines(shown["assumptions"])
    return _draft("mix", answer, question, ground, facts, beside_mix(shown, line), risks, lines)


def of_policy(said: dict[str, Any], found: Worth, policy: Policy, answer: str, question: str, ground: Ground) -> Draft:
    """A routing policy on the log, from `replay.summary` and what it is worth."""
    spread, tier = said["range"]["savings_usd"], TIERS.get(said["quality"]["tier"], said["quality"]["tier"])
    facts = [
        _money("As logged", said["logged_cost_usd"]),
        _money("Under the policy", said["policy_cost_usd"], SIMULATED),
        _saving("Saving over these days", said["savings_usd"], spread, said["range"]["chance_of_saving"]),
        Fact(section="quality", label="Today", value=wording.quality(said["quality"]["baseline"]), tier=tier),
        Fact(section="quality", label="Under the policy", value=wording.quality(said["quality"]["policy"]), tier=tier),
        Fact(section="quality", label="Is a router worth it", value=found.sentence, tier=SIMULATED),
        *_waits(said["latency"]["baseline_ms"], said["latency"]["policy_ms"]),
        Fact(section="work", label="Requests that move", value=wording.share(said["moved_share"]), tier=SIMULATED),
        Fact(section="work", label="Requests refused", value=wording.count(said["refused_requests"]), tier=SIMULATED),
        *(
            Fact(
                section="work",
                label=row["model"],
                value=f"{wording.count(row['logged_requests'])} requests as logged, "
                f"{wording.count(row['policy_requests'])} under the policy",
                tier=SIMULATED,
            )
            for row in said["by_model"]
        ),
    ]
    others = [
        Alternative(name=way.name, told=way_words(way.cost_usd, way.quality, way.latency_ms))
        for way in found.ways
        if way.kind != "policy"
    ]
    apart = [
        f"{wording.count_of(part['requests'], 'request')} in no total: {part['reason']}"
        for part in said["not_compared"]
    ]
    ending = [f"{target} {words}" for target, words in said["ending"].items()]
    risks = [*apart, *ending, *_unknown_quality(said["quality"]["policy"], tier)]
    draft = _draft("policy", answer, question, ground, facts, others, risks, said["assumptions"])
    return draft.model_copy(update={"policy": policy.name})


def of_hosting(result: dict[str, Any], answer: str, question: str, ground: Ground) -> Draft:
    """Own machines against the API, from `breakeven.simulate`."""
    chosen, months = result["options"][result["option"]], result["months"]
    never, payback = result["chance_never_pays_back"], result["payback_months"]
    spread = {name: result[name] for name in ("p10", "p50", "p90")}
    saved = result["options"]["api"]["total_usd"] - chosen["total_usd"]
    facts = [
        _money(f"{OPTIONS[result['option']].capitalize()} over {months} months", chosen["total_usd"], SIMULATED),
        _money(f"The API over {months} months", result["options"]["api"]["total_usd"], SIMULATED),
        _saving(f"Saving over {months} months", saved, spread, 1 - result["chance_of_loss"]),
        Fact(
            section="money",
            label="Payback",
            value=f"{'never' if payback is None else f'{payback:.1f} months'}; {wording.odds(never)} chance of never",
            tier=SIMULATED,
        ),
        _money("Net present value", result["npv_usd"], SIMULATED),
        Fact(section="operation", label="GPUs paid for", value=wording.count(chosen["gpus"]), tier=SIMULATED),
        Fact(section="operation", label="Of them in use", value=wording.share(chosen["utilisation"]), tier=SIMULATED),
    ]
    others = [
        Alternative(name=OPTIONS[name], told=f"{wording.usd(option['total_usd'])} over {months} months")
        for name, option in result["options"].items()
        if name != result["option"]
    ]
    decisive = {swing["name"] for swing in result["tornado"][:MOST_DECISIVE]}
    lines = [
        f"{in_words(a['name'])}: {figure(a['value'])} ({figure(a['low'])} to {figure(a['high'])}) {a['unit']}; "
        f"{a['source']}, {a['as_of']}"
        for a in result["assumptions"]
        if a["name"] in decisive
    ]
    risks = [*result["warnings"], result["measure_first"]]
    return _draft("self-host", answer, question, ground, facts, others, risks, lines)


def of_triage(result: dict[str, Any], answer: str, question: str, ground: Ground) -> Draft:
    """A new model, from `triage.triage`."""
    change = result["capability_delta"]
    facts = [
        _money("Cost a year today", result["current_annual_cost_usd"]),
        _money("Cost a year of the new model", result["candidate_annual_cost_usd"], SIMULATED),
        _money("Saving a year at equal tokens", result["projected_savings_usd"], SIMULATED),
        Fact(
            section="quality",
            label="Capability, new over current",
            value="unknown" if change is None else wording.share_change(change),
            tier=result["tier"],
        ),
        Fact(section="quality", label="Own samples", value=wording.count(result["samples"])),
    ]
    gates = [gate["reason"] for gate in result["gates"] if gate["gate"] != "compliance"]
    ground = ground._replace(
        compliance=(*ground.compliance, *(g["reason"] for g in result["gates"] if g["gate"] == "compliance"))
    )
    open_ = [gate["reason"] for gate in result["gates"] if gate["passed"] is not True]
    others = [Alternative(name="stay as today", told=f"{wording.usd(result['current_annual_cost_usd'])} a year")]
    return _draft("new model", answer, question, ground, facts, others, open_, gates)


def of_budget(
    plans: dict[str, Plan], budget_usd_month: float | None, moves: Iterable[str], answer: str, ground: Ground
) -> Draft:
    """A budget plan: the first of `plans` as it stands, the others as alternatives; `moves` says what moves it most."""
    (_, base), *others = plans.items()
    whole, count = base.whole, len(base.months)
    facts = [
        Fact(
            section="money",
            label=f"The {count} months from {whole.start:%b %Y}",
            value=wording.usd(whole.p50)
            if whole.p10 is None
            else f"P50 {wording.usd(whole.p50)}, P10 {wording.usd(whole.p10)}, P90 {wording.usd(whole.p90)}",
            tier="run rate" if whole.is_run_rate else "forecast",
        )
    ]
    if budget_usd_month:
        facts.append(_money("Budget for these months", budget_usd_month * count, "stated"))
        if whole.p10 is not None:
            odds = wording.odds(whole.chance_above(budget_usd_month * count))
            facts.append(Fact(section="money", label="Chance to exceed it", value=odds, tier="forecast"))
    alternatives = [
        Alternative(name=name, told=f"P50 {wording.usd(one.whole.p50)} for the same months") for name, one in others
    ]
    risks = [whole.note] if whole.note else []
    question = "What should the budget be?"
    return _draft("budget", answer, question, ground, facts, alternatives, risks, moves)


def of_run(found: dict[str, Any], question: str, ground: Ground) -> Draft:
    """A live run, from `results.summary`: policies on the same tasks."""
    facts = [Fact(section="money", label="Cost of the run", value=wording.usd(found["cost_usd"]), tier="measured")]
    for name, policy in found["by_policy"].items():
        span = f"{wording.share(policy['quality_low'])} to {wording.share(policy['quality_high'])}"
        good = "not graded" if policy["quality"] is None else f"{wording.share(policy['quality'])} (95%: {span})"
        failed = policy["failed"] + policy["refused"] + policy["blocked"]
        cost, wait = wording.usd(policy["cost_per_task_usd"]), wording.milliseconds(policy["latency_p50_ms"])
        facts += [
            Fact(section="quality", label=name, value=good, tier="measured"),
            Fact(section="money", label=f"{name}, a task", value=cost, tier="measured"),
            Fact(section="speed", label=f"{name}, median", value=wait, tier="measured"),
            Fact(section="work", label=f"{name}, not answered", value=wording.count(failed), tier="measured"),
        ]
    risks = [] if found["whole"] else [f"the run {found['status']}: {found['ended'] or 'not ended'}"]
    lines = [f"{one['a']} against {one['b']}: {one['words']}" for one in found["comparisons"]]
    lines += [one["words"] for one in found["preferences"]]
    return _draft("live run", found["verdict"], question, ground, facts, [], risks, lines)


def _draft(
    kind: Kind,
    answer: str,
    question: str,
    ground: Ground,
    facts: Iterable[Fact],
    alternatives: Iterable[Alternative],
    risks: Iterable[str],
    assumptions: Iterable[str],
) -> Draft:
    return Draft(
        kind=kind,
        question=question,
        answer=answer,
        **ground._asdict(),
        facts=tuple(facts),
        alternatives=tuple(alternatives),
        risks=tuple(Risk(text=_sentence(text)) for text in dict.fromkeys(risks)),
        assumptions=tuple(assumptions),
    )


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:400]


def _money(label: str, usd: Any, tier: str = "") -> Fact:
    return Fact(section="money", label=label, value=wording.usd(usd), tier=tier)


def _saving(label: str, usd: Any, spread: dict[str, float], chance: float) -> Fact:
    low, high = wording.usd(spread["p10"]), wording.usd(spread["p90"])
    value = f"{wording.usd(usd)} (P10 {low}, P90 {high}; {wording.odds(chance)} chance of any)"
    return Fact(section="money", label=label, value=value, tier=SIMULATED)


def _waits(before_ms: float | None, after_ms: float | None) -> list[Fact]:
    return [
        Fact(section="speed", label="Mean latency today", value=wording.milliseconds(before_ms)),
        Fact(section="speed", label="Mean latency after", value=wording.milliseconds(after_ms), tier=SIMULATED),
    ]


def _by_model(before: list[dict[str, Any]], after: list[dict[str, Any]]) -> list[Fact]:
    old, new = ({line["model"]: line["share"] for line in side} for side in (before, after))
    return [
        Fact(section="work", label=name, value=_moves(old.get(name, 0.0), new.get(name, 0.0)), tier=SIMULATED)
        for name in dict.fromkeys([*old, *new])
    ]


def _exposure(before: dict[str, Any], after: dict[str, Any]) -> list[Fact]:
    return [
        Fact(
            section="exposure",
            label=f"{fact}: {name}",
            value=_moves(before[f"by_{fact}"].get(name, 0.0), after[f"by_{fact}"].get(name, 0.0)),
            tier=SIMULATED,
        )
        for fact in ("vendor", "origin", "hosting")
        for name in dict.fromkeys([*before[f"by_{fact}"], *after[f"by_{fact}"]])
    ]


def _moves(before: float, after: float) -> str:
    return f"{wording.share(before)} of the work today, {wording.share(after)} then"


def _unknown_quality(quality: float | None, tier: str) -> list[str]:
    if quality is None:
        return ["Quality is unknown: nothing was graded"]
    return [] if tier in ("measured", "unchanged") else [f"Quality is {tier}, not measured on own work"]
