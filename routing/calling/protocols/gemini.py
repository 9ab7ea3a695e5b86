"""Gemini's generateContent."""

from __future__ import annotations

from typing import Any

from routing.calling.calls import Answer, Request, Tokens
from routing.calling.protocols import Garbled, Wire, count, json_object, without

BLOCKED = ("SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII")
FINISH = {"STOP": "stop", "MAX_TOKENS": "length"} | dict.fromkeys(BLOCKED, "content_filter")


def wire(offer: Any, request: Request, key: str | None, stream: bool) -> Wire:
    """POST models/X:generateContent; the key travels in a header, never in the URL."""
    system = "\n\n".join(str(m["content"]) for m in request.messages if m["role"] == "system")
    config: dict[str, Any] = {"maxOutputTokens": request.max_tokens}
    if request.temperature is not None and offer.takes_temperature:
        config["temperature"] = request.temperature
    if request.seed is not None:
        config["seed"] = request.seed
    if request.json_schema:
        config |= {"responseMimeType": "application/json", "responseJsonSchema": request.json_schema}
    if request.logprobs:
        config["responseLogprobs"] = True
    contents = [
        {"role": "model" if m["role"] == "assistant" else "user", "parts": [{"text": str(m["content"])}]}
        for m in request.messages
        if m["role"] != "system"
    ]
    body: dict[str, Any] = {"contents": contents, "generationConfig": config}
    if system:
        body["systemInstruction"] = {"parts": [{"text": system}]}
    if request.tools:
        body["tools"] = [{"functionDeclarations": [_tool(tool) for tool in request.tools]}]
    verb = "streamGenerateContent?alt=sse" if stream else "generateContent"
    return Wire(f"models/{offer.upstream}:{verb}", {"x-goog-api-key": key} if key else {}, body | offer.extra)


def tokens(usage: Any) -> Tokens:
    """`promptTokenCount` includes the cached ones; `candidatesTokenCount` excludes the thoughts."""
    if not isinstance(usage, dict):
        return Tokens()
    cached, tool = count(usage.get("cachedContentTokenCount")), count(usage.get("toolUsePromptTokenCount"))
    fresh = without(count(usage.get("promptTokenCount")), cached)
    return Tokens(
        fresh_input=None if fresh is None else fresh + (tool or 0),
        cache_read=cached,
        output=count(usage.get("candidatesTokenCount")),
        reasoning=count(usage.get("thoughtsTokenCount")),
    )


def answer(body: Any) -> Answer:
    """A finished response; Garbled without candidates or a stated block."""
    stream = Stream()
    stream.absorb(body)
    if not stream.seen:
        raise Garbled("no candidates in the response")
    return stream.answer()


class Stream:
    """Adds up GenerateContentResponse objects; each carries the usage so far."""

    def __init__(self) -> None:
        self._text: list[str] = []
        self._calls: list[dict[str, Any]] = []
        self._usage: Any = None
        self._logprob: float | None = None
        self._finish = ""
        self._model = ""
        self.finished = False
        self.seen = False

    def feed(self, event: str, data: str) -> str:
        """The text this event adds."""
        return self.absorb(json_object(data))

    def absorb(self, chunk: Any) -> str:
        """As `feed`, from a decoded object."""
        try:
            if chunk.get("error"):
                raise Garbled(f"the stream broke off with an error: {str(chunk['error'])[:200]}")
            self._usage = chunk.get("usageMetadata") or self._usage
            self._model = chunk.get("modelVersion") or self._model
            blocked = (chunk.get("promptFeedback") or {}).get("blockReason")
            candidate = (chunk.get("candidates") or [{"finishReason": "SAFETY"} if blocked else {}])[0]
            parts = (candidate.get("content") or {}).get("parts") or []
            added = "".join(p.get("text", "") for p in parts if not p.get("thought"))
            self._calls += [
                {"name": p["functionCall"]["name"], "arguments": p["functionCall"].get("args")}
                for p in parts
                if p.get("functionCall")
            ]
        except (AttributeError, KeyError, TypeError, IndexError) as error:
            raise Garbled("no candidates in the response") from error
        self.seen = self.seen or bool(candidate)
        self._finish = candidate.get("finishReason") or self._finish
        self.finished = bool(self._finish)
        self._logprob = candidate.get("avgLogprobs", self._logprob)
        self._text.append(added)
        return added

    def answer(self) -> Answer:
        """The whole answer so far."""
        finish = FINISH.get(self._finish, self._finish.lower() or "cut")
        return Answer("".join(self._text), tuple(self._calls), finish, tokens(self._usage), self._model, self._logprob)


def _tool(tool: dict[str, Any]) -> dict[str, Any]:
    function = tool.get("function", tool)
    return {key: function[key] for key in ("name", "description", "parameters") if key in function}
