"""A routing policy: which model may answer a request, with limits nobody may break.

One pydantic object stands behind the YAML text, the form in the browser, the replay on logs, the
live router and the exports. The words of its conditions are in `conditions`, its YAML in
`policy_text`, what makes no sense (unreachable rules, loops) in `policy_checks`, the decision for
one request in `choice`.

A target is a model name, or `model@hosting` with hosting `self` (own machines), `cloud` (an own
account at a cloud), `host` (a third party serves the open weights) or `api` (the maker's). The name `current` keeps the model of the logged request.
"""

from __future__ import annotations

import re
from typing import Any, Literal

from pydantic import Field, model_validator

from routing.policies.conditions import Condition, Facts, Hours, Part, Share, Target

CURRENT = "current"
WAYS = ("use", "split", "cascade", "cross_check")


class Constraint(Part):
    """What no rule, split, cascade or fallback may do. A fact that is unknown counts against a model.

    `forbid` refuses models for which every named fact matches; `require` refuses those for which any does not.
    """

    when: Condition = {}
    forbid: Facts | None = None
    require: Facts | None = None
    because: str = ""

    @model_validator(mode="after")
    def _says_something(self) -> Constraint:
        if not self.forbid and not self.require:
            raise ValueError("a constraint needs forbid or require")
        return self


class Rule(Part):
    """Requests that meet `when`, and how they are answered: exactly one of use, split, cascade, cross_check.

    A split divides sessions, so that each keeps its model and its prompt cache; `per: request` divides requests.
    """

    when: Condition = {}
    use: Target | None = None
    split: dict[Target, Share] | None = None
    cascade: tuple[Target, ...] | None = Field(None, min_length=2)
    cross_check: tuple[Target, ...] | None = Field(None, min_length=2)
    samples: int = Field(1, ge=1, le=25)
    vote: Literal["majority"] | None = None
    confidence_floor: Share | None = None
    confidence: Literal["self_reported", "logprob", "agreement", "verifier"] | None = None
    verifier: Target | None = None
    per: Literal["session", "request"] = "session"
    name: str = ""

    @model_validator(mode="after")
    def _one_way(self) -> Rule:
        ways = [way for way in WAYS if getattr(self, way)]
        if len(ways) != 1:
            raise ValueError(f"a rule needs exactly one of {', '.join(WAYS)}; found {' and '.join(ways) or 'none'}")
        if self.split and abs(sum(self.split.values()) - 1) > 1e-9:
            raise ValueError(f"the shares of split sum to {sum(self.split.values()):.6g}, not to 1")
        if self.cascade and self.confidence_floor is None:
            raise ValueError("a cascade needs a confidence_floor between 0 and 1")
        if self.samples > 1 and not self.use:
            raise ValueError("samples go with use")
        if (self.samples > 1) is not (self.vote is not None):
            raise ValueError("samples above 1 and vote: majority go together")
        if (self.confidence == "verifier") is not (self.verifier is not None):
            raise ValueError("confidence: verifier and the name of a verifier go together")
        return self

    @property
    def way(self) -> str:
        """use, split, cascade, cross_check or vote (use with several samples)."""
        return "vote" if self.samples > 1 else next(way for way in WAYS if getattr(self, way))

    @property
    def targets(self) -> tuple[str, ...]:
        """Every target the rule names for answers, in order."""
        return (self.use,) if self.use else tuple(self.split or self.cascade or self.cross_check or ())


class Review(Part):
    """Answers below this confidence go to a person, who costs `cost_usd` each."""

    confidence_below: Share
    cost_usd: float | None = Field(None, ge=0, allow_inf_nan=False)


class Limits(Part):
    """Bounds of one live run. It stops at each checkpoint until a person says go on.

    `checkpoints` takes hours (`8h`) and shares of the tasks (`50%`); the shares are kept in `checkpoint_shares`.
    """

    max_usd: float | None = Field(None, gt=0, allow_inf_nan=False)
    max_minutes: float | None = Field(None, gt=0, allow_inf_nan=False)
    max_attempts: int = Field(3, ge=1, le=20)
    halt_below_confidence: Share | None = None
    checkpoints: tuple[Hours, ...] = ()
    checkpoint_shares: tuple[Share, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _sorted_out(cls, raw: Any) -> Any:
        given = raw.get("checkpoints") if isinstance(raw, dict) else None
        if not isinstance(given, list | tuple):
            return raw
        shares = [text for text in given if re.fullmatch(r"\d{1,3}(\.\d+)?%", str(text))]
        if not shares:
            return raw
        rest = [point for point in given if point not in shares]
        return {**raw, "checkpoints": rest, "checkpoint_shares": [float(text[:-1]) / 100 for text in shares]}


class Guardrails(Part):
    """What an answer or an agent may not do, whatever model produced it."""

    forbidden_actions: tuple[str, ...] = ()
    output_schema: dict[str, Any] | None = None
    output_must_match: str | None = None
    output_must_not_match: tuple[str, ...] = ()
    block_pii: bool = False
    block_injection: bool = False


class Policy(Part):
    """Constraints first, then the first rule that matches, then the fallback chain."""

    name: str = Field(min_length=1, max_length=120)
    note: str = ""
    constraints: tuple[Constraint, ...] = ()
    rules: tuple[Rule, ...] = ()
    fallback: tuple[Target, ...] = ()
    context_fallback: tuple[Target, ...] = ()
    content_fallback: tuple[Target, ...] = ()
    review: Review | None = None
    limits: Limits = Limits()
    guardrails: Guardrails = Guardrails()
    explore: Share = 0.0
    shadow: tuple[Target, ...] = ()
    planner: Target | None = None

    @model_validator(mode="after")
    def _answers_something(self) -> Policy:
        if not self.rules and not self.fallback:
            raise ValueError("a policy needs at least one rule or a fallback")
        return self

    @property
    def targets(self) -> tuple[str, ...]:
        """Every target that may answer, each once, in order of mention."""
        return tuple(dict.fromkeys([t for rule in self.rules for t in rule.targets] + list(self.fallback)))
