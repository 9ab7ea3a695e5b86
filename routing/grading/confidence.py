"""How sure an answer is, by four methods, each a number from 0 to 1 or None when it cannot be told.

self_reported  the model writes `Confidence: NN%` on a last line, which is taken off the answer
logprob        the geometric mean probability of the answer's tokens
agreement      the share of samples, or of models, that gave the most common answer
verifier       another model is asked whether the answer is right
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from routing.calling.calls import Answer, Request
from routing.grading.tasks import Task

ASK = "After the answer write one last line of the form `Confidence: NN%`: how likely the answer is right."
LINE = re.compile(r"(?im)^\W*confidence\W{0,4}(\d{1,3}(?:\.\d+)?)\s*(%?)[^\n]*$")
VERDICT = re.compile(r"(?i)\b(yes|no|right|wrong|correct|incorrect)\b")
FAVOURABLE = ("yes", "right", "correct")
# One more sample tells agreement from disagreement; more cost as much as the better model.
PROBES = 1
PROBE_TEMPERATURE = 0.8


def self_reported(answer: Answer) -> tuple[Answer, float | None]:
    """The answer without its confidence line, and the confidence; the last such line counts."""
    found = list(LINE.finditer(answer.text))
    if not found:
        return answer, None
    stated = float(found[-1][1])
    share = stated / 100 if found[-1][2] or stated > 1 else stated
    text = (answer.text[: found[-1].start()] + answer.text[found[-1].end() :]).strip()
    return replace(answer, text=text), share if 0 <= share <= 1 else None


def log_probability(answer: Answer) -> float | None:
    """exp(mean log-probability); None where the server sent none."""
    return None if answer.logprob is None else min(1.0, math.exp(answer.logprob))


def majority(keys: Sequence[str | None]) -> tuple[int | None, float]:
    """(position of the first answer that gives the most common key, its share of all samples).

    A sample without an answer votes for nothing but counts in the share; the earlier answer wins a tie.
    """
    votes = Counter(key for key in keys if key is not None)
    if not votes:
        return None, 0.0
    most = max(votes.values())
    winner = next(key for key in keys if key is not None and votes[key] == most)
    return keys.index(winner), most / len(keys)


def verification(task: Task, answer: Answer) -> Request:
    """The question to a verifier; it never learns who answered."""
    question = "\n".join(str(message["content"]) for message in task.request().messages)
    text = (
        f"Task:\n{question}\n\nProposed answer:\n{answer.text or list(answer.tool_calls)}\n\n"
        "Is the proposed answer right? Reply with yes or no only."
    )
    return Request(({"role": "user", "content": text},), max_tokens=16)


def verdict(answer: Answer) -> float | None:
    """1 for yes, 0 for no, None for anything else: a verifier that answers nonsense says nothing."""
    found = VERDICT.search(answer.text)
    return None if found is None else float(found[1].lower() in FAVOURABLE)
