"""What the words of a prompt tell of its difficulty, without a model: counts, and the kind of question.

Deterministic, and the same in the lab and in code before a gateway: the text in, five features out. Plain words only,
so that anybody can compute them again; English question words, since nothing here knows languages.
"""

from __future__ import annotations

import re
from typing import Any

COUNTS = ("prompt_words", "prompt_numbers", "prompt_code_lines", "prompt_options")
KINDS = ("amount", "choice", "reason", "method", "fact", "instruction")

NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
FENCE = "```"
CODE = re.compile(
    r"^\s*(?:def |class |import |from \w+ import |return\b|if .*:$|for .*:$|while .*:$|SELECT\b|\})|[;{}]\s*$"
)
OPTION = re.compile(r"^\s*\(?[A-Ha-h1-9][).:]\s+\S")
# Asked in this order: "how many" is no "how", and a choice asks "what" too.
ASKED = (
    ("amount", re.compile(r"(?i)\b(how (?:many|much|long|far|old|often)|calculate|compute|total|sum of|percentage)\b")),
    ("choice", re.compile(r"(?i)\b(which|choose|select|true or false|yes or no)\b")),
    ("reason", re.compile(r"(?i)\b(why|explain|justify|prove)\b")),
    ("method", re.compile(r"(?i)\bhow\b")),
    ("fact", re.compile(r"(?i)\b(what|who|whom|whose|when|where)\b")),
)


def prompt_features(text: str) -> dict[str, Any]:
    """The features of a prompt.

    `prompt_words`: words between blanks. `prompt_numbers`: numbers written in digits. `prompt_code_lines`: lines
    between ``` fences, and lines that look like code. `prompt_options`: lines that begin as an option (`A)`,
    `2.`). `prompt_kind`: amount, choice, reason, method, fact, or instruction where nothing is asked.
    """
    lines, fenced, code = text.splitlines(), False, 0
    for line in lines:
        if line.lstrip().startswith(FENCE):
            fenced = not fenced
        else:
            code += fenced or CODE.search(line[:400]) is not None
    options = sum(OPTION.match(line) is not None for line in lines)
    kind = next((kind for kind, words in ASKED if words.search(text)), "instruction")
    return {
        "prompt_words": len(text.split()),
        "prompt_numbers": len(NUMBER.findall(text)),
        "prompt_code_lines": code,
        "prompt_options": options,
        "prompt_kind": "choice" if options > 1 and kind != "amount" else kind,
    }
