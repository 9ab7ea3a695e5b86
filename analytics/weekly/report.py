"""The weekly review for people who are not in the room: one HTML file, Markdown, a CSV of actions, a chat message.

Takes the plain values `review.build` makes.
"""

from __future__ import annotations

import csv
import io
from datetime import date
from typing import Any

from analytics.html_page import page
from analytics.registry import DIMENSIONS
from analytics.weekly import news, report_charts
from data.wording import cell, day, odds, share, slack, usd, usd_change

ACTION_COLUMNS = (
    "name",
    "owner",
    "due",
    "expected_usd_month",
    "status",
    "decided",
    "saved_usd_month",
    "note",
    "baton_version",
    "snapshot",
)


def headline(found: dict[str, Any]) -> str:
    """The week in one sentence."""
    spent = found["pacing"]["week_usd"]
    name = f"Week {found['week']}"
    logged = [usd is not None for _, usd in found["pacing"]["days"]]
    if not any(logged[-7:]):
        return f"{name} has no log at all: what it cost is not known"
    if found["priced_share"] == 0:
        return f"The cost of week {found['week']} is unknown: none of its attempts has a price"
    if not found["bridge"]:
        return f"{name} cost {usd(spent)}; nothing to compare it with ({found['compared']})"
    bridge = found["bridge"]
    moved = bridge["end_usd"] - bridge["start_usd"]
    if not bridge["start_usd"]:
        return f"{name} cost {usd(spent)}, after a week without spend"
    if abs(moved) < news.TOLD * bridge["start_usd"]:
        return f"{name} cost {usd(spent)}, as much as the week before{_and_the_news(found)}"
    direction = "more" if moved >= 0 else "less"
    without = f" ({found['without_events']})" if found["without_events"] and not _has_other_news(found) else ""
    change = f"{share(abs(moved / bridge['start_usd']))} {direction} than the week before{without}"
    return f"{name} cost {usd(spent)}, {change}{_and_the_news(found)}"


def _has_other_news(found: dict[str, Any]) -> bool:
    """Whether the title tells more than the change: two lines do not hold what the change is without events, too."""
    return bool(found["news"]) and found["news"][0]["kind"] != "change"


def _and_the_news(found: dict[str, Any]) -> str:
    """What weighs most in the week, as the end of its title."""
    if not found["news"]:
        return ""
    first = found["news"][0]
    return f", {first['text']}" if first["kind"] == "change" else f"; {first['text']}"


def pace(found: dict[str, Any]) -> str:
    """Where the month will end, and what the week's change is without known events, where the title has no room."""
    if found["bridge"] and found["without_events"] and _has_other_news(found):
        return f"{_course(found)} Against the week before, spend moved by {found['without_events']}."
    return _course(found)


def trust(found: dict[str, Any]) -> str:
    """How far to trust the pace, where it does not say so itself."""
    note = found["pacing"]["month"]["note"]
    return "" if note in pace(found) else note


def nothing_compared(found: dict[str, Any]) -> str:
    """Why the week has no bridge."""
    return f"There is nothing to compare this week with: {found['compared']}."


def _course(found: dict[str, Any]) -> str:
    """Where the month will end, against the company's budget where there is one."""
    month = found["pacing"]["month"]
    name = f"{date.fromisoformat(month['start']):%B %Y}"
    if not month["is_known"]:
        return f"As of {day(found['as_of'])}, what {name} has cost is not known. {month['note']}"
    if month["p50"] is None:
        return f"As of {day(found['as_of'])}, {name} has cost {usd(month['actual_usd'])}. {month['note']}"
    text = f"As of {day(found['as_of'])}, {name} is on course for {usd(month['p50'])}"
    if month["p10"] is not None and month["days_left"]:
        text += f" (P10 {usd(month['p10'])}, P90 {usd(month['p90'])})"
    company = next((b for b in found["pacing"]["budgets"] if not b["filters"] and b["period"] == "monthly"), None)
    if company and company["chance_of_overrun"] is not None:
        text += (
            f", against a budget of {usd(company['amount_usd'])}: {odds(company['chance_of_overrun'])} chance of"
            " overrun"
        )
    return text + "."


def html(found: dict[str, Any]) -> str:
    """One self-contained page."""
    bridge = found["bridge"] and report_charts.drivers(found["bridge"])
    spend = report_charts.days(found["pacing"]["days"], found["start"])
    return page("review.html", **_told(found), chart=bridge, spend=spend)


def markdown(found: dict[str, Any]) -> str:
    """The same report as Markdown."""
    return page("review.md", **_told(found))


def _told(found: dict[str, Any]) -> dict[str, Any]:
    """What every form of the report is written from: the review's values, and the sentences made of them."""
    return {
        "r": found,
        "title": headline(found),
        "pace": pace(found),
        "trust": trust(found),
        "nothing_compared": nothing_compared(found),
        "saved": found["savings"]["text"],
        "by": DIMENSIONS[found["by"]].label,
    }


def actions_csv(found: dict[str, Any]) -> str:
    """The action list; text that a spreadsheet would run as a formula gets an apostrophe."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(ACTION_COLUMNS)
    origin = {"baton_version": found["baton_version"], "snapshot": found["snapshot"]}
    for action in found["actions"]:
        cells = [(action | origin)[column] for column in ACTION_COLUMNS]
        writer.writerow(["" if value is None else cell(value) for value in cells])
    return out.getvalue()


def message(found: dict[str, Any]) -> dict[str, str]:
    """A Slack-compatible webhook's body: the summary as text."""
    lines = [f"*{slack(headline(found))}*", slack(pace(found))]
    for mover in found["movers"][:3]:
        lines.append(f"• {slack(mover['name'])}: {usd_change(mover['change_usd'])}, mainly {mover['driver'].lower()}")
    if found["incidents"]:
        first, more = found["incidents"][0], len(found["incidents"]) - 1
        cost = f"{usd(first['usd'])} from {first['period']}, {usd(first['usd_in_scope'])} of it this week"
        lines.append(f"Unusual: {slack(first['title'])}: {cost}" + (f"; and {more} more" if more else ""))
    if found["savings"]["rows"]:
        best = found["savings"]["rows"][0]
        told = f"{usd(best['usd_month'])} a month"
        sure = best["confidence"] != "low"
        lines.append(
            f"Biggest saving: {slack(best['title'])}, {told}"
            if sure
            else f"To test: {slack(best['title'])}, up to {told}"
        )
    open_ = sum(action["status"] == "open" for action in found["actions"])
    lines.append(
        f"{open_} open actions. Data version {found['snapshot']}" + (", sample data" if found["sample"] else "") + "."
    )
    return {"text": "\n".join(lines)}
