"""A mix scenario as one self-contained HTML page for the board: opens offline, prints on two pages."""

from __future__ import annotations

from html import escape
from typing import Any

from analytics.html_page import style
from data import wording
from data.version import BATON


def board_page(result: dict[str, Any], made_from: str = "") -> str:
    """HTML of a mix result (see `mix.simulate_mix`); `made_from` names data version and prices."""
    saving, spread = result["savings_usd"], result["ranges"]["savings_usd"]
    verb = "saves" if saving >= 0 else "costs"
    title = f"{result['name']}: {verb} {wording.usd(abs(saving))} a year{'' if saving >= 0 else ' more'}"
    quality = "unknown" if result["quality_change"] is None else f"{result['quality_change'] * 100:+.2f} points"
    lines = [
        (
            f"P10 to P90 of the saving: {wording.usd(spread['p10'])} to {wording.usd(spread['p90'])}; chance of any"
            f" saving {wording.odds(result['ranges']['chance_of_saving'])}."
        ),
        (
            f"Quality: {wording.quality(result['baseline']['quality'])} before,"
            f" {wording.quality(result['proposed']['quality'])} after ({quality};"
            f" {result['proposed']['quality_tier']})."
        ),
        f"{wording.share(result['moved_share'])} of the work changes model or hosting.",
    ]
    body = [
        f"<h1>{escape(title)}</h1>",
        *(f"<p>{escape(line)}</p>" for line in lines),
        "<h2>Today</h2>",
        _models(result["baseline"]),
        "<h2>Proposed</h2>",
        _models(result["proposed"]),
        "<h2>Exposure, share of the work</h2>",
        _exposure(result),
        "<h2>Risks</h2>",
        _list(result["risks"]) if result["risks"] else "<p>None were written down.</p>",
        "<h2>What is assumed</h2>",
        _list(assumption_lines(result["assumptions"])),
        f'<p class="soft">{escape(f"Made by {BATON}. {made_from}")}</p>',
    ]
    head = f'<meta charset="utf-8"><title>{escape(title)}</title><style>{style()}</style>'
    return f'<!doctype html><html lang="en">{head}<body>{"".join(body)}</body></html>'


def _models(side: dict[str, Any]) -> str:
    rows = "".join(
        f"<tr><td>{escape(m['model'])}</td><td>{escape(m.get('use', ''))}</td><td"
        f" class=n>{wording.share(m['share'])}</td><td class=n>{wording.usd(m.get('annual_cost_usd'))}</td><td"
        f" class=n>{wording.quality(m.get('quality'))}</td></tr>"
        for m in side["models"]
    )
    total = (
        f"<tr><th>total</th><th></th><th class=n>100%</th><th class=n>{wording.usd(side['annual_cost_usd'])}</th><th "
        f"class=n>{wording.quality(side['quality'])}</th></tr>"
    )
    return (
        "<table><tr><th>model</th><th>use</th><th class=n>work</th><th class=n>USD a year</th><th "
        f"class=n>quality</th></tr>{rows}{total}</table>"
    )


def _exposure(result: dict[str, Any]) -> str:
    rows = []
    for fact in ("vendor", "origin", "hosting"):
        before, after = (result[side][f"by_{fact}"] for side in ("baseline", "proposed"))
        for name in dict.fromkeys([*before, *after]):
            rows.append(
                f"<tr><td>{fact}</td><td>{escape(name)}</td><td class=n>{wording.share(before.get(name, 0))}</td><td "
                f"class=n>{wording.share(after.get(name, 0))}</td></tr>"
            )
    return f"<table><tr><th></th><th></th><th class=n>today</th><th class=n>proposed</th></tr>{''.join(rows)}</table>"


def assumption_lines(assumptions: dict[str, Any]) -> list[str]:
    """What nobody knows of a mix, each with its P10 to P90, in words."""
    names = {
        "verbosity": "output length of moved work, factor on its output cost",
        "tokenizer": "tokens for the same text",
        "cache_loss": "cache hits lost when traffic is split, factor on input cost",
        "growth": "traffic in a year over today's",
    }
    lines = [
        f"{words}: {assumptions[key][0]:g} to {assumptions[key][1]:g} (P10 to P90)" for key, words in names.items()
    ]
    return [*lines, f"quality of each model: plus or minus {assumptions['quality_points'] * 100:g} points"]


def _list(lines: list[str]) -> str:
    return "<ul>" + "".join(f"<li>{escape(line)}</li>" for line in lines) + "</ul>"
