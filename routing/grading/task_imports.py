"""Tasks written for other tools, as Baton's: promptfoo tests, GSM8K, BIG-Bench-Hard, IFEval.

What cannot be carried over is refused or listed as left out, never dropped in silence.
"""

from __future__ import annotations

import re
from typing import Any

from data.errors import BadInput

SLOT = re.compile(r"\{\{\s*([\w.]+)\s*\}\}")
OPTION = re.compile(r"^\([A-Z]\)$")


class LeftOut(Exception):
    """An entry that is understood, but whose check cannot be carried over."""


def as_task(entry: Any, number: int, name: str) -> Any:
    """One entry as a mapping of ours; entries that already are pass through."""
    if not isinstance(entry, dict):
        return entry
    for fits, build in IMPORTS:
        if fits(entry):
            return build(entry, f"{name}-{number}")
    return {"id": f"{name}-{number}", **entry}


def _promptfoo(entry: dict[str, Any], fallback_id: str) -> dict[str, Any]:
    """`vars` fill the prompt's slots; without a prompt of its own the test's `vars.prompt` or `vars.question` is
    asked.
    """
    variables = entry.get("vars") or {}
    prompt = entry.get("prompt") or variables.get("prompt") or variables.get("question") or variables.get("input")
    if not isinstance(prompt, str):
        raise BadInput(
            f"{fallback_id}: this promptfoo test has no prompt; give one as vars.prompt, vars.question or prompt."
        )
    missing = [slot for slot in SLOT.findall(prompt) if slot not in variables]
    if missing:
        raise BadInput(f"{fallback_id}: the prompt uses {{{{{missing[0]}}}}}, which vars does not hold; add it.")
    carried = {
        key: value
        for key, value in (entry.get("metadata") or {}).items()
        if key in ("task_type", "criticality", "data_class", "difficulty", "group")
    }
    return {
        "id": str(entry.get("id") or entry.get("description") or fallback_id),
        "prompt": SLOT.sub(lambda slot: str(variables[slot[1]]), prompt),
        "asserts": [_assertion(a, fallback_id) for a in entry.get("assert") or []],
        "source": "promptfoo",
        **({"threshold": entry["threshold"]} if "threshold" in entry else {}),
        **carried,
    }


def _assertion(raw: Any, where: str) -> dict[str, Any]:
    if not isinstance(raw, dict) or "type" not in raw:
        raise BadInput(f"{where}: an assertion is a mapping with a type.")
    unusable = [key for key in ("transform", "provider", "config") if key in raw]
    if unusable:
        raise BadInput(
            f"{where}: the assertion's `{unusable[0]}` is not supported; remove it or check the answer as it is."
        )
    known = {key: raw[key] for key in ("type", "value", "threshold", "weight", "metric") if key in raw}
    if "assert" in raw:
        known["assert"] = [_assertion(inner, where) for inner in raw["assert"]]
    return known


def _gsm8k(entry: dict[str, Any], fallback_id: str) -> dict[str, Any]:
    answer = str(entry["answer"]).rsplit("####", 1)[-1].strip()
    return {
        "id": fallback_id,
        "prompt": f"{entry['question']}\nEnd with the answer as a number.",
        "task_type": "reasoning",
        "answer_kind": "number",
        "asserts": [{"type": "match", "value": answer, "numeric": True}],
        "source": "GSM8K",
        "licence": "MIT",
        "group": "gsm8k",
    }


def _bbh(entry: dict[str, Any], fallback_id: str) -> dict[str, Any]:
    target = str(entry["target"])
    option = bool(OPTION.match(target))
    ask = "Answer with the letter of the option only." if option else "Answer with the result only."
    check = (
        {"type": "choice", "value": target.strip("()")}
        if option
        else {"type": "match", "value": target, "numeric": target.lstrip("-").isdigit()}
    )
    return {
        "id": fallback_id,
        "prompt": f"{entry['input']}\n{ask}",
        "task_type": "reasoning",
        "max_tokens": 64,
        "asserts": [check],
        "answer_kind": "choice" if option else "word",
        "source": "BIG-Bench-Hard",
        "licence": "MIT",
        "group": fallback_id.rsplit("-", 1)[0],
    }


IFEVAL = {
    "punctuation:no_comma": lambda k: {"type": "not-contains", "value": ","},
    "detectable_format:json_format": lambda k: {"type": "is-json"},
    "detectable_format:title": lambda k: {"type": "regex", "value": r"<<[^\n]+>>"},
    "detectable_format:number_highlighted_sections": lambda k: {
        "type": "regex",
        "value": rf"(?s)(\*[^\n*]+\*.*?){{{k['num_highlights']},}}",
    },
    "keywords:existence": lambda k: {"type": "icontains-all", "value": k["keywords"]},
    "keywords:forbidden_words": lambda k: {"type": "not-icontains-any", "value": k["forbidden_words"]},
    "startend:end_checker": lambda k: {"type": "regex", "value": re.escape(k["end_phrase"].strip()) + r"\s*$"},
    "startend:quotation": lambda k: {"type": "regex", "value": r'(?s)^\s*".*"\s*$'},
    "change_case:english_lowercase": lambda k: {"type": "regex", "value": r"(?s)^[^A-Z]+$"},
    "change_case:english_capital": lambda k: {"type": "regex", "value": r"(?s)^[^a-z]+$"},
    "detectable_content:postscript": lambda k: {"type": "icontains", "value": k["postscript_marker"]},
    "detectable_content:number_placeholders": lambda k: {
        "type": "regex",
        "value": rf"(?s)(\[[^\]]+\].*?){{{k['num_placeholders']},}}",
    },
    "length_constraints:number_words": lambda k: {
        "type": "word-count",
        "value": {k["relation"].replace(" ", "_"): k["num_words"]},
    },
}


def _ifeval(entry: dict[str, Any], fallback_id: str) -> dict[str, Any]:
    checks = []
    for instruction, settings in zip(entry["instruction_id_list"], entry.get("kwargs") or [{}] * 99, strict=False):
        if instruction not in IFEVAL:
            raise LeftOut(f"ifeval-{entry.get('key', fallback_id)}: no check for the instruction {instruction}")
        checks.append(IFEVAL[instruction]({key: value for key, value in settings.items() if value is not None}))
    return {
        "id": f"ifeval-{entry.get('key', fallback_id)}",
        "prompt": entry["prompt"],
        "task_type": "other",
        "max_tokens": 1024,
        "asserts": checks,
        "source": "IFEval",
        "licence": "Apache-2.0",
        "group": "ifeval",
    }


IMPORTS = (
    (lambda e: "instruction_id_list" in e, _ifeval),
    (lambda e: "question" in e and "####" in str(e.get("answer", "")), _gsm8k),
    (lambda e: set(e) == {"input", "target"}, _bbh),
    (lambda e: "assert" in e or "vars" in e, _promptfoo),
)
