"""OpenAI's chat completions: also DeepSeek, MiniMax, OpenRouter, vLLM, Ollama, llama.cpp, LiteLLM."""

from __future__ import annotations

from typing import Any

from routing.calling.calls import Answer, Request, Tokens
from routing.calling.protocols import Garbled, Wire, count, json_object, mean_logprob, tool_call, without


def wire(offer: Any, request: Request, key: str | None, stream: bool) -> Wire:
    """POST chat/completions; `offer.output_field` is max_tokens, or max_completion_tokens on OpenAI's own."""
    body: dict[str, Any] = {
        "model": offer.upstream,
        "messages": list(request.messages),
        offer.output_field: request.max_tokens,
    }
    if request.temperature is not None and offer.takes_temperature:
        body["temperature"] = request.temperature
    if request.seed is not None:
        body["seed"] = request.seed
    if request.tools:
        body["tools"] = list(request.tools)
    if request.json_schema:
        body["response_format"] = {
            "type": "json_schema",
            "json_schema": {"name": "answer", "schema": request.json_schema},
        }
    if request.logprobs:
        body["logprobs"] = True
    if stream:
        body |= {"stream": True, "stream_options": {"include_usage": True}}
    return Wire("chat/completions", {"authorization": f"Bearer {key}"} if key else {}, body | offer.extra)


def tokens(usage: Any) -> Tokens:
    """`prompt_tokens` includes the cached ones and `completion_tokens` the reasoning: taken apart here."""
    if not isinstance(usage, dict):
        return Tokens()
    inside, outside = usage.get("prompt_tokens_details") or {}, usage.get("completion_tokens_details") or {}
    cached = count(inside.get("cached_tokens")) if isinstance(inside, dict) else None
    if cached is None:
        cached = count(usage.get("prompt_cache_hit_tokens"))
    reasoning = count(outside.get("reasoning_tokens")) if isinstance(outside, dict) else None
    return Tokens(
        fresh_input=without(count(usage.get("prompt_tokens")), cached),
        cache_read=cached,
        output=without(count(usage.get("completion_tokens")), reasoning),
        reasoning=reasoning,
    )


def answer(body: Any) -> Answer:
    """A finished response; Garbled without a choice."""
    try:
        choice = body["choices"][0]
        message = choice["message"]
        calls = tuple(
            tool_call(c["function"]["name"], c["function"].get("arguments")) for c in message.get("tool_calls") or ()
        )
        text = message.get("content") or message.get("refusal") or ""
        logprob = mean_logprob((choice.get("logprobs") or {}).get("content"))
    except (KeyError, IndexError, TypeError, AttributeError) as error:
        raise Garbled("no choices[0].message in the response") from error
    return Answer(
        str(text),
        calls,
        str(choice.get("finish_reason") or "stop"),
        tokens(body.get("usage")),
        str(body.get("model") or ""),
        logprob,
    )


class Stream:
    """Adds up `chat.completion.chunk` events; usage may come on a chunk with or without choices."""

    def __init__(self) -> None:
        self._text: list[str] = []
        self._calls: dict[int, list[str]] = {}
        self._logprobs: list[Any] = []
        self._usage: Any = None
        self._finish = ""
        self._model = ""
        self.finished = False

    def feed(self, event: str, data: str) -> str:
        """The text this event adds; Garbled when it is no chunk."""
        if data.strip() == "[DONE]":
            self.finished = True
            return ""
        chunk = json_object(data)
        if chunk.get("error"):
            raise Garbled(f"the stream broke off with an error: {str(chunk['error'])[:200]}")
        self._usage = chunk.get("usage") or self._usage
        self._model = chunk.get("model") or self._model
        added = ""
        for choice in chunk.get("choices") or ():
            delta = choice.get("delta") or {}
            added += delta.get("content") or delta.get("refusal") or ""
            for call in delta.get("tool_calls") or ():
                name, arguments = self._calls.setdefault(call.get("index", 0), ["", ""])
                function = call.get("function") or {}
                self._calls[call.get("index", 0)] = [
                    name + (function.get("name") or ""),
                    arguments + (function.get("arguments") or ""),
                ]
            self._logprobs += (choice.get("logprobs") or {}).get("content") or []
            self._finish = choice.get("finish_reason") or self._finish
        self._text.append(added)
        return added

    def answer(self) -> Answer:
        """The whole answer so far."""
        calls = tuple(tool_call(name, arguments) for name, arguments in self._calls.values())
        return Answer(
            "".join(self._text),
            calls,
            self._finish or "cut",
            tokens(self._usage),
            self._model,
            mean_logprob(self._logprobs),
        )
