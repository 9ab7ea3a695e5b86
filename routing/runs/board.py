"""A run's result as one HTML file that needs no network: verdict, policies, every task, and what it rests on."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

from data import wording
from data.version import BATON
from routing.runs.matrix import Row

STYLE = """body{font:15px/1.5 system-ui,sans-serif;max-width:1100px;margin:32px auto;padding:0 16px;color:#1B2430}
h1{font-size:26px}h2{font-size:19px;margin-top:32px}table{border-collapse:collapse;width:100%;font-size:13px}
td,th{border-bottom:1px solid #DFE3E8;padding:6px 8px;text-align:left;vertical-align:top;overflow-wrap:anywhere}
.grey{color:#5B6673}"""
LONGEST = 400  # characters of a prompt or an answer; the JSON and the CSV have them whole


def board_html(found: dict[str, Any], rows: Sequence[Row], made_at: str) -> str:
    """The page; `found` is the run's summary, `made_at` when the run was asked for."""
    title = escape(found["verdict"])
    head = ("Policy", "Passed", "Quality, 95% interval", "USD a task", "Median time", "Not answered")
    words = [f"{c['a']} against {c['b']}: {c['words']}" for c in found["comparisons"]]
    words += [p["words"] for p in found["preferences"]]
    foot = f"Made by {BATON} from the run {found['run_id']}. {_rests_on(found)}"
    return "".join(
        (
            f"<!doctype html><html lang=en><meta charset=utf-8><title>{title}</title><style>{STYLE}</style>",
            f"<h1>{title}</h1><p class=grey>{escape(_about(found, made_at))}</p>",
            "<h2>Policies</h2>",
            _table(head, _policies(found)),
            "".join(f"<p>{escape(sentence)}</p>" for sentence in words),
            "<h2>Every task</h2>",
            _table(("Task", "Asked", "Expected", *found["by_policy"]), [_task(row) for row in rows]),
            f"<p class=grey>{escape(foot)}</p>",
        )
    )


def _about(found: dict[str, Any], made_at: str) -> str:
    cap = "no cap" if found["cap_usd"] is None else f"a cap of {wording.usd(found['cap_usd'])}"
    held = f", {wording.usd(found['held_usd'])} held for calls whose end nobody saw" if found["held_usd"] else ""
    ended = f"{found['status']}: {found['ended'] or 'not ended'}"
    when = made_at[:16].replace("T", " ")
    return f"“{found['name']}”, {when} UTC, {ended}. Cost {wording.usd(found['cost_usd'])} under {cap}{held}."


def _rests_on(found: dict[str, Any]) -> str:
    orders, margin = found["judge_orders"], f"{100 * found['margin']:g} points"
    judged = f" In both orders the judge said the same on {orders['agreed']} of {orders['pairs']} pairs."
    return (
        "A difference counts from p = 0.05, adjusted for several comparisons; the margin of "
        f"{margin} was stated before the run.{judged if orders['pairs'] else ''} "
        f"The audit trail {'holds' if found['audit_ok'] else 'is BROKEN'}."
    )


def _policies(found: dict[str, Any]) -> list[tuple[str, ...]]:
    return [
        (
            name,
            f"{p['passed']} of {p['graded']}",
            "not graded" if p["quality"] is None else f"{wording.share(p['quality'])} ({_span(p)})",
            wording.usd(p["cost_per_task_usd"]),
            wording.milliseconds(p["latency_p50_ms"]),
            str(p["failed"] + p["refused"] + p["blocked"]),
        )
        for name, p in found["by_policy"].items()
    ]


def _span(policy: dict[str, Any]) -> str:
    return f"{wording.share(policy['quality_low'])} to {wording.share(policy['quality_high'])}"


def _task(row: Row) -> tuple[str, ...]:
    cells = (
        "not run"
        if cell is None
        else f"{cell.outcome}: {_short(cell.answer) or cell.why} ({wording.usd(cell.cost_usd)})"
        + (f"; judge: {row.judged[policy]}" if policy in row.judged else "")
        for policy, cell in row.cells.items()
    )
    return (row.task_id, _short(row.prompt), _short(row.expected), *cells)


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else text[:LONGEST] + " …"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    cells = "".join(f"<th>{escape(name)}</th>" for name in head)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><tr>{cells}</tr>{body}</table>"
