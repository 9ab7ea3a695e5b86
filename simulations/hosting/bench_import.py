"""A user's own measurements: results of `vllm bench serve`, AIPerf and GenAI-Perf as JSON.

The three are told apart by their keys. None of them says which GPU ran, so the user does. What a
file lacks is said by name; nothing is guessed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

from data.errors import BadInput, UnknownFormat, Unreadable
from data.facts.architectures import find_architecture, precision_of
from data.facts.gpus import find_gpu
from simulations.hosting.layouts import read_layout, within
from simulations.hosting.measured_curves import ServingMeasurement

MAX_BYTES = 64 * 2**20  # vLLM writes every single latency with --save-detailed


def import_bench(
    path: str | Path, *, gpu: str, count: int, layout: str, precision: str, model: str = "", as_of: str = ""
) -> ServingMeasurement:
    """The serving point of one result file. `model` and `as_of` (YYYY-MM-DD) are only needed where the file lacks them.

    Raises Unreadable, UnknownFormat (another tool) or BadInput (a field is missing or impossible).
    """
    path = Path(path)
    try:
        if path.stat().st_size > MAX_BYTES:
            raise BadInput(f"{path.name} has {path.stat().st_size:,} bytes; a bench result has at most {MAX_BYTES:,}.")
        body = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise Unreadable(f"{path} cannot be read ({error.strerror}); name a bench result.") from error
    except (ValueError, RecursionError) as error:
        raise Unreadable(
            f"{path.name} is not JSON ({str(error).splitlines()[0]}); export the result as JSON."
        ) from error
    return measurement(
        body, path.name, gpu=gpu, count=count, layout=layout, precision=precision, model=model, as_of=as_of
    )


def measurement(
    body: Any, name: str, *, gpu: str, count: int, layout: str, precision: str, model: str = "", as_of: str = ""
) -> ServingMeasurement:
    """As `import_bench`, from the parsed JSON."""
    body = body[-1] if isinstance(body, list) and body else body
    if not isinstance(body, Mapping):
        raise UnknownFormat(_other_tool(name))
    if "mean_tpot_ms" in body or "total_output_tokens" in body:
        found, engine = _vllm(body, name), str(body.get("backend") or "vllm")
    elif "output_sequence_length" in body or "time_to_first_token" in body:
        found, engine = _genai_perf(body, name), str(_config(body).get("backend") or "")
    else:
        raise UnknownFormat(_other_tool(name))
    architecture = find_architecture(model or _named_model(body, name))
    shape = within(read_layout(layout), count)
    measured_on = as_of or _date(body, name)
    return ServingMeasurement(
        architecture.model,
        find_gpu(gpu).gpu,
        engine.lower(),
        shape.gpus,
        shape.tp,
        shape.dp,
        precision_of(precision, architecture),
        found["input"],
        found["output"],
        max(1.0, found["concurrency"] / (count // shape.gpus)),
        found["tpot_ms"],
        found["ttft_ms"],
        name,
        measured_on,
    )


def _vllm(body: Mapping[str, Any], name: str) -> dict[str, float]:
    done = _number(body, "completed", name)
    found = {
        "input": _number(body, "total_input_tokens", name) / done,
        "output": _number(body, "total_output_tokens", name) / done,
        "tpot_ms": _number(body, "mean_tpot_ms", name),
        "ttft_ms": _number(body, "mean_ttft_ms", name),
    }
    # Little's law where the run had no limit: requests/s x seconds each spends.
    stated = body.get("max_concurrency")
    each_s = (found["ttft_ms"] + found["tpot_ms"] * (found["output"] - 1)) / 1e3
    found["concurrency"] = float(stated) if stated else _number(body, "request_throughput", name) * each_s
    return found


def _genai_perf(body: Mapping[str, Any], name: str) -> dict[str, float]:
    """AIPerf and GenAI-Perf share their names; AIPerf's unit may be seconds or milliseconds, GenAI-Perf's is ms."""
    found = {
        "input": _average(body, "input_sequence_length", name),
        "output": _average(body, "output_sequence_length", name),
        "tpot_ms": _average(body, "inter_token_latency", name),
        "ttft_ms": _average(body, "time_to_first_token", name),
    }
    config = _config(body)
    stated = (
        config.get("concurrency")
        or (config.get("loadgen") or {}).get("concurrency")
        or (config.get("perf_analyzer") or {}).get("stimulus", {}).get("concurrency")
    )
    if stated:
        found["concurrency"] = float(stated)
    else:
        found["concurrency"] = (
            _average(body, "request_throughput", name)
            * (found["ttft_ms"] + found["tpot_ms"] * (found["output"] - 1))
            / 1e3
        )
    return found


def _config(body: Mapping[str, Any]) -> Mapping[str, Any]:
    config = body.get("input_config") or {}
    return config if isinstance(config, Mapping) else {}


def _number(body: Mapping[str, Any], key: str, name: str) -> float:
    value = body.get(key)
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not 0 < value < float("inf"):
        raise BadInput(
            f"{name}: {key} is {'missing' if value is None else value}; run the bench again with its standard metrics."
        )
    return float(value)


def _average(body: Mapping[str, Any], key: str, name: str) -> float:
    metric = body.get(key)
    if not isinstance(metric, Mapping):
        raise BadInput(f"{name}: {key} is missing; run the bench with --streaming so that it measures tokens.")
    value = _number(metric, "avg", f"{name}, {key}")
    return value * {"s": 1e3, "sec": 1e3, "seconds": 1e3, "us": 1e-3, "ns": 1e-6}.get(
        str(metric.get("unit", "")).lower(), 1.0
    )


def _named_model(body: Mapping[str, Any], name: str) -> str:
    endpoint = _config(body).get("endpoint") or {}
    models = endpoint.get("model_names") if isinstance(endpoint, Mapping) else None
    found = body.get("model_id") or body.get("model") or _config(body).get("model") or (models or [None])[0]
    if isinstance(found, list):
        found = found[0] if found else None
    if not found:
        raise BadInput(f"{name} does not name its model; say which one ran.")
    return str(found)


def _date(body: Mapping[str, Any], name: str) -> str:
    """vLLM writes 20250930-153000, AIPerf ISO 8601."""
    text = str(body.get("date") or body.get("start_time") or "")
    digits = text[:10].replace("-", "") if "T" in text else text[:8]
    try:
        return date.fromisoformat(f"{digits[:4]}-{digits[4:6]}-{digits[6:8]}").isoformat()
    except ValueError:
        raise BadInput(f"{name} has no date; say on which day it was measured.") from None


def _other_tool(name: str) -> str:
    return f"{name} is not a result of vllm bench serve, AIPerf or GenAI-Perf; export one of these as JSON."
