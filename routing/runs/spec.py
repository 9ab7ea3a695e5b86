"""What a live run is asked to do, checked before anything is sent."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from pydantic import Field, ValidationError

from data import owner
from data.errors import BadInput, Refused
from data.facts.models import Catalog
from routing.calling.addresses import host_of
from routing.calling.declarations import Money, Provider, canonical
from routing.calling.endpoints import STRATEGIES, Fleet
from routing.calling.keys import key_for
from routing.grading.tasks import TaskSet
from routing.policies.choice import resolve
from routing.policies.conditions import Part
from routing.policies.policy import CURRENT, Policy


class RunSpec(Part):
    """Policies tried on tasks at providers, within limits.

    `max_usd` None means no dollar cap. `margin` and `baseline` are the non-inferiority question, stated
    beforehand: is every other policy at most `margin` worse than the baseline? `predicted` is what the
    replay said per policy ({policy: {cost_usd or cost_per_task_usd, quality, scale}}), to be held against what is
    measured.
    """

    name: str = "run"
    policies: tuple[Policy, ...] = Field(min_length=1)
    tasks: TaskSet
    providers: tuple[Provider, ...] = Field(min_length=1)
    max_usd: Money = None
    max_usd_per_task: Money = None
    max_minutes: float | None = Field(None, gt=0)
    task_seconds: float = Field(180.0, gt=0)
    repeats: int = Field(1, ge=1, le=50)
    concurrency: int = Field(4, ge=1, le=200)
    seed: int = 0
    strategy: str = "fixed"
    record: bool = False
    replay_of: str | None = None
    judge: str | None = None
    baseline: str | None = None
    margin: float = Field(0.05, gt=0, lt=1)
    predicted: dict[str, dict[str, float | str]] = {}

    @property
    def cap_usd(self) -> Decimal | None:
        """The lowest of the run's cap and the policies' own."""
        caps = [Decimal(str(p.limits.max_usd)) for p in self.policies if p.limits.max_usd is not None]
        caps += [self.max_usd] if self.max_usd is not None else []
        return min(caps, default=None)

    @property
    def minutes(self) -> float | None:
        """The shortest of the run's time limit and the policies' own."""
        return min(
            (m for m in (self.max_minutes, *(p.limits.max_minutes for p in self.policies)) if m is not None),
            default=None,
        )


def checked_spec(body: dict[str, Any]) -> RunSpec:
    """A spec from plain data; BadInput in one sentence."""
    try:
        spec = RunSpec.model_validate(body)
    except ValidationError as error:
        problem = error.errors(include_input=False)[0]
        field = ".".join(str(part) for part in problem["loc"]) or "run"
        raise BadInput(f"The run's {field}: {problem['msg'].removeprefix('Value error, ')}.") from None
    names = [policy.name for policy in spec.policies]
    if len(set(names)) < len(names):
        raise BadInput("Two policies of this run have the same name; give each a name of its own.")
    if spec.baseline and spec.baseline not in names:
        raise BadInput(f"The baseline `{spec.baseline}` is none of the run's policies ({', '.join(names)}).")
    if spec.strategy not in STRATEGIES:
        raise BadInput(f"`{spec.strategy}` is no way to pick an endpoint; use one of: {', '.join(STRATEGIES)}.")
    return spec


def providers_of_run(spec: RunSpec, catalog: Catalog, environ: Mapping[str, str] | None = None) -> tuple[Provider, ...]:
    """The providers this run needs, or the first reason why it cannot start: a missing model, price or key.

    Only providers that some policy can reach are returned, so that nobody needs the key of an unused one.
    """
    providers = canonical(spec.providers, catalog)
    offered = {
        (offer.model.lower(), provider.hosting): (provider, offer)
        for provider in reversed(providers)
        for offer in provider.models
    }
    needed: dict[str, Provider] = {}
    for policy in spec.policies:
        for target in _every_target(policy, spec.judge):
            model = resolve(target, {}, catalog).model.lower()
            hosting = target.partition("@")[2]
            found = [pair for (name, where), pair in offered.items() if name == model and hosting in ("", where)]
            if not found:
                known = ", ".join(sorted({offer.model for _, offer in offered.values()})[:12])
                raise BadInput(
                    f"The policy {policy.name} names `{target}`, which no declared provider offers; declared are: "
                    f"{known}."
                )
            for provider, offer in found:
                if spec.cap_usd is not None and not offer.price.known:
                    raise Refused(
                        f"{provider.name} has no price for {offer.model}, so the cap of ${spec.cap_usd} cannot hold; "
                        "give input_usd_per_mtok and output_usd_per_mtok (0 if it is free)."
                    )
                needed[provider.name] = provider
    for provider in needed.values():
        if not spec.replay_of:
            owner.require_host(host_of(provider.base_url))
        key_for(provider.name, provider.key_env, environ)
    return tuple(p for p in providers if p.name in needed)


def _every_target(policy: Policy, judge: str | None) -> list[str]:
    if CURRENT in (*policy.targets, *policy.shadow):
        raise BadInput(
            f"The policy {policy.name} uses `current`, the model of a logged request; sample tasks have none, so "
            "name a model."
        )
    verifiers = [rule.verifier for rule in policy.rules if rule.verifier]
    return list(
        dict.fromkeys([*policy.targets, *policy.shadow, *verifiers, *(t for t in (policy.planner, judge) if t)])
    )


def expected_usd(spec: RunSpec, fleet: Fleet) -> Decimal | None:
    """The most the run may cost if every task took one answer of the dearest model it may use; None without prices."""
    total = Decimal(0)
    for task in spec.tasks.tasks:
        size = task.request().input_bound
        worst = [endpoint.offer.price.worst_usd(size, task.max_tokens) for endpoint in fleet.endpoints]
        known = [usd for usd in worst if usd is not None]
        if len(known) < len(worst):
            return None
        total += max(known)
    return total * len(spec.policies) * spec.repeats
