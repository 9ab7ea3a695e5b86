"""What claims save together: those on the same dollars compound, those on other dollars add.

The dollars of a cell lie in three parts: failures and repeats, input, output. A claim touches some
dollars of one part (or the answers: input and output alike) and saves a share of them. A claim may say in which
block of the part they lie (`Claim.blocks`); dollars of which that is not known are taken to be those that other
claims leave least of, the cautious reading: what one has saved of a dollar the next can only save of what is left.
So nested claims never save more than the dollars cost, and claims on failures and on answers, or on tokens of
other conversations, do not take from each other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from analytics.savings.savings_claim import Claim

RANK = {"high": 0, "medium": 0, "low": 1}  # what must be tested first saves only what the rest leaves
Layers = list[list[float]]  # [width in USD, share of it that is left]
Blocks = dict[str, Layers]  # of one part; REST holds what no claim has placed
REST = ""


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
    widths = _block_widths(ordered, places, len(cells))
    records = zip(cells.to_dict("records"), failed, widths, strict=True)
    parts = [_parts(cell, wasted, placed) for cell, wasted, placed in records]
    found = []
    for one in ordered:
        net = []
        for index, usd in one.usd.items():
            place = places[index]
            placed = {name: float(block[index]) for name, block in one.blocks.items() if index in block.index}
            net.append(_taken(parts[place], one.part, float(one.touched[index]), float(usd), placed))
        found.append((one, pd.Series(net, index=one.usd.index, dtype=float)))
    return found


def _block_widths(claims: Sequence[Claim], places: Mapping, count: int) -> list[dict[tuple[str, str], float]]:
    """Per cell, by part and block, the most dollars that a claim has in it."""
    widths: list[dict[tuple[str, str], float]] = [{} for _ in range(count)]
    for one in claims:
        for name, block in one.blocks.items():
            for index, usd in block.items():
                held = widths[places[index]]
                held[one.part, name] = max(held.get((one.part, name), 0.0), float(usd))
    return widths


def _parts(cell: Mapping, wasted: float, placed: Mapping[tuple[str, str], float]) -> dict[str, Blocks]:
    """The dollars of a cell by part and block; what a claim calls wasted is in no answer."""
    cost = float(cell["cost_usd"])
    wasted = min(wasted, cost)
    output = min(float(cell["billed_output_tokens"] * cell["output_price"]), cost - wasted)
    parts: dict[str, Blocks] = {}
    for part, width in (("failed", wasted), ("input", cost - wasted - output), ("output", output)):
        inside = {name: usd for (where, name), usd in placed.items() if where == part}
        fits = min(1.0, width / sum(inside.values())) if sum(inside.values()) > 0 else 1.0
        parts[part] = {name: [[usd * fits, 1.0]] for name, usd in inside.items()}
        parts[part][REST] = [[width - sum(inside.values()) * fits, 1.0]]
    return parts


def _taken(parts: Mapping[str, Blocks], part: str, touched: float, saved: float, placed: Mapping[str, float]) -> float:
    """Save `saved` of the `touched` dollars of a part; what that is worth after the claims before it."""
    if touched <= 0:
        return 0.0
    share = min(saved / touched, 1.0)
    if part != "answers":
        net = sum(_cut([parts[part][name]], usd, share) for name, usd in placed.items())
        elsewhere = [layers for name, layers in parts[part].items() if name not in placed]
        return net + _cut(elsewhere, touched - sum(placed.values()), share)
    both = [list(parts[side].values()) for side in ("input", "output")]
    widths = [sum(width for layers in blocks for width, _ in layers) for blocks in both]
    reach = min(touched / sum(widths), 1.0) if sum(widths) > 0 else 0.0
    return sum(_cut(blocks, width * reach, share) for blocks, width in zip(both, widths, strict=True))


def _cut(blocks: Sequence[Layers], touched: float, share: float) -> float:
    """Take a share of what is left of `touched` dollars of some blocks, those with the least left first."""
    net, reach = 0.0, touched
    every = [(layer, layers) for layers in blocks for layer in layers]
    for layer, among in sorted(every, key=lambda one: one[0][1]):
        width, left = layer
        inside = min(width, max(reach, 0.0))
        reach -= width
        if inside <= 0:
            continue
        net += inside * left * share
        layer[:] = [inside, left * (1 - share)]
        if width > inside:
            among.append([width - inside, left])
    return net
