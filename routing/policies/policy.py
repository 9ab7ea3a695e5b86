"""A routing policy: which model may answer a request, with limits nobody may break.

One pydantic object stands behind the YAML text, the form in the browser, the replay on logs, the
live router and the exports. The words of its conditions are in `conditions`, its YAML in
`policy_text`, what makes no sense (unreachable rules, loops) in `policy_checks`, the decision for
one request in `choice`.

A target is a model name, or `model@hosting` with hosting `self` (own machines), `cloud` (an own
account at a cloud), `host` (a third party serves the open weights) or `api` (the maker's). The name
`current` keeps the model of the logged request.
"""

from __future__ import annotations

import re
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from routing.policies.answer_forms import check_pattern, check_schema
from routing.policies.conditions import DIFFICULTY, WORDS_OF_PROMPT, Condition, Facts, Hours, Part, Share, Target
from routing.policies.difficulty import Difficulty

CURRENT = "current"
WAYS = ("use", "split", "cascade", "cross_check")
SERVICE_LIMITS = ("max_p50_ms", "max_p95_ms", "max_failure_share")  # of `Limits`: they hold in every what-if too


class Constraint(Part):
    """What no rule, split, cascade or fallback may do. A fact that is unknown counts against a model.

    `forbid` refuses models for which every named fact matches; `require` refuses those for which any does not.
    """

    when: Condition = {}
    """the requests it holds for; left out: all"""
    forbid: Facts | None = None
    """a model is refused when every fact named here matches, or is unknown"""
    require: Facts | None = None
    """a model is refused when any fact named here does not match, or is unknown"""
    because: str = ""
    """the reason, told wherever the constraint refuses a model"""

    @model_validator(mode="after")
    def _says_something(self) -> Constraint:
        if not self.forbid and not self.require:
            raise ValueError("a constraint needs forbid or require")
        uncertain = next((name for name in self.when if name in (DIFFICULTY, *WORDS_OF_PROMPT)), None)
        if uncertain:
            raise ValueError(
                f"a constraint holds wherever a request is known by its log alone, which has no {uncertain}"
            )
        return self


class Rule(Part):
    """Requests that meet `when`, and how they are answered: exactly one of use, split, cascade, cross_check.

    A split divides sessions, so that each keeps its model and its prompt cache; `per: request` divides requests.
    """

    when: Condition = {}
    """the requests it answers; left out: all. The first rule that matches decides"""
    use: Target | None = None
    """one model answers"""
    split: dict[Target, Share] | None = None
    """several models share the requests at random; the shares sum to 1"""
    cascade: tuple[Target, ...] | None = Field(None, min_length=2)
    """models asked in order, until one is sure enough (`confidence_floor`)"""
    cross_check: tuple[Target, ...] | None = Field(None, min_length=2)
    """all models answer; the first one's answer stands, a conflict goes to a person"""
    samples: int = Field(1, ge=1, le=25)
    """how often the model of `use` answers; with `vote`"""
    vote: Literal["majority"] | None = None
    """the answer most samples give is taken"""
    confidence_floor: Share | None = None
    """a cascade goes on below this confidence"""
    confidence: Literal["self_reported", "logprob", "agreement", "verifier"] | None = None
    """how sure an answer is: what the model says, its token probabilities, agreement of samples, another model"""
    verifier: Target | None = None
    """the model that judges answers, with `confidence: verifier`"""
    per: Literal["session", "request"] = "session"
    """whether a split draws a model for each session, so that its prompt cache stays warm, or for each request"""
    name: str = ""
    """a name for exports and tables"""

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
    """answers less sure than this go to a person"""
    cost_usd: float | None = Field(None, ge=0, allow_inf_nan=False)
    """what a person costs an answer, for simulations"""


class Limits(Part):
    """Bounds of one live run, which stops at each checkpoint until a person says go on; and what answers must keep.

    `max_p50_ms`, `max_p95_ms` and `max_failure_share` hold wherever the policy does: a mix keeps them, a replay says
    whether it does, a live run halts once the rest of its tasks cannot keep them any more.

    `checkpoints` takes hours (`8h`) and shares of the tasks (`50%`); the shares are kept in `checkpoint_shares`.
    """

    max_usd: float | None = Field(None, gt=0, allow_inf_nan=False)
    """the run's spend cap; each call's worst cost is reserved under it before it leaves"""
    max_minutes: float | None = Field(None, gt=0, allow_inf_nan=False)
    """the run stops after this time"""
    max_attempts: int = Field(3, ge=1, le=20)
    """calls one answer may take, retries and fallbacks together"""
    approvers: int = Field(1, ge=1, le=5)
    """how many people must approve a plan or a checkpoint; above 1, whoever asked for the run is none of them"""
    halt_below_confidence: Share | None = None
    """the run halts at the first answer less sure than this"""
    checkpoints: tuple[Hours, ...] = ()
    """hours, or shares of the tasks (`50%`), at which the run waits for a person; `0h` is before it begins"""
    checkpoint_shares: tuple[Share, ...] = ()
    """the checkpoints given as shares; filled in from `checkpoints`"""
    max_p50_ms: float | None = Field(None, gt=0, allow_inf_nan=False)
    """half of the answers come within these milliseconds"""
    max_p95_ms: float | None = Field(None, gt=0, allow_inf_nan=False)
    """95 of 100 answers come within these milliseconds"""
    max_failure_share: Share | None = None
    """at most this share of the attempts fails"""

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
        kept = raw.get("checkpoint_shares") or ()
        read = [float(text[:-1]) / 100 for text in shares]
        return {
            **raw,
            "checkpoints": rest,
            "checkpoint_shares": [*(kept if isinstance(kept, list | tuple) else ()), *read],
        }


class Guardrails(Part):
    """What an answer or an agent may not do, whatever model produced it."""

    forbidden_actions: tuple[str, ...] = ()
    """no tool whose name has these words may be called, and no answer may say them"""
    output_schema: dict[str, Any] | None = None
    """a JSON schema the answer must hold a value of"""
    output_must_match: str | None = None
    """a regular expression the answer must match"""
    output_must_not_match: tuple[str, ...] = ()
    """regular expressions no answer may match"""
    block_pii: bool = False
    """no e-mail address, payment card, IBAN, US social security or phone number in an answer or tool call"""
    block_injection: bool = False
    """no prompt-injection marker in a request, an answer or a tool call"""

    @field_validator("output_must_match", "output_must_not_match")
    @classmethod
    def _patterns(cls, given: Any) -> Any:
        for pattern in (given,) if isinstance(given, str) else given or ():
            check_pattern(pattern)
        return given

    @field_validator("forbidden_actions", "output_must_not_match")
    @classmethod
    def _says_something(cls, given: tuple[str, ...]) -> tuple[str, ...]:
        if any(not one.strip() for one in given):
            raise ValueError("an empty text would withhold every answer; take it out")
        return given

    @field_validator("output_schema")
    @classmethod
    def _schema(cls, given: dict[str, Any] | None) -> dict[str, Any] | None:
        if given is not None:
            check_schema(given)
        return given


class Policy(Part):
    """Constraints first, then the first rule that matches, then the fallback chain."""

    name: str = Field(min_length=1, max_length=120)
    """the policy's name"""
    note: str = ""
    """a remark for readers"""
    constraints: tuple[Constraint, ...] = ()
    """what no rule, split, cascade or fallback may do"""
    rules: tuple[Rule, ...] = ()
    """the first that matches a request decides how it is answered"""
    fallback: tuple[Target, ...] = ()
    """models asked in order when a rule's are refused or fail, and when no rule matches"""
    context_fallback: tuple[Target, ...] = ()
    """kept with the policy and not used: the router finds larger windows among the candidates by itself"""
    content_fallback: tuple[Target, ...] = ()
    """kept with the policy and not used: the router finds another vendor among the candidates by itself"""
    difficulty: Difficulty | None = None
    """the score that the conditions `difficulty` of its rules stand on"""
    review: Review | None = None
    """which answers go to a person"""
    limits: Limits = Limits()
    """bounds of one live run"""
    guardrails: Guardrails = Guardrails()
    """what no answer may do, whatever model gave it"""
    explore: Share = 0.0
    """share of the unprotected requests sent to a model drawn at random, to learn; never sensitive work"""
    shadow: tuple[Target, ...] = ()
    """models asked beside the one that answers; graded, never returned"""
    planner: Target | None = None
    """a model that plans a run in words before it begins; a person approves the plan"""

    @model_validator(mode="after")
    def _answers_something(self) -> Policy:
        if not self.rules and not self.fallback:
            raise ValueError("a policy needs at least one rule or a fallback")
        asking = next((number for number, rule in enumerate(self.rules, start=1) if DIFFICULTY in rule.when), None)
        if asking is not None and self.difficulty is None:
            raise ValueError(
                f"rule {asking} asks for difficulty, and the policy has no score of that; give it `difficulty`, "
                "a base and points (`python -m routing learn` makes one from graded tasks)"
            )
        return self

    @property
    def targets(self) -> tuple[str, ...]:
        """Every target that may answer, each once, in order of mention."""
        return tuple(dict.fromkeys([t for rule in self.rules for t in rule.targets] + list(self.fallback)))
