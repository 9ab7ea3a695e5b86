"""Prompts and answers as logs keep them, read as a conversation and as words.

`ingest --keep-text` keeps what an API was sent and what it answered: plain text, messages, or a whole body, in the form
of OpenAI (chat and responses), Anthropic, Gemini, Bedrock or Cohere. A model is asked the words, never their envelope.
"""

from __future__ import annotations

import json
from typing import Any

CONVERSATION = ("messages", "input", "contents", "prompt")  # where a request's body has it, by form of API
INSTRUCTION = ("system", "instructions", "systemInstruction", "system_instruction")
ROLES = {"developer": "system", "model": "assistant", "ai": "assistant", "human": "user"}
SPOKEN = ("system", "user", "assistant")
WORDS = (None, "text", "input_text", "output_text", "message")  # types of a part that is words
UNSPOKEN = ("thinking", "redacted_thinking", "reasoning")  # parts of an answer that are not said
CALLS = ("tool_use", "function_call", "custom_tool_call", "server_tool_use")
GEMINI_PART = {"text", "thought", "thoughtSignature", "functionCall"}


class NotWords(Exception):
    """A conversation with something that is no text: an image, a tool's call or result."""


Messages = tuple[dict[str, str], ...]  # each with `role` and `content`


def conversation(kept: str) -> tuple[str, Messages]:
    """(system prompt or "", messages) that a kept prompt asks, the last message from the user. NotWords where words
    alone are not what was asked.
    """
    body = _parsed(kept)
    told: Any = None
    if isinstance(body, dict):
        name = next((name for name in CONVERSATION if body.get(name)), None)
        told = next((body[key] for key in INSTRUCTION if body.get(key)), None)
        body = kept if name is None else body[name]
    if isinstance(body, list) and body and all(isinstance(one, dict) and "role" in one for one in body):
        messages = tuple(_message(one) for one in body)
    else:
        messages = ({"role": "user", "content": body if isinstance(body, str) else kept},)
    system = "\n\n".join([_words(told), *(m["content"] for m in messages if m["role"] == "system")]).strip()
    asked = tuple(m for m in messages if m["role"] != "system")
    if not asked or asked[-1]["role"] != "user" or not asked[-1]["content"].strip():
        raise NotWords("its last message is not a user's words")
    return system, asked


def answer_words(kept: str) -> str:
    """The words of a kept answer; empty where it says none, such as a tool call."""
    body = _parsed(kept)
    if isinstance(body, str):
        return body
    inner = _envelope(body)
    if inner is None:
        return kept
    try:
        return _words(inner)
    except NotWords:
        return ""


def _parsed(text: str) -> Any:
    """The JSON that a text is where that is an object, a list or a string; else the text itself."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return found if isinstance(found, dict | list | str) else text


def _message(one: dict[str, Any]) -> dict[str, str]:
    role = ROLES.get(str(one["role"]), str(one["role"]))
    if role not in SPOKEN or one.get("tool_calls") or one.get("function_call"):
        raise NotWords(f"it has a message of a {role}" if role not in SPOKEN else "it has a tool call")
    return {"role": role, "content": _words(one.get("content", one.get("parts", "")))}


def _words(value: Any) -> str:
    """The text of content in any form: words, a part, parts in order."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, list):
        return "\n".join(_words(part) for part in value if not (isinstance(part, dict) and _is_unspoken(part)))
    if isinstance(value, dict) and value.get("type") in WORDS:
        inner = next((value[key] for key in ("text", "content", "parts") if key in value), None)
        if inner is not None:
            return _words(inner)
    kind = value.get("type", "part that is no text") if isinstance(value, dict) else "part that is no text"
    raise NotWords(f"it has a {kind}")


def _is_unspoken(part: dict[str, Any]) -> bool:
    return part.get("type") in UNSPOKEN or bool(part.get("thought"))


def _is_part(one: dict[str, Any]) -> bool:
    """Whether an object is a part of an answer as some API writes it, not an answer that is JSON itself."""
    kind = one.get("type")
    return "role" in one or (
        bool(one) and set(one) <= GEMINI_PART if kind is None else kind in WORDS + UNSPOKEN + CALLS
    )


def _envelope(body: Any) -> Any:
    """What stands inside the envelope of an answer; None where it is none, such as an answer that is JSON itself."""
    if isinstance(body, list):
        return body if body and all(isinstance(one, dict) and _is_part(one) for one in body) else None
    for name in ("choices", "candidates"):
        if isinstance(body.get(name), list) and body[name] and isinstance(body[name][0], dict):
            first = body[name][0]
            return first.get("message", first.get("content", first.get("text")))
    output = body.get("output")
    if isinstance(output, list):
        return [one for one in output if isinstance(one, dict)]
    if isinstance(output, dict) and isinstance(output.get("message"), dict):
        return output["message"]
    if "role" in body and ("content" in body or "parts" in body):
        return body.get("content", body.get("parts"))
    inner = body.get("message")
    return inner if isinstance(inner, dict) and "content" in inner else None
