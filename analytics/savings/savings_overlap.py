"""What claims save together: those on the same dollars compound, those on other dollars add.

The dollars of a cell lie in three parts: failures and repeats, input, output. A claim touches some
dollars of one part (or the answers: input and output alike) and saves a share of them. Claims on one part
are taken to touch the same dollars as far as they can, the cautious reading: what one has saved of a
dollar the next can only save of what is left. So nested claims never save more than the dollars cost,
and claims on failures and on answers do not take from each other.
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from analytics.savings.savings_claim import Claim

RANK = {"high": 0, "medium": 0, "low": 1}  # what must be tested first saves only what the rest leaves
Layers = list[list[float]]  # [width in USD, share of it that is left]


def net_savings(cells: pd.DataFrame, claims: Sequence[Claim]) -> list[tuple[Claim, pd.Series]]:
    """Each claim with what it adds per cell to those before it, in the order they are counted.

    Claims to be tested first come last; the largest comes first within its class. No cell saves more than
    it costs.
    """
    ordered = sorted(claims, key=lambda one: (RANK[one.confidence], -one.usd.sum(), one.kind, one.title))
    # By position: names of cells may repeat in a claim's index type, positions do not.
    places = {index: place for place, index in enumerate(cells.index)}
    failed = [0.0] * len(cells)
    for one in ordered:
        if one.part == "failed":
            for index, usd in one.touched.items():
                failed[places[index]] += float(usd)
    parts = [_parts(cell, wasted) for cell, wasted in zip(cells.to_dict("records"), failed, strict=True)]
    found = []
    for one in ordered:
        net = [
            _taken(parts[places[index]], one.part, float(one.touched[index]), float(usd))
            for index, usd in one.usd.items()
        ]
        found.append((one, pd.Series(net, index=one.usd.index, dtype=float)))
    return found


def _parts(cell: dict, wasted: float) -> dict[str, Layers]:
    """The layers of a cell's dollars by part; what a claim calls wasted is in no answer."""
    cost = float(cell["cost_usd"])
    wasted = min(wasted, cost)
    output = min(float(cell["billed_output_tokens"] * cell["output_price"]), cost - wasted)
    return {
        "failed": [[wasted, 1.0]],
        "input": [[cost - wasted - output, 1.0]],
        "output": [[output, 1.0]],
    }


def _taken(parts: dict[str, Layers], part: str, touched: float, saved: float) -> float:
    """Save `saved` of the `touched` dollars of a part; what that is worth after the claims before it."""
    if touched <= 0:
        return 0.0
    share = min(saved / touched, 1.0)
    if part != "answers":
        return _cut(parts[part], touched, share)
    both = parts["input"], parts["output"]
    widths = [sum(width for width, _ in layers) for layers in both]
    reach = min(touched / sum(widths), 1.0) if sum(widths) > 0 else 0.0
    return sum(_cut(layers, width * reach, share) for layers, width in zip(both, widths, strict=True))


def _cut(layers: Layers, touched: float, share: float) -> float:
    """Take a share of what is left of the first `touched` dollars."""
    net, reach, cut = 0.0, touched, []
    for width, left in layers:
        inside = min(width, max(reach, 0.0))
        if inside > 0:
            net += inside * left * share
            cut.append([inside, left * (1 - share)])
        if width > inside:
            cut.append([width - inside, left])
        reach -= width
    layers[:] = cut
    return net
