"""What an answer may not do or contain, whatever model produced it.

Checks are per policy. A violation withholds the answer and sends the task to the review queue;
in a cascade the next model is asked first.
"""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple

from routing.calling.calls import Answer, Request
from routing.grading.answer_text import LONGEST_TEXT, json_inside
from routing.policies.answer_forms import TooSlow, first_match, first_problem
from routing.policies.policy import Guardrails

PII = {
    "e-mail address": re.compile(r"\b[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,4}\b"),
    "payment card": re.compile(r"\b(?:\d[ -]?){13,19}\b"),
    "IBAN": re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){3,7}(?: ?[A-Z0-9]{1,3})?\b"),
    "US social security number": re.compile(r"\b\d{3}-\d{2}-\d{4}\b"),
    "phone number": re.compile(r"(?<!\w)\+\d{1,3}[ ./-]?(?:\(?\d{1,4}\)?[ ./-]?){2,5}\d{2,4}\b"),
}
INJECTION = re.compile(
    r"(?i)(ignore|disregard|forget)\s+(all\s+|any\s+)?(the\s+|your\s+|previous\s+|prior\s+|above\s+|earlier\s+){1,3}"
    r"(instructions?|prompts?|rules?|messages?)"
    r"|reveal\s+(your|the)\s+(system\s+)?prompt|you\s+are\s+now\s+(in\s+)?(developer|dan|jailbreak)"
    r"|<\|(im_start|system|endoftext)\|>|\[\[?system\]?\]"
    r"|do\s+anything\s+now|new\s+instructions?\s*:"
)
SMALL_WORDS = {
    "auto",
    "automatically",
    "the",
    "a",
    "an",
    "any",
    "to",
    "of",
    "without",
    "review",
    "existing",
    "for",
    "and",
    "or",
    "on",
    "in",
}
STEM = 5
LONGEST_CHECKED = 10 * LONGEST_TEXT  # signs; what is longer is withheld, not let through unread
NO_GUARDRAILS = Guardrails()


class Violation(NamedTuple):
    """Which guardrail, and what it found. The text that broke it is not repeated."""

    guardrail: str
    reason: str


def input_violations(guardrails: Guardrails, request: Request) -> list[Violation]:
    """What is wrong with a request before it is sent."""
    if not guardrails.block_injection:
        return []
    text = "\n".join(str(message.get("content", "")) for message in request.messages)
    if len(text) > LONGEST_CHECKED:
        return [
            Violation("block_injection", f"the input is longer than the {LONGEST_CHECKED:,} signs that are checked")
        ]
    return [Violation("block_injection", "the input holds a prompt-injection marker")] if INJECTION.search(text) else []


def output_violations(guardrails: Guardrails, answer: Answer) -> list[Violation]:
    """Every guardrail the answer breaks."""
    text = answer.text
    if len(text) > LONGEST_CHECKED and guardrails != NO_GUARDRAILS:
        return [Violation("length", f"the answer is longer than the {LONGEST_CHECKED:,} signs that are checked")]
    found = [*_forbidden(guardrails.forbidden_actions, answer)]
    if guardrails.output_schema is not None and (problem := _against_schema(guardrails.output_schema, text)):
        found.append(Violation("output_schema", problem))
    found += _against_patterns(guardrails, text)
    everything = text + json.dumps(answer.tool_calls)
    if guardrails.block_pii:
        found += [Violation("block_pii", f"the answer holds what looks like: {kind}") for kind in pii_kinds(everything)]
    if guardrails.block_injection and INJECTION.search(everything):
        found.append(Violation("block_injection", "the answer holds a prompt-injection marker"))
    return found


def _against_patterns(guardrails: Guardrails, text: str) -> list[Violation]:
    """What the guardrails' own patterns find; an answer that one is not done with in time is withheld."""
    wanted = [("output_must_match", guardrails.output_must_match)] if guardrails.output_must_match else []
    found = []
    for name, pattern in (*wanted, *(("output_must_not_match", one) for one in guardrails.output_must_not_match)):
        try:
            matches = first_match(pattern, text) is not None
        except TooSlow as slow:
            found.append(Violation(name, str(slow)))
            continue
        if matches is not (name == "output_must_match"):
            found.append(Violation(name, f"{'something' if matches else 'nothing'} matches /{pattern}/"))
    return found


def _against_schema(schema: dict[str, Any], text: str) -> str:
    """What does not fit, by its place in the answer, never by the answer's words; empty where all does."""
    value = json_inside(text)
    if value is None:
        return "no JSON in the answer"
    try:
        problem = first_problem(schema, value)
    except RecursionError:
        return "the JSON is nested deeper than the schema can be followed"
    return "" if problem is None else f"the JSON does not fit at {problem.json_path} ({problem.validator})"


def pii_kinds(text: str) -> list[str]:
    """The kinds of personal data a text seems to hold; card numbers must pass their checksum."""
    kinds = []
    for kind, pattern in PII.items():
        hits = (match[0] for match in pattern.finditer(text))
        if any(kind != "payment card" or _luhn(hit) for hit in hits):
            kinds.append(kind)
    return kinds


def _forbidden(actions: tuple[str, ...], answer: Answer) -> list[Violation]:
    """An action is forbidden when a tool's name has the stems of its words, or the text says the phrase."""
    found = []
    for action in actions:
        stems = [word[:STEM] for word in re.findall(r"\w+", action.lower()) if word not in SMALL_WORDS]
        named = [
            call["name"] for call in answer.tool_calls if stems and all(stem in call["name"].lower() for stem in stems)
        ]
        if named:
            found.append(Violation("forbidden_actions", f"the tool {named[0]} would `{action}`"))
        elif action.lower() in answer.text.lower():
            found.append(Violation("forbidden_actions", f"the answer says `{action}`"))
    return found


def _luhn(text: str) -> bool:
    digits = [int(c) for c in text if c.isdigit()]
    doubled = [d if i % 2 == 0 else (2 * d - 9 if d > 4 else 2 * d) for i, d in enumerate(reversed(digits))]
    return len(digits) >= 13 and sum(doubled) % 10 == 0 and len(set(digits)) > 1
