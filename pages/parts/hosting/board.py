"""What leaves the Self-host page: scenario files, cash flows, and one HTML file for the board that needs no network."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

import plotly.graph_objects as go

from data.version import provenance
from pages.parts.hosting.charts import NAMES
from pages.ui import format as fmt
from simulations.hosting.assumptions import in_words

STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;max-width:960px;margin:32px auto;padding:0 "
    "16px;color:#1B2430}h1{font-size:26px}h2{font-size:19px;margin-top:32px}"
    "table{border-collapse:collapse;width:100%}td,th{border-bottom:1px solid #DFE3E8;padding:6px 8px;text-"
    "align:left}td.n,th.n{text-align:right}.grey{color:#5B6673}"
)


def board_html(
    title: str,
    result: dict[str, Any],
    figures: Sequence[tuple[str, str, go.Figure]],
    notes: Sequence[str],
    snapshot: int,
) -> str:
    """The page as one file: answer, options, charts (with their heading and meaning), every assumption with its
    source; `snapshot` is the data version.
    """
    parts = [
        "<!doctype html><html lang=en><meta "
        f"charset=utf-8><title>{escape(title)}</title><style>{STYLE}</style><h1>{escape(title)}</h1>"
    ]
    parts.append(f"<p class=grey>{escape(' '.join([result['name'] + '.', *notes]))}</p>")
    parts.append(_options(result))
    ranged = ", ".join(f"{name.upper()} {fmt.usd_short(result[name])}" for name in ("p10", "p50", "p90"))
    odds = f"Saving against the API over {result['months']} months: {ranged}. {result['measure_first']}"
    parts.append(f"<p>{escape(odds)}</p>")
    for number, (heading, meaning, figure) in enumerate(figures):
        drawn = figure.to_html(full_html=False, include_plotlyjs=number == 0, config={"displayModeBar": False})
        parts.append(f"<h2>{escape(heading)}</h2>{drawn}<p>{escape(meaning)}</p>")
    parts.append(_assumptions(result))
    parts.append(f"<p class=grey>Made by {provenance(snapshot)}.</p>")
    return "".join(parts)


def _options(result: dict[str, Any]) -> str:
    rows = [
        (
            NAMES[name],
            fmt.usd(o["total_usd"]),
            fmt.usd(o["present_cost_usd"]),
            fmt.count(o["gpus"]),
            fmt.usd(o["usd_per_mtok_reserved"]),
        )
        for name, o in result["options"].items()
    ]
    return _table(("Option", f"{result['months']} months", "Present cost", "GPUs", "USD per million tokens"), rows)


def _assumptions(result: dict[str, Any]) -> str:
    rows = [
        (
            in_words(a["name"]),
            f"{a['value']:,.6g}",
            f"{a['low']:,.4g} to {a['high']:,.4g}",
            a["unit"],
            a["source"],
            a["as_of"],
        )
        for a in result["assumptions"]
    ]
    return "<h2>Assumptions</h2>" + _table(("Figure", "Value", "P10 to P90", "Unit", "Source", "Date"), rows)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    cells = "".join(f"<th>{escape(h)}</th>" for h in head)
    body = "".join("<tr>" + "".join(f"<td>{escape(str(c))}</td>" for c in row) + "</tr>" for row in rows)
    return f"<table><tr>{cells}</tr>{body}</table>"
