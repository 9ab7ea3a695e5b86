"""The hand-over pack of a system as one offline HTML file: how it is built, what it costs, what guards it, what to do
when it fails, what was decided and what may go wrong. Everything in it is read from the store; the file carries a seal.

    seal = SHA-256 of the file without the line that holds it
"""

from __future__ import annotations

import re
from hashlib import sha256
from typing import Any, NamedTuple

from markupsafe import Markup

from analytics.alerts.rule import RULES
from analytics.budgets.budget import BUDGETS
from analytics.coverage import coverage
from analytics.history import recent
from analytics.html_page import page
from analytics.spend import grouped_spend, totals
from analytics.standing import standing
from data import wording
from data.errors import BadInput
from data.ledger import Ledger
from data.state import State
from data.version import provenance
from routing.calling import backoff, breaker
from routing.calling.declarations import PROVIDERS
from routing.policies import in_force, in_words
from routing.policies.policy import Policy
from routing.policies.saved_policies import known_policies
from routing.policies.table import rule_rows
from simulations.decisions.diagram import diagram
from simulations.decisions.editions import signature_lines
from simulations.decisions.record import holding, newest_first
from simulations.mixes.constraint_words import words as rule_words

SEAL = re.compile(r'<p class="soft" id="seal">Seal: sha256 ([0-9a-f]{64})\.</p>\n')
MOST_MODELS = 25
MEASURES = ("cost_usd", "requests", "failure_rate", "p95_latency_ms")


class Running(NamedTuple):
    """What the log says runs today: its span in words, its dollars, and a row per provider and model."""

    span: str
    usd: float | None
    rows: list[dict[str, Any]]
    more: int


def handover(view: Ledger, state: State, name: str | None = None) -> str:
    """The pack for a policy, by default the one in force; BadInput where there is none to hand over."""
    policy = _policy(state, name)
    text = page(
        "handover.html",
        policy=policy,
        drawn=Markup(diagram(policy)),
        rules=rule_rows(policy),
        constraints=[(rule_words(one), one.because) for one in policy.constraints],
        running=_running(view),
        providers=PROVIDERS.all(state).values(),
        rails=in_words.rails(policy),
        promises=in_words.promises(policy),
        clock=in_words.run_by_the_clock(policy),
        failing=[*in_words.when_models_fail(policy), *_on_any_failure()],
        alerts=[(key, rule.words) for key, rule in RULES.all(state).items()],
        budgets=BUDGETS.all(state).values(),
        decisions=[(one, " ".join(signature_lines(one))) for one in newest_first(state)],
        risks=[(risk, one.name) for one in holding(newest_first(state)) for risk in one.told.risks],
        who=in_force.who_may_lift(state),
        marked=in_force.marked_name(state) == policy.name,
        trail=state.audit_standing().sentence,
        stands_on=provenance(view.snapshot()),
        sample=bool((known := standing(view)) and known.sample),
    )
    return _sealed(text)


def verify_seal(text: str) -> str:
    """The seal of a pack that is as it was made; BadInput where it is not."""
    seals = SEAL.findall(text)
    if len(seals) > 1:
        raise BadInput("The file carries more than one seal, so it was changed; ask for the pack again.")
    if not seals:
        raise BadInput("The file carries no seal; a hand-over pack ends with a line “Seal: sha256 …”.")
    if _hash(SEAL.sub("", text)) != seals[0]:
        raise BadInput("The file was changed after it was sealed; ask for the pack again.")
    return str(seals[0])


def _sealed(text: str) -> str:
    head, end, tail = text.rpartition("</body>")
    line = f'<p class="soft" id="seal">Seal: sha256 {_hash(text)}.</p>\n'
    return f"{head}{line}{end}{tail}"


def _hash(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def _policy(state: State, name: str | None) -> Policy:
    known = known_policies(state)
    if name is None:
        held = in_force.in_force(state)
        if held is None:
            raise BadInput(
                "No policy is in force, so nothing says how the system routes; name one of: "
                f"{', '.join(known)} (`--policy NAME`), or put one in force on Governance."
            )
        return held
    if name not in known:
        raise BadInput(f"There is no policy “{name}”; use one of: {', '.join(known)}.")
    return known[name]


def _running(view: Ledger) -> Running | None:
    if standing(view) is None:
        return None
    scope = recent(view)
    found = grouped_spend(view, scope, ("provider", "model"), MEASURES)
    rows = [
        {
            "provider": row["provider"],
            "model": row["model"],
            "usd": wording.usd(row["cost_usd"]),
            "requests": wording.count(row["requests"]),
            "failures": wording.share(row["failure_rate"]),
            "p95": wording.milliseconds(row["p95_latency_ms"]),
        }
        for row in found.head(MOST_MODELS).to_dict("records")
    ]
    told = f"{wording.days(scope.start, scope.last)}, {coverage(view, scope).basis} with a log"
    return Running(told, totals(view, scope, ("cost_usd",))["cost_usd"], rows, len(found) - len(rows))


def _on_any_failure() -> list[str]:
    """What the router does on any failure, under every policy."""
    return [
        f"a wait of up to {backoff.BASE_S:g} s that doubles up to {backoff.LONGEST_S:g} s, or what the server asks for",
        (
            f"after {breaker.CONSECUTIVE} failures in a row, or {wording.share(breaker.RATE)} of the last "
            f"{breaker.WINDOW}, an endpoint is left alone for {breaker.OPEN_S:g} s, then tried with one call"
        ),
        "a call whose end nobody saw counts at its worst cost until the provider's bill says less",
    ]
