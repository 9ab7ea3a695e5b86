"""A policy in plain sentences: what no answer may do, when a run waits or ends, what happens when a model fails."""

from __future__ import annotations

from data import wording
from routing.policies.policy import Policy, Rule


def rails(policy: Policy) -> list[str]:
    """What no answer may do, and which answers go to a person; empty for a policy without guardrails."""
    held, told = policy.guardrails, []
    if held.forbidden_actions:
        told.append(f"forbids the actions: {', '.join(held.forbidden_actions)}")
    if held.output_schema is not None:
        told.append("an answer must hold a value of the policy's JSON schema")
    if held.output_must_match:
        told.append(f"an answer must match /{held.output_must_match}/")
    told += [f"no answer may match /{pattern}/" for pattern in held.output_must_not_match]
    if held.block_pii:
        told.append("an answer with personal data (e-mail, card, IBAN, phone) is withheld")
    if held.block_injection:
        told.append("a request or an answer with a prompt-injection marker is withheld")
    told += [
        f"{' and '.join(rule.cross_check or ())} both answer; a conflict goes to a person" for rule in _checked(policy)
    ]
    if policy.review is not None:
        told.append(f"answers less sure than {wording.share(policy.review.confidence_below)} go to a person")
    if policy.limits.halt_below_confidence is not None:
        told.append(f"halts at the first answer less sure than {wording.share(policy.limits.halt_below_confidence)}")
    return told


def promises(policy: Policy) -> list[str]:
    """What answers under a policy keep: latency and failures."""
    limits, told = policy.limits, []
    if limits.max_p50_ms is not None:
        told.append(f"half of the answers come within {wording.milliseconds(limits.max_p50_ms)}")
    if limits.max_p95_ms is not None:
        told.append(f"95 of 100 answers come within {wording.milliseconds(limits.max_p95_ms)}")
    if limits.max_failure_share is not None:
        told.append(f"at most {wording.share(limits.max_failure_share)} of the attempts fail")
    return told


def run_by_the_clock(policy: Policy) -> list[str]:
    """What a live run under a policy does, in the order of its hours: plan, checkpoints, hard stop."""
    limits = policy.limits
    people = wording.count_of(limits.approvers, "person", "people")
    waits = f"nothing new begins until {people} approve{'s' * (limits.approvers == 1)} going on"
    told = (
        [f"before it begins: {policy.planner} plans in words and {people} approve{'s' * (limits.approvers == 1)}"]
        if policy.planner
        else []
    )
    if 0.0 in limits.checkpoints and not policy.planner:
        told.append(f"before it begins: {people} must approve the plan")
    at_end = f"{limits.max_minutes / 60:g} h: it stops, whatever is left" if limits.max_minutes is not None else ""
    reached = [at for at in sorted(limits.checkpoints) if at and not _after_the_end(at, limits.max_minutes)]
    told += [f"{at:g} h: {waits}" for at in reached]
    told += [at_end] if at_end else []
    told += [f"at {100 * share:g}% of the tasks: {waits}" for share in sorted(limits.checkpoint_shares)]
    if limits.max_usd is not None:
        told.append(f"at {wording.usd(limits.max_usd)}: no call leaves that could take it above")
    return told or ["nothing stops it but its tasks: it has no checkpoint, no time and no cap of its own"]


def when_models_fail(policy: Policy) -> list[str]:
    """What happens, target by target, when the model that a rule names does not answer."""
    told = []
    for target in policy.targets:
        rest = [name for name in policy.fallback if name != target]
        then = f"then {', then '.join(rest)}" if rest else "and no other is left: the request fails, with its reason"
        told.append(f"{target} does not answer: asked again, up to {policy.limits.max_attempts} calls in all, {then}")
    return told


def _checked(policy: Policy) -> list[Rule]:
    return [rule for rule in policy.rules if rule.cross_check]


def _after_the_end(hours: float, max_minutes: float | None) -> bool:
    return max_minutes is not None and hours * 60 >= max_minutes
