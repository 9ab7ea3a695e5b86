"""The ledger against what providers bill, by provider and month."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from analytics.billing import reconcile
from data.ledger import Ledger
from data.prices import exchange_rates
from data.state import State
from pages.ui import editing, exports, shell
from pages.ui import format as fmt


@shell.cached
def without_bill(view: Ledger) -> tuple[float | None, pd.DataFrame]:
    return reconcile.without_bill(view)


def show_bills(view: Ledger) -> None:
    """What share of spend has a bill, which months have none, and each bill beside the ledger."""
    frame = reconciliation(view)
    if frame.empty:
        st.info(
            "No invoice or usage report is loaded yet. Load one (OpenAI costs or usage, Anthropic cost or "
            "usage report, FOCUS file, LiteLLM daily table) on the Load section, and this compares it with "
            "the ledger by provider and month."
        )
        return
    share, lacking = without_bill(view)
    st.subheader(fmt.md(f"{fmt.share(share)} of spend has a bill"), anchor=False)
    st.caption(
        "The ledger against what providers bill, by provider, month and day, with what the difference consists of "
        "as far as the data tell."
    )
    _providers(frame, lacking)
    if not lacking.empty:
        _months_without(lacking)
    differing = open_points(frame)
    st.write(fmt.md(f"{len(frame) - len(differing)} of {len(frame)} monthly bills agree with the ledger within 1%."))
    for point in differing.head(3).itertuples():
        gap = "" if pd.isna(point.difference_usd) else f" {fmt.usd_change(point.difference_usd)} on the bill."
        st.write(fmt.md(f"{point.provider}, {point.month:%b %Y}:{gap} {point.explanation}"))
    _days(view, differing if len(differing) else frame)
    frame = frame.assign(
        month=[f"{m:%b %Y}" for m in frame["month"]],
        difference_usd=[None if pd.isna(d) else round(d, 2) + 0 for d in frame["difference_usd"]],
    )
    money = {c: "USD" for c in frame.columns if c.endswith("_usd")}
    labels = {"billed_usd": "Billed, USD", "ledger_usd": "Ledger, USD", "difference_usd": "Billed less ledger, USD"}
    foreign = (frame["currency"] != "USD").any()
    exports.table(
        frame if foreign else frame.drop(columns=["currency", "billed"]),
        name="reconciliation",
        units=money,
        labels=labels,
    )
    if foreign or shell.state().all("billed_rate"):
        _exchange_rates()


def answer(view: Ledger) -> str | None:
    """The section in a sentence: what share of spend has a bill, and the widest gap; None where no bill is loaded."""
    frame, (share, _) = reconciliation(view), without_bill(view)
    if frame.empty:
        return None
    text = f"{fmt.share(share)} of spend has a bill"
    gaps = open_points(frame).dropna(subset=["difference_usd"])
    if gaps.empty:
        return f"{text}, and every bill that can be compared agrees within 1%"
    widest = gaps.loc[gaps["difference_usd"].abs().astype(float).idxmax()]
    more = "more" if widest["difference_usd"] > 0 else "less"
    return (
        f"{text}; {widest['provider']} billed {fmt.usd(abs(widest['difference_usd']))} {more} for "
        f"{widest['month']:%B %Y} than the log holds"
    )


def open_points(frame: pd.DataFrame) -> pd.DataFrame:
    """The bills that do not agree."""
    return frame[~frame["explanation"].str.contains("grees within")]


def _providers(frame: pd.DataFrame, lacking: pd.DataFrame) -> None:
    labels = {
        "billed_usd": "Billed, USD",
        "ledger_usd": "Ledger of those months, USD",
        "difference_usd": "Billed less ledger, USD",
        "without_bill_usd": "Ledger without a bill, USD",
    }
    exports.table(
        reconcile.by_provider(frame, lacking),
        name="bills-by-provider",
        units=dict.fromkeys(labels, "USD"),
        labels=labels,
    )


def _days(view: Ledger, bills: pd.DataFrame) -> None:
    """One bill by day beside the ledger, the one that differs first."""
    with st.expander("One bill by day", icon=":material/table:"):
        named = {f"{row.provider}, {row.month:%b %Y}": row for row in bills.itertuples()}
        of = named[st.selectbox("Bill", list(named), key="bill_by_day", width=240)]
        days = by_day(view)
        month = pd.to_datetime(days["day"]).dt.strftime("%Y-%m")
        inside = (days["provider"] == of.provider) & (month == f"{of.month:%Y-%m}")
        exports.table(
            days[inside].drop(columns=["provider"]),
            name="bill-by-day",
            units={"billed": "amount", "billed_usd": "USD", "ledger_usd": "USD", "difference_usd": "USD"},
            labels={
                "billed_usd": "Billed, USD",
                "ledger_usd": "Ledger, USD",
                "difference_usd": "Billed less ledger, USD",
            },
        )


def _months_without(lacking: pd.DataFrame) -> None:
    sums = lacking.groupby("provider")["ledger_usd"].sum().sort_values(ascending=False)
    named = ", ".join(f"{name} {fmt.usd(usd)}" for name, usd in sums.items())
    st.write(fmt.md(f"No bill is loaded for {fmt.usd(lacking['ledger_usd'].sum())}: {named}."))
    with st.expander("Months without a bill", icon=":material/table:"):
        months = lacking.assign(month=[f"{m:%b %Y}" for m in lacking["month"]])
        exports.table(months, name="without-bill", units={"ledger_usd": "USD"}, labels={"ledger_usd": "Ledger, USD"})


def _exchange_rates() -> None:
    st.subheader("Exchange rates", anchor=False)
    st.caption("A bill in another currency is kept apart until its rate and the day of that rate stand here.")
    columns = {
        "usd_rate": st.column_config.NumberColumn("USD for one", min_value=0.0, format="%.6f"),
        "on": st.column_config.DateColumn("As of"),
    }
    editing.documents(
        exchange_rates.RATES,
        columns,
        key="rates",
        after=lambda: "Saved; the comparison above uses it.",
        to_row=lambda b: {"usd_rate": float(b["usd_rate"]), "on": pd.Timestamp(b["on"]).date()},
        to_body=lambda r, stored: {"usd_rate": str(r.get("usd_rate", "")), "on": str(r.get("on", ""))[:10]},
    )


@shell.cached(reads=("billed_rate",))
def by_day(view: Ledger, state: State) -> pd.DataFrame:
    return reconcile.by_day(view, state)


@shell.cached(reads=("billed_rate",))
def reconciliation(view: Ledger, state: State) -> pd.DataFrame:
    return reconcile.by_month(view, state)
