"""Small worlds of savings: a cell of some dollars, claims on it, and what they save, told dollar by dollar."""

from __future__ import annotations

import numpy as np
import pandas as pd

from analytics.savings.savings_claim import Claim


def world(rng: np.random.Generator, *, placed: bool) -> tuple[pd.DataFrame, list[Claim], float] | None:
    """A cell of conversations (whole dollars), claims on it, and what they save dollar by dollar; None without any."""
    index = pd.MultiIndex.from_tuples([("vendor", "model")])
    spoken = [int(rng.integers(0, 12)) for _ in range(int(rng.integers(1, 4)))]  # input by conversation
    sizes = {"failed": int(rng.integers(0, 12)), "input": sum(spoken), "output": int(rng.integers(0, 12))}
    starts = np.cumsum([0, *spoken])[:-1]
    reach = {kind: [int(rng.integers(0, size + 1)) for size in spoken] for kind in ("resent", "outgrown")}
    shared = sum(map(min, *reach.values()))
    left = {part: np.ones(size) for part, size in sizes.items()}
    claims: list[Claim] = []
    kinds = rng.permutation(["failed", "resent", "outgrown", "output", "answers", "answers"])[: rng.integers(1, 5)]
    for number, kind in enumerate(map(str, kinds)):
        part = "input" if kind in reach else kind
        share = float(rng.choice([0.25, 0.5, 0.9, 1.0]))
        blocks = {}
        if kind in reach and placed:
            touched = sum(reach[kind])
            for start, tokens in zip(starts, reach[kind], strict=True):
                left[part][start : start + tokens] *= 1 - share
            blocks = {"both": pd.Series([float(shared)], index=index), kind: pd.Series([touched - shared], index=index)}
        elif kind in reach:
            touched = int(rng.integers(0, sizes[part] + 1))
            left[part][rng.permutation(sizes[part])[:touched]] *= 1 - share
        else:
            touched = sum(sizes[side] for side in ("input", "output")) if kind == "answers" else sizes[part]
            for side in ("input", "output") if kind == "answers" else (part,):
                left[side] *= 1 - share
        if touched:
            usd, most = (pd.Series([value], index=index) for value in (touched * share, float(touched)))
            claims.append(Claim(f"k{number}", "", usd, most, part, "high", "", "", "", blocks=blocks))
    if not claims:
        return None
    if not any(one.part == "failed" for one in claims):
        sizes["failed"] = 0
    cell = pd.DataFrame(
        {
            "cost_usd": [float(sum(sizes.values()))],
            "billed_output_tokens": [float(sizes["output"])],
            "output_price": 1.0,
        }
    )
    return cell.set_index(index), claims, sum(float((1 - part).sum()) for part in left.values())
