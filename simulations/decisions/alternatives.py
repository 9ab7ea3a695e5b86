"""What else could be had beside an answer, in words: dollars, quality and the wait of each way."""

from __future__ import annotations

from typing import Any

from data import wording
from simulations.decisions.record import Alternative
from simulations.mixes.frontier import Frontier


def beside_mix(shown: dict[str, Any], line: Frontier | None) -> list[Alternative]:
    """Beside a mix of `mix.simulate_mix`: today's, each model that may take everything, the ends of the frontier."""
    before, after = shown["baseline"], shown["proposed"]
    ways = {"stay as today": (before["annual_cost_usd"], before["quality"])}
    if line:
        ways |= {f"{name} for everything": way for name, way in line.single_models.items()}
        ends = {"the cheapest mix": line.points[0], "the mix of highest quality": line.points[-1]}
        ways |= {name: (point.cost_usd, point.quality) for name, point in ends.items()}
    chosen = _rounded(after["annual_cost_usd"], after["quality"])
    return [
        Alternative(name=name, told=way_words(usd, quality, per=" a year"))
        for name, (usd, quality) in ways.items()
        if _rounded(usd, quality) != chosen
    ]


def way_words(usd: float, quality: float | None, latency_ms: float | None = None, per: str = "") -> str:
    """What a way costs, how good and how fast it is; what is not known of its quality is said."""
    good = "quality unknown" if quality is None else f"quality {wording.quality(quality)}"
    wait = "" if latency_ms is None else f", mean latency {wording.milliseconds(latency_ms)}"
    return f"{wording.usd(usd)}{per}, {good}{wait}"


def _rounded(usd: float, quality: float | None) -> tuple[float, float | None]:
    """As a record tells them apart: to the cent, and to a millionth of quality."""
    return round(usd, 2), None if quality is None else round(quality, 6)
