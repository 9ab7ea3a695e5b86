"""Caveats: what was seen in a record and not used, or used on an assumption, as codes on its row.

`usage.caveats` holds a sorted list of these codes, NULL where there are none. Each code is declared here once.
`set_by` says who decides it: the reading of a record (a format's `caveats` column, token readings, loading), which
keeps it, or the price book (`priced_sql`), which decides it anew whenever rows are priced again.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

from data import wording
from data.ledger import Ledger


class Caveat(NamedTuple):
    """One caveat: its code, a short label, the sentence a user reads, and what to do about it."""

    code: str
    label: str
    sentence: str
    remedy: str
    set_by: Literal["reading", "pricing"] = "reading"


CAVEATS = (
    Caveat(
        "unread_usage",
        "usage left unread",
        "The record's usage object holds numbers that Baton does not read, so tokens or fees may be missing.",
        "See the paths in the batch's report; `python -m data explain FILE` shows them record by record.",
    ),
    Caveat(
        "total_above_parts",
        "total above its parts",
        "The record's own total is larger than the parts it lists; what the difference is made of is unknown and"
        " unpriced.",
        "Compare these rows with the provider's bill; a newer client usually logs the missing part.",
    ),
    Caveat(
        "tier_price_assumed",
        "tier priced by assumption",
        "The price book has no price of its own for this service tier, so another tier's price was used.",
        "Give the tier's price as a contract price on Data and prices.",
        "pricing",
    ),
    Caveat(
        "split_assumed",
        "split assumed",
        "The log's counts do not give the whole split that the price needs, or its parts are more than their sum: what"
        " is not split was counted in the cheaper part, what is too much beside the sum.",
        "Log the split (for cache writes: by lifetime); until then these dollars are a bound, not a bill.",
    ),
    Caveat(
        "media_as_text",
        "media priced as text",
        "Image, audio or video tokens were counted with the text, at the price of text.",
        "Give the model's media price as a contract price, or take the dollars from the provider's bill.",
    ),
    Caveat(
        "fee_unpriced",
        "fee not priced",
        "The request used something billed apart from tokens (a search, a tool, a session) that has no known price"
        " here.",
        "Take the fee from the provider's bill, or give it as a contract price.",
        "pricing",
    ),
    Caveat(
        "incomplete_output",
        "output incomplete",
        "The record was written before the answer ended, or tells the last answer of a subagent alone: its output count"
        " is a placeholder, too low or missing.",
        "Load the later record of the same call where there is one (a session file is complete after its end), or the"
        " subagent's own file.",
    ),
    Caveat(
        "logged_twice",
        "call logged twice",
        "Another successful record under another id looks like this call: the same id of the provider's answer, the"
        " same model, tokens and moment, often in a second source, or the sum of the run that it was made in; both are"
        " counted.",
        "Find out whether two sources log the same calls (a gateway and a tracing product) or one logger is called"
        " twice, and keep one of the two.",
    ),
    Caveat(
        "cost_unit_assumed",
        "cost off by a hundred",
        "The cost that the log states is a hundredth of the list price, or a hundred times as much: it may be in cents"
        " where dollars are expected, or in dollars where cents are.",
        "Find out the unit of the log's cost; for a Portkey export in dollars load it with `--format portkey_usd`.",
        "pricing",
    ),
    Caveat(
        "failed_with_output",
        "failed call with output",
        "The call failed after output was counted, and the log states no cost: it is taken as not billed.",
        "Compare the failed calls of a day with the provider's bill; a stream that broke off is usually paid for.",
        "pricing",
    ),
    Caveat(
        "unknown_status",
        "status not understood",
        "The log's word for how the request ended is none Baton knows; it was counted as a success.",
        "Check the status column of these rows; a mapping can say what the word means.",
    ),
)

BY_CODE = {caveat.code: caveat for caveat in CAVEATS}
PRICING = tuple(caveat.code for caveat in CAVEATS if caveat.set_by == "pricing")


def normal_form(codes: str) -> str:
    """SQL for a list of codes as it is stored: each once, sorted, NULL where there are none."""
    return f"nullif(list_sort(list_distinct({codes})), [])"


def of_reading(codes: str) -> str:
    """SQL for the codes of a stored row that a new price leaves alone."""
    return f"list_filter({codes}, lambda code: code NOT IN {PRICING})"


def summary(view: Ledger) -> dict[str, Any]:
    """`without_caveat_share` (0..1 of the priced dollars, None where there are none), rows and dollars by caveat, and
    the bill lines by caveat and report format, whose amounts are no part of these dollars."""
    days, caveats = view.name("spend_by_day"), view.name("caveats_by_day")
    [(share,)] = view.rows(f"SELECT {WITHOUT_CAVEAT} AS share FROM {days}")
    rows = view.rows(f"""SELECT caveat, sum(attempts)::BIGINT AS n, sum(cost_usd) AS usd FROM {caveats}
            GROUP BY 1 ORDER BY 3 DESC NULLS LAST, 1""")
    lines = view.rows(BILL_LINES.format(billed=view.name("billed")))
    return {
        "bill_lines": [{"caveat": code, "format": form, "lines": n} for code, form, n in lines],
        "without_caveat_share": share,
        "caveats": [{"caveat": code, "rows": n, "cost_usd": usd} for code, n, usd in rows],
    }


BILL_LINES = """SELECT code, source AS format, count(*) AS n FROM (
        SELECT unnest(caveats) AS code, source FROM {billed} WHERE caveats IS NOT NULL) GROUP BY ALL ORDER BY ALL"""

# Dollars whose rows carry no caveat, as a share of all priced dollars.
WITHOUT_CAVEAT = "1 - coalesce(sum(caveat_cost_usd), 0)::DOUBLE / nullif(sum(cost_usd), 0)::DOUBLE"


def sentence(view: Ledger) -> str:
    """The ledger's share without caveat, for a person."""
    share = summary(view)["without_caveat_share"]
    if not isinstance(share, float):
        return "No priced dollars are in the ledger yet."
    return f"{wording.share(share)} of the ledger's priced dollars are without caveat."
