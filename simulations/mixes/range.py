"""How sure a mix's saving is: P10, P50, P90 from what nobody knows before trying.

Work that stays on its model costs what it costs; work that moves is uncertain in output length
(verbosity, on its output dollars), tokenizer, and cache hits lost when traffic is split (on its input
dollars). Growth scales both sides. Quality moves within an interval per model. Sampling is seeded: the
same question gets the same answer.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from data.calendar import Z95
from simulations.ranges import DRAWS, Assumptions, lognormal, quantiles

FACTORS = ("verbosity", "tokenizer", "cache_loss", "growth")


class Line(NamedTuple):
    """A model's part in a mix: USD a year, share of the work, quality and what part of its USD is output, if known."""

    usd: float
    share: float
    quality: float | None = None
    output_share: float | None = None


Side = dict[str, Line]


def spread(before: Side, after: Side, assumptions: Assumptions) -> dict[str, Any]:
    """Quantiles over draws of the cost a year, the saving, and the change of quality."""
    rng = np.random.default_rng(assumptions.seed)
    growth = lognormal(rng, assumptions.growth)
    loss = lognormal(rng, assumptions.cache_loss)
    names = sorted({*before, *after})
    # A model writes and counts in its own way wherever it runs: one draw a model.
    longer, tokens = (
        {model: lognormal(rng, bounds) for model in sorted({_model(name) for name in names})}
        for bounds in (assumptions.verbosity, assumptions.tokenizer)
    )
    errors = {name: rng.normal(0, assumptions.quality_points / Z95, DRAWS) for name in names}
    kept = _kept(before, after)
    old_usd = growth * sum(line.usd for line in before.values())
    new_usd = growth * sum(
        line.usd * (kept[name] + (1 - kept[name]) * _moved(name, line, longer, tokens, loss, assumptions))
        for name, line in after.items()
    )
    result: dict[str, Any] = {"annual_cost_usd": quantiles(new_usd), "savings_usd": quantiles(old_usd - new_usd)}
    result["chance_of_saving"] = round(float((old_usd > new_usd).mean()), 4)
    result["quality_change"] = None
    if all(line.quality is not None for side in (before, after) for line in side.values()):
        change = _quality(after, errors) - _quality(before, errors)
        result["quality_change"] = quantiles(change)
    return result


def sources(before: Side, after: Side, assumptions: Assumptions) -> list[dict[str, Any]]:
    """Each unknown alone, the others without effect.

    Its range, and the saving it leaves at P10 and P90, widest first.
    """
    rows = []
    for name in FACTORS:
        one = {other: (1.0, 1.0) for other in FACTORS} | {name: getattr(assumptions, name)}
        alone = spread(before, after, assumptions.model_copy(update=one))["savings_usd"]
        rows.append(
            {
                "name": name,
                "low": one[name][0],
                "high": one[name][1],
                "savings_p10": alone["p10"],
                "savings_p90": alone["p90"],
            }
        )
    return sorted(rows, key=lambda row: row["savings_p10"] - row["savings_p90"])


def _moved(
    name: str,
    line: Line,
    longer: dict[str, np.ndarray],
    tokens: dict[str, np.ndarray],
    loss: np.ndarray,
    assumptions: Assumptions,
) -> np.ndarray:
    """What a dollar of work that moves to a model may become: input with caches lost, output as long as it is."""
    written = assumptions.output_share if line.output_share is None else line.output_share
    return tokens[_model(name)] * ((1 - written) * loss + written * longer[_model(name)])


def _kept(before: Side, after: Side) -> dict[str, float]:
    """Share of each model's work that it did before too, wherever hosted; only the rest is uncertain."""
    old, new = _by_model(before), _by_model(after)
    return {
        name: min(1.0, old.get(_model(name), 0.0) / new[_model(name)]) if new[_model(name)] else 1.0 for name in after
    }


def _by_model(side: Side) -> dict[str, float]:
    shares: dict[str, float] = {}
    for name, line in side.items():
        shares[_model(name)] = shares.get(_model(name), 0.0) + line.share
    return shares


def _model(target: str) -> str:
    return target.partition("@")[0]


def _quality(side: Side, errors: dict[str, np.ndarray]) -> np.ndarray:
    parts = [line.share * np.clip((line.quality or 0.0) + errors[name], 0, 1) for name, line in side.items()]
    return np.asarray(sum(parts))
