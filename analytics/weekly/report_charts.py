"""Geometry of the report's two charts; the template draws it as SVG whose colours follow the reader's theme."""

from __future__ import annotations

from datetime import date
from typing import Any

WIDTH, ROW, LABEL = 720, 30, 230
HEIGHT = 150


def drivers(bridge: dict[str, Any]) -> dict[str, Any]:
    """Horizontal bars around one zero line, drivers in the bridge's order, those of nothing left out."""
    shown = [d for d in bridge["drivers"] if abs(d["usd"]) >= 0.005]
    reach = max((abs(d["usd"]) for d in shown), default=1.0)
    low, high = min((d["usd"] for d in shown), default=0.0), max((d["usd"] for d in shown), default=0.0)
    room = WIDTH - LABEL - 190  # 95 on either side for the numbers
    span = (max(high, 0.0) - min(low, 0.0)) or reach
    zero = LABEL + 95 - min(low, 0.0) / span * room
    bars = []
    for number, driver in enumerate(shown):
        length = abs(driver["usd"]) / span * room
        more = driver["usd"] > 0
        x = zero if more else zero - length
        bars.append(
            {
                "y": number * ROW,
                "x": round(x, 1),
                "width": round(max(length, 1.0), 1),
                "more": more,
                "label": driver["label"],
                "usd": driver["usd"],
                "text_x": round(x + length + 6 if more else x - 6, 1),
                "anchor": "start" if more else "end",
            }
        )
    return {"bars": bars, "zero": round(zero, 1), "height": len(shown) * ROW + 4, "width": WIDTH, "row": ROW}


def days(spend: list[tuple[str, float | None]], start: str) -> dict[str, Any]:
    """Vertical bars from zero, one per day, the reported week marked; a day without any log is a gap."""
    peak = max((usd or 0.0 for _, usd in spend), default=0.0) or 1.0
    step = WIDTH / max(len(spend), 1)
    bars = [
        {
            "x": round(n * step + 2, 1),
            "width": round(step - 4, 1),
            "height": round((usd or 0.0) / peak * HEIGHT, 1),
            "week": day >= start,
            "day": day,
            "usd": usd,
            "monday": date.fromisoformat(day).weekday() == 0,
        }
        for n, (day, usd) in enumerate(spend)
    ]
    return {"bars": bars, "width": WIDTH, "height": HEIGHT, "peak": peak}
