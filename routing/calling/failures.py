"""What can go wrong with one call, and what the router does about each.

A table, not an if-ladder: every class says whether the same endpoint may be asked again, what the
circuit breaker learns, which candidate is next, and what the ledger calls it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from routing.calling.backoff import retry_after_s, told_to_retry


@dataclass(frozen=True, slots=True)
class Treatment:
    """`retry`: the same endpoint again; `breaker`: what it learns; `next`: which other candidate may answer."""

    retry: bool
    breaker: Literal["count", "open", "ignore"]
    next: Literal["any", "larger_context", "other_vendor", "none"]
    ledger_class: str


TREATMENTS = {
    "connect": Treatment(True, "count", "any", "server"),
    "timeout": Treatment(True, "count", "any", "timeout"),
    # Rate limits are the adaptive limiter's business; a circuit that opens on them would cost goodput.
    "rate_limit": Treatment(True, "ignore", "any", "rate_limit"),
    "no_place": Treatment(False, "ignore", "any", "rate_limit"),
    "server": Treatment(True, "count", "any", "server"),
    "cut": Treatment(True, "count", "any", "server"),
    "protocol": Treatment(True, "count", "any", "server"),
    "tls": Treatment(False, "open", "any", "server"),
    "auth": Treatment(False, "open", "any", "auth"),
    "billing": Treatment(False, "open", "any", "auth"),
    "not_found": Treatment(False, "open", "any", "bad_request"),
    "address": Treatment(False, "open", "any", "bad_request"),
    "redirect": Treatment(False, "open", "any", "bad_request"),
    "context_length": Treatment(False, "ignore", "larger_context", "context_length"),
    "content_filter": Treatment(False, "ignore", "other_vendor", "content_filter"),
    "bad_request": Treatment(False, "ignore", "none", "bad_request"),
    "cancelled": Treatment(False, "ignore", "none", "other"),
    "partial": Treatment(False, "count", "none", "server"),
}

# One status stands for several causes, so the words of the body decide first: (class, statuses, words in them).
# The words are those of the providers' own messages, long enough not to be met in a prompt that an error repeats.
CAUSES: tuple[tuple[str, tuple[int, ...], tuple[str, ...]], ...] = (
    # Bedrock throttles with 400, by tokens too; what asks for more than a minute's tokens never gets them there.
    ("rate_limit", (400, 403), ("throttlingexception",)),
    ("no_place", (413, 429), ("request too large for",)),
    (
        "context_length",
        (400, 413, 422, 500),
        (
            "context_length",
            "context length",
            "context window",
            "maximum context",
            "prompt is too long",
            "too many tokens",
            "exceeds the available context",
            "input is too long",
            "exceed_context_size",
            "context limit",
            "exceeds the maximum number of tokens",  # Gemini
            "maximum prompt length",  # xAI
            "exceeded model token limit",  # Moonshot
            "range of input length",  # Alibaba
            "prompt exceeds max length",  # Z.ai
            "`max_new_tokens` must be",  # Together and Hugging Face
        ),
    ),
    (
        "content_filter",
        (400, 403, 422),
        (
            "content_filter",
            "content filter",
            "content_policy",
            "content policy",
            "safety system",
            "responsible ai",
            "flagged as potentially violating",  # OpenAI
            "input was flagged",  # OpenRouter answers 403, which is no wrong key
            "violates usage guidelines",  # xAI too
            "content exists risk",  # DeepSeek
            "data_inspection_failed",  # Alibaba
            "datainspectionfailed",
        ),
    ),
    # An account without money: Anthropic 400, OpenAI 429, DeepSeek 402, LiteLLM's budgets 400, Alibaba 400, Fireworks
    # 412.
    (
        "billing",
        (400, 401, 402, 403, 412, 422, 429, 500),
        (
            "insufficient_quota",
            "credit balance",
            "api usage limits",
            "insufficient balance",
            "insufficient credit",
            "insufficient funds",
            "not enough credit",
            "out of credits",
            "budget has been exceeded",
            "budget_exceeded",
            "exceededbudget",
            "billing_not_active",
            "billing hard limit",
            "billing_hard_limit_reached",
            "spending limit",
            "payment required",
            "arrearage",
            "exceeded_current_quota_error",  # Moonshot
            "balance is insufficient",
            "not enough balance",
            "not_enough_balance",
            "\u4f59\u989d\u4e0d\u8db3",  # Z.ai's "balance not enough"
            "api calls / month",  # Cohere's trial keys
            "free tier of the model has been exhausted",
        ),
    ),
    ("billing", (400, 403), ("check your billing", "billing is disabled", "enable billing", "billing account")),
    # Gemini answers a wrong key with 400, and a place it does not serve; Anthropic a closed account.
    (
        "auth",
        (400, 412, 422, 429),
        (
            "api key not valid",
            "api_key_invalid",
            "invalid api key",
            "incorrect api key",
            "user location is not supported",
            "unsupported_country_region_territory",
            "organization has been disabled",
            "account is suspended",
            "account has been deactivated",
            "account_deactivated",
        ),
    ),
    ("rate_limit", (400, 403, 422), ("rate_limit_exceeded", "rate limit exceeded")),
    # A model that this endpoint will not serve whatever it is asked.
    (
        "not_found",
        (400, 422),
        (
            "model_not_found",
            "is not a valid model id",
            "unknown_model",
            "model not exist",  # DeepSeek
            "model_decommissioned",  # Groq
            "invalid_model",  # Mistral, Perplexity
            "model_not_available",  # Together
            "model identifier is invalid",  # Bedrock, and what it serves through a profile alone
            "on-demand throughput isn",
            "does not work with the specified model",  # Azure
            "is not allowed to use publisher model",  # Vertex
        ),
    ),
)


class CallFailed(Exception):
    """One attempt failed. The message is already free of secrets.

    `partial`: what was received before a cut; an attempt with a partial answer is billed, never repeated.
    `billable`: the provider may charge for it although no usage arrived.
    """

    def __init__(
        self,
        kind: str,
        message: str,
        *,
        http_status: int | None = None,
        retry_after_s: float | None = None,
        retry: bool | None = None,
        billable: bool = False,
        partial: Any = None,
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.http_status = http_status
        self.retry_after_s = retry_after_s
        self.treatment = TREATMENTS[kind]
        self.retry = self.treatment.retry if retry is None else retry
        self.billable = billable
        self.partial = partial


def classify(http_status: int, body: str) -> str:
    """The class of a non-2xx answer: by the words of its body where several causes share the status, else by the
    status.
    """
    words = body[:4000].lower()
    for kind, statuses, marks in CAUSES:
        if http_status in statuses and any(mark in words for mark in marks):
            return kind
    if http_status == 402:
        return "billing"
    if http_status in (401, 403, 407, 451):
        return "auth"
    if http_status in (404, 405, 410):
        return "not_found"
    if http_status == 408:
        return "timeout"
    if http_status == 413:
        return "context_length"
    if http_status == 429:
        return "rate_limit"
    if http_status in (409, 424, 425) or http_status >= 500:  # 424: Bedrock's model failed
        return "server"
    if 300 <= http_status < 400:
        return "redirect"
    return "bad_request"


def from_response(http_status: int, headers: Any, body: str, now: float) -> CallFailed:
    """The failure a finished non-2xx response stands for; `now` is the epoch time for HTTP dates."""
    kind = classify(http_status, body)
    told = told_to_retry(headers)
    excerpt = " ".join(body.split())[:300]
    return CallFailed(
        kind,
        f"the endpoint answered {http_status}: {excerpt or 'no text'}",
        http_status=http_status,
        retry_after_s=retry_after_s(headers, now),
        retry=told if kind not in ("redirect", "context_length", "content_filter") else None,
    )
