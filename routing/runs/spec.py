"""What a live run is asked to do, checked before anything is sent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from pydantic import Field, ValidationError

from data import owner
from data.errors import BadInput, BatonError, Refused
from data.facts.models import Catalog, ModelFacts
from data.sources.addresses import host_of
from data.wrong_values import legal_there
from routing.calling.declarations import Money, Provider, canonical
from routing.calling.endpoints import STRATEGIES, Fleet
from routing.calling.keys import key_for
from routing.grading.tasks import Task, TaskSet
from routing.policies.choice import candidates, resolve
from routing.policies.conditions import Part
from routing.policies.policy import CURRENT, Policy
from routing.runs.judge import JUDGE_TOKENS


class RunSpec(Part):
    """Policies tried on tasks at providers, within limits.

    `max_usd` None means no dollar cap. `margin` and `baseline` are the non-inferiority question, stated
    beforehand: is every other policy at most `margin` worse than the baseline? `predicted` is what the
    replay said per policy ({policy: {cost_usd or cost_per_task_usd, quality, scale}}), to be held against what is
    measured. With `judge_pairs` the judge compares the answers of every policy with the baseline's, task by task.
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
    judge_pairs: bool = False
    baseline: str | None = None
    margin: float = Field(0.05, gt=0, lt=1)
    predicted: dict[str, dict[str, float | str]] = {}

    @property
    def compared_with(self) -> str:
        """The policy that the others are compared with."""
        return self.baseline or self.policies[0].name

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
        raise BadInput(f"The run's {field}: {legal_there(problem)}.") from None
    names = [policy.name for policy in spec.policies]
    if len(set(names)) < len(names):
        raise BadInput("Two policies of this run have the same name; give each a name of its own.")
    if spec.baseline and spec.baseline not in names:
        raise BadInput(f"The baseline `{spec.baseline}` is none of the run's policies ({', '.join(names)}).")
    if spec.judge_pairs and (spec.judge is None or len(names) < 2):
        raise BadInput(
            "Comparing answers in pairs takes two policies and a judge; name a judge that no policy of the run uses."
        )
    if spec.strategy not in STRATEGIES:
        raise BadInput(f"`{spec.strategy}` is no way to pick an endpoint; use one of: {', '.join(STRATEGIES)}.")
    return spec


def providers_of_run(spec: RunSpec, catalog: Catalog, environ: Mapping[str, str] | None = None) -> tuple[Provider, ...]:
    """The providers this run needs, or the first reason why it cannot start: a missing model, price or key.

    Only providers that some policy can reach are returned, so that nobody needs the key of an unused one.
    """
    refuse_judging_oneself(spec, catalog)
    providers = canonical(spec.providers, catalog)
    needed: dict[str, Provider] = {}
    for policy in spec.policies:
        for target in _every_target(policy, spec.tasks, spec.judge, catalog):
            for provider in _reached(policy.name, target, providers, catalog, spec.cap_usd):
                needed[provider.name] = provider
    for provider in needed.values():
        _let_call(provider, environ, sends=not spec.replay_of)
    return tuple(p for p in providers if p.name in needed)


def lacking(
    policy: Policy,
    tasks: TaskSet | None,
    providers: Sequence[Provider],
    catalog: Catalog,
    *,
    capped: bool = True,
    environ: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """Per model of a policy what keeps it from answering here, in a sentence; empty when the policy can run.

    `tasks` None asks about tasks that carry the model they were answered by, as those of the ledger do.
    """
    offered, cap = canonical(providers, catalog), Decimal(1) if capped else None
    found: dict[str, str] = {}
    try:
        targets = _every_target(policy, tasks or TaskSet(name="", tasks=()), None, catalog)
    except BadInput as error:
        return {CURRENT: str(error)}
    for target in targets:
        try:
            for provider in _reached(policy.name, target, offered, catalog, cap):
                _let_call(provider, environ)
        except BatonError as error:
            found[target] = str(error)
    return found


def refuse_judging_oneself(spec: RunSpec, catalog: Mapping[str, ModelFacts]) -> None:
    """Refused when the judge is one of the models it would grade, under whatever name."""
    if spec.judge is None:
        return
    judges = _upstreams(spec.judge, spec.providers, catalog)
    logged = sorted({task.model for task in spec.tasks.tasks if task.model})
    for policy in spec.policies:
        answering = (*policy.targets, *policy.shadow)
        for target in (*answering, *(logged if CURRENT in answering else ())):
            if target == spec.judge or judges & _upstreams(target, spec.providers, catalog):
                raise Refused(
                    f"The judge {spec.judge} also answers, as `{target}` of the policy {policy.name}: nobody grades "
                    "their own work. Choose a judge that no policy of the run uses."
                )


def _upstreams(target: str, providers: Iterable[Provider], catalog: Mapping[str, ModelFacts]) -> set[tuple[str, str]]:
    """The servers and models behind a name."""
    name = resolve(target, {}, catalog).model.lower()
    return {(p.base_url, o.upstream) for p in providers for o in p.models if o.model.lower() == name}


def _reached(
    policy: str, target: str, providers: Sequence[Provider], catalog: Catalog, cap_usd: Decimal | None
) -> list[Provider]:
    """The providers that offer a target; BadInput where none does, Refused where a price is missing under a cap."""
    model, hosting = resolve(target, {}, catalog).model.lower(), target.partition("@")[2]
    found = [(p, o) for p in providers for o in p.models if o.model.lower() == model and hosting in ("", p.hosting)]
    if not found:
        known = ", ".join(sorted({offer.model for provider in providers for offer in provider.models})[:12])
        raise BadInput(
            f"The policy {policy} names `{target}`, which no declared provider offers; declared are: {known or 'none'}."
        )
    for provider, offer in found:
        if cap_usd is not None and not offer.price.known:
            raise Refused(
                f"{provider.name} has no price for {offer.model}, so the cap of ${cap_usd} cannot hold; "
                "give input_usd_per_mtok and output_usd_per_mtok (0 if it is free)."
            )
    return [provider for provider, _ in found]


def _let_call(provider: Provider, environ: Mapping[str, str] | None, sends: bool = True) -> None:
    """Refused or BadInput where the owner does not let this provider be called, or its key is not set."""
    if sends:
        owner.require_host(host_of(provider.base_url))
    key_for(provider.name, provider.key_env, environ)


def _every_target(policy: Policy, tasks: TaskSet, judge: str | None, catalog: Catalog) -> list[str]:
    """Every model the policy may call on these tasks; `current` stands for the models that answered them then."""
    verifiers = [rule.verifier for rule in policy.rules if rule.verifier]
    named = [*policy.targets, *policy.shadow, *verifiers, *(t for t in (policy.planner, judge) if t)]
    if CURRENT in named:
        unknown = next((task.id for task in tasks.tasks if task.model is None), None)
        if unknown is not None:
            raise BadInput(
                f"The policy {policy.name} uses `current`, the model of a logged request; the task {unknown} has none: "
                "sample the tasks from the ledger, or name a model."
            )
        named += [
            model for task in tasks.tasks if CURRENT in _asked_first(policy, task, catalog) and (model := task.model)
        ]
    return [target for target in dict.fromkeys(named) if target != CURRENT]


def _asked_first(policy: Policy, task: Task, catalog: Catalog) -> set[str]:
    """The targets that one task may be answered by."""
    choice = candidates(policy, task.attributes, catalog)
    return {c.target for c in (*choice.candidates, *choice.fallback)} | set(policy.shadow)


def expected_usd(spec: RunSpec, fleet: Fleet) -> Decimal | None:
    """The most the run may cost if every task took one answer of the dearest model it may use, and where its judge
    compares pairs, each was judged twice; None without prices.
    """
    rivals = len(spec.policies) - 1 if spec.judge_pairs else 0
    judges = fleet.serving(resolve(spec.judge, {}, {})) if rivals and spec.judge else []
    total = Decimal(0)
    for task in spec.tasks.tasks:
        size = task.request().input_bound
        worst = [endpoint.offer.price.worst_usd(size, task.max_tokens) for endpoint in fleet.endpoints]
        known = [usd for usd in worst if usd is not None]
        if len(known) < len(worst):
            return None
        total += max(known) * len(spec.policies)
        # A token of an answer is four characters to the judge, each a token at its worst.
        judging = [endpoint.offer.price.worst_usd(size + 8 * task.max_tokens, JUDGE_TOKENS) for endpoint in judges]
        total += 2 * rivals * max((usd for usd in judging if usd is not None), default=Decimal(0))
    return total * spec.repeats
