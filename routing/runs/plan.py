"""What a run is about to do, in figures, and in the words of the policies' planners."""

from __future__ import annotations

import random
import time
from decimal import Decimal
from typing import Any

from data.facts.models import Catalog
from data.schema import strictest
from routing.calling.attempts import CallBudget, Context
from routing.calling.calls import Request
from routing.calling.router import Router
from routing.policies.choice import resolve
from routing.policies.policy import Policy
from routing.runs.spec import RunSpec, expected_usd

# From the least to the most protected; what nobody labelled stands between.
LISTED_TASKS = 60


def plan_in_figures(spec: RunSpec, router: Router, cap_usd: Decimal | None) -> dict[str, Any]:
    """The run in figures: tasks, policies, cap, and the most it may cost."""
    return {
        "tasks": len(spec.tasks.tasks),
        "task_set": spec.tasks.digest,
        "policies": [p.name for p in spec.policies],
        "repeats": spec.repeats,
        "cap_usd": cap_usd,
        "worst_case_usd": expected_usd(spec, router.fleet),
        "max_minutes": spec.minutes,
        "constraints": sum(len(p.constraints) for p in spec.policies),
    }


def needs_approval(spec: RunSpec) -> bool:
    """Whether some policy wants a person to approve the plan before anything runs."""
    return any(policy.planner or 0.0 in policy.limits.checkpoints for policy in spec.policies)


async def planners_words(spec: RunSpec, router: Router, catalog: Catalog) -> dict[str, str]:
    """Per policy with a planner what it says; a planner that fails does not stop the run."""
    asked = [(policy, policy.planner) for policy in spec.policies if policy.planner]
    return {f"plan of {policy.name}": await _words(spec, policy, planner, router, catalog) for policy, planner in asked}


async def _words(spec: RunSpec, policy: Policy, planner: str, router: Router, catalog: Catalog) -> str:
    lines = "\n".join(
        f"- {task.id} ({task.task_type}, {task.criticality}): {task.prompt[:160]}"
        for task in spec.tasks.tasks[:LISTED_TASKS]
    )
    question = f"Plan in at most ten lines how to do these tasks, riskiest first:\n{lines}"
    # A plan sees every task, so the strictest of their labels counts.
    attributes = {"data_class": strictest(t.data_class for t in spec.tasks.tasks)}
    context = Context(
        policy,
        attributes,
        f"plan/{policy.name}",
        CallBudget(policy.limits.max_attempts, time.monotonic() + spec.task_seconds),
        random.Random(spec.seed),
        "plan",
        [],
    )
    request = Request(({"role": "user", "content": question},), max_tokens=400)
    reply = await router.call([resolve(planner, attributes, catalog)], request, context)
    return reply.answer.text if reply.answer else f"no plan: {reply.refused or reply.failure}"
