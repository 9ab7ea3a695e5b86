"""How the numbers of a page are worked out: formula, coverage, caveats and version, behind one button of its header."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from analytics.coverage import coverage
from analytics.measures import MEASURES
from analytics.scope import Scope
from data.caveats import BY_CODE
from data.ledger import Ledger
from data.program import as_called
from data.version import provenance
from pages.ui import format as fmt

PATH = "page_path"  # of the page that runs, told by app.py
COST = (
    "Every attempt is charged once: the contract price at its instant, else what the log reports, else the price book."
)
FORECAST = (
    "A forecast is the usual day's spend x growth x weekday x days off their pattern, learned from whole days with a "
    "log; its range comes from what the same forecast missed at earlier dates. The forecasts of teams add up to the "
    "company's."
)
REPLAYED = (
    "Requests that stay keep what was logged. Those that move are priced by their own tokens at the other model's "
    "price, with the prompt caches they lose; what cannot be priced is listed and in no total."
)
QUALITY = (
    "Quality carries its honesty tier: measured on your tasks, from published scores, or stated by somebody. "
    "Tiers are never added together."
)
HOW: dict[str, tuple[str, ...]] = {
    "": (COST, FORECAST, "A change is taken over the days that both spans cover, else none is told."),
    "explore": (COST, "Sums add up over any dimension; ratios are worked out anew for every row, never averaged."),
    "weekly": (
        COST,
        "The bridge takes the week before, changes one driver at a time, and ends at this week to the cent.",
        "A day is unusual where it leaves the pattern of its weekday by more than the series usually does.",
    ),
    "plan": (
        COST,
        FORECAST,
        "The chance of overrun is the share of that range which lies above the budget; planned events and announced "
        "price changes are in it.",
    ),
    "savings": (
        "A finding's dollars are those of its rows, a month of 365/12 days. Titles add up high and medium confidence "
        "only, and count dollars that two findings share once. Low confidence stands apart until it is tested.",
    ),
    "alerts": (
        "Rules are looked at after each load and by `python -m analytics alerts`; one incident is told once.",
        FORECAST,
    ),
    "mix": (REPLAYED, QUALITY, "The cheapest mix under the rules is solved exactly as a linear programme."),
    "routing": (REPLAYED, QUALITY, "A policy's rules are asked in order for every request of the log, in one query."),
    "self-host": (
        "Machines are counted by replaying the real arrivals against what one replica serves within the latency "
        "objective. A saving is the API's cost less the machines' and the people's, month by month.",
        "The odds draw prices, volume, speed and salaries from their ranges; the title gives them before the estimate.",
    ),
    "vendors": (REPLAYED, "Who fails, waits or queues follows the minutes in which requests really came."),
    "pipeline": ("Each stage has its stated cost, hours and accuracy; all are fields, and nothing is from the log.",),
    "new-model": (
        "Capability (new over present, on your graded tasks), cost at your volume and eligibility: one failed gate "
        "means SKIP. EVALUATE is worth two days; ADOPT needs the same prompts graded for both.",
        QUALITY,
    ),
    "lab": (
        "Policies are graded on the same tasks, pair by pair. Intervals hold for all comparisons together; a "
        "difference is claimed only where the paired test shows one.",
    ),
    "rollout": (
        "A stage's two arms are compared in the gateway's own log, at looks that were fixed before it began; the "
        "answer is go on, hold or roll back, and missing data never goes on.",
    ),
    "review": ("An item waits until a person decides it; who did, when and why is in the sealed audit trail.",),
    "decisions": (
        "A record keeps the answer and its figures as they stood when it was made, with their trust and data version; "
        "a later log changes no record. Signatures name the facts they were given to by their SHA-256.",
    ),
    "governance": (
        "Each entry of the audit trail carries the hash of the one before, so a changed or missing one shows.",
    ),
    "data": (
        COST,
        "A record is loaded once, however often its file comes. What cannot be read is set aside with its reason.",
    ),
}

CALIBRATION = Path(__file__).resolve().parents[2] / "docs" / "calibration.md"
FORECASTS, FINDINGS, LAB = (
    ("Forecast", "Middle of the forecast"),
    ("Anomalies", "Savings that can be had together"),
    ("Live lab",),
)
# The sections of docs/calibration.md that measure what a page says; all of them where it says nothing uncertain itself.
MEASURED: dict[str, tuple[str, ...]] = {
    "": (*FORECASTS, *FINDINGS),
    "weekly": (*FORECASTS, *FINDINGS),
    "plan": FORECASTS,
    "savings": (*FINDINGS[1:], "Promises that nobody kept"),
    "alerts": (*FORECASTS, *FINDINGS[:1]),
    "mix": ("Quality from logged odds",),
    "routing": ("Quality from logged odds",),
    "new-model": LAB,
    "lab": LAB,
    "rollout": LAB,
}


@st.fragment
def button(view: Ledger, stands_on: str) -> None:
    """The way to the explanation; nothing for a page opened without the app around it. `stands_on`: the header's line
    in full.
    """
    path = st.session_state.get(PATH)
    told = "How the numbers of this page are computed"
    if path in HOW and st.button(
        "Explain", icon=":material/function:", key="how_computed", type="tertiary", wrap=False, help=told
    ):
        _told(view, path, stands_on)


@st.dialog("How is this computed", width="large", icon=":material/function:")
def _told(view: Ledger, path: str, stands_on: str) -> None:
    for sentence in HOW[path]:
        st.markdown(fmt.md(as_called(sentence)))
    st.markdown("**What it stands on**")
    st.markdown(fmt.md(stands_on))
    st.markdown("**What the log covers**")
    told = coverage(view, Scope.of(view))
    why = f": {told.reason}" if told.reason else ""
    st.markdown(fmt.md(f"{told.basis} from {fmt.days(told.start, told.last)} have a whole log{why}."))
    st.markdown("**What is read with a caveat**")
    st.markdown(
        "Usage left unread, a price without its tier, an assumed token count and the like are written on the row: "
        f"{len(BY_CODE)} kinds, each with its rows under Data and prices, Coverage."
    )
    st.markdown("**What the words mean**")
    st.dataframe(
        [{"Measure": m.label, "Is": m.meaning, "Unit": m.unit} for m in MEASURES.values()],
        hide_index=True,
        height=240,
        alt=f"{len(MEASURES)} measures with their formulas",
    )
    if measured := calibration(path):
        with st.expander("How often ranges, odds and findings hold (docs/calibration.md)"):
            st.markdown(fmt.md(measured))
    st.caption(fmt.md(f"{provenance(view.snapshot())}, days in {view.time_zone}."))


def calibration(path: str) -> str:
    """What docs/calibration.md says of a page's kind of answer, as Markdown; "" where the file is not installed."""
    if not CALIBRATION.exists():
        return ""
    _, *sections = CALIBRATION.read_text(encoding="utf-8").split("\n## ")
    told = {section.partition("\n")[0]: section.partition("\n")[2].strip() for section in sections}
    return "\n\n".join(f"#### {name}\n\n{told[name]}" for name in MEASURED.get(path, tuple(told)))
