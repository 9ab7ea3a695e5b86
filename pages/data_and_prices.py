"""Data and prices: can I trust these numbers?"""

from __future__ import annotations

from decimal import Decimal

import pandas as pd
import streamlit as st

from analytics import reconcile, spend
from analytics.scope import Scope
from data import rollups
from data.errors import BadInput
from data.ledger import Ledger
from data.loading import attribution_rules, reprice
from data.prices import aliases, contracts, exchange_rates, second_catalogue
from data.prices import report as price_report
from data.prices.book import PriceBook
from data.state import State
from pages.ui import editing, exports, loading, shell
from pages.ui import format as fmt

SHOWN_PRICES = ("fresh_input", "cache_read", "output")
PER_MTOK = "USD per 1M tokens"
SECTIONS = {
    "load": "Load",
    "batches": "Batches",
    "coverage": "Coverage",
    "prices": "Prices",
    "names": "Model names",
    "meaning": "Meaning",
    "bills": "Against the bill",
}


@shell.cached
def batches(view: Ledger) -> pd.DataFrame:
    return view.sql(
        "SELECT ingested_at, regexp_extract(path, '[^/]*$') AS file, format, read, loaded, duplicate, "
        "rejected, skipped, note, batch_id "
        f"FROM {view.name('batches')} ORDER BY ingested_at DESC, batch_id"
    )


@shell.cached
def set_aside(view: Ledger) -> pd.DataFrame:
    return view.sql(
        f"SELECT reason, batch_id, record_no, record FROM {view.name('rejected')} ORDER BY batch_id, "
        "record_no LIMIT 1000"
    )


@shell.cached
def coverage(view: Ledger) -> pd.DataFrame:
    return spend.coverage(view, Scope.of(view))


@shell.cached
def token_readings(view: Ledger) -> pd.DataFrame:
    frame = view.sql(
        "SELECT source, provider, model, input_has_cache, output_has_reasoning, verdict, evidence, "
        "sum(records)::BIGINT AS records "
        f"FROM {view.name('semantics')} GROUP BY ALL ORDER BY records DESC"
    )
    words = {True: "includes the cache", False: "excludes the cache"}
    return frame.assign(
        input_has_cache=frame["input_has_cache"].map(words),
        output_has_reasoning=frame["output_has_reasoning"].map(
            {True: "includes reasoning", False: "excludes reasoning"}
        ),
    )


@shell.cached
def unpriced(view: Ledger) -> pd.DataFrame:
    return price_report.unpriced(view)


@shell.cached
def sources(view: Ledger) -> pd.DataFrame:
    return view.sql(
        "SELECT source, count(*) AS attempts, min(requested_at) AS first, max(requested_at) AS last, "
        f"sum(cost_usd) AS cost_usd FROM {view.name('usage')} GROUP BY 1 ORDER BY 2 DESC"
    )


def answer(view: Ledger) -> str:
    """How far the numbers can be trusted, in one sentence."""
    known = shell.facts(view)
    if not known["attempts"]:
        return "Load a usage log to begin"
    aside = int(batches(view)["rejected"].sum())
    text = f"{fmt.share(known['priced_share'])} of {fmt.count(known['attempts'])} attempts have a known cost"
    return text + (f"; {aside:,} records were set aside" if aside else "; no record was set aside")


def show_batches(view: Ledger) -> None:
    st.caption(
        "Every file Baton has read. Loaded + duplicate + set aside = read; skipped records carry no usage of their own."
    )
    labels = {"ingested_at": "Loaded at, UTC", "rejected": "Set aside"}
    frame = batches(view)
    counts = dict.fromkeys(("read", "loaded", "duplicate", "rejected", "skipped"), "count")
    exports.table(frame.drop(columns=["note", "batch_id"]), name="batches", labels=labels, units=counts)
    for form, note in frame[["format", "note"]].drop_duplicates().itertuples(index=False):
        if note:
            st.caption(fmt.md(f"{form}: {note}"))
    frame = set_aside(view)
    st.subheader(f"Set aside: {len(frame):,}{' or more' if len(frame) == 1000 else ''} records", anchor=False)
    if frame.empty:
        st.caption("Nothing. Every record that carries usage is in the ledger.")
    else:
        exports.table(frame, name="set-aside", labels={"record_no": "Record", "record": "The record, keys masked"})


def show_coverage(view: Ledger) -> None:
    st.subheader("How each cost is known", anchor=False)
    st.caption(
        "contract: your price; reported: what the log says; list: the price book on that day; unpriced: no "
        "price known; unmetered: the log lost the usage."
    )
    exports.table(
        coverage(view),
        name="coverage",
        units={"cost_usd": "USD", "attempts": "attempts"},
        labels={"cost_basis": "Basis", "cost_usd": "Spend, USD"},
    )
    st.subheader("Where it comes from", anchor=False)
    exports.table(
        sources(view),
        name="sources",
        units={"cost_usd": "USD", "attempts": "attempts"},
        labels={"cost_usd": "Spend, USD", "first": "First, UTC", "last": "Last, UTC"},
    )
    frame = unpriced(view)
    st.subheader(f"Models without a price: {len(frame)}", anchor=False)
    if frame.empty:
        st.caption("None: every model in the log has a price on every day it was used.")
    else:
        st.caption(
            "Their cost is unknown, not zero, and no total includes them. Give an alias under Model names, or"
            " a contract price under Prices."
        )
        exports.table(
            frame, name="unpriced", units={"reported_cost_usd": "USD", "attempts": "attempts", "tokens": "tokens"}
        )
    st.subheader("How token counts were read", anchor=False)
    readings = token_readings(view)
    if readings.empty:
        st.caption(
            "Every source loaded so far says itself whether its input includes cached tokens and its output "
            "reasoning; nothing had to be inferred."
        )
    else:
        exports.table(
            readings, name="token-semantics", labels={"input_has_cache": "Input", "output_has_reasoning": "Output"}
        )
    zone = st.text_input(
        "Reporting time zone",
        value=view.time_zone,
        help="One zone for every day on every page; days are rebuilt when it changes.",
        width=280,
    )
    if zone != view.time_zone and st.button("Change the time zone", icon=":material/schedule:"):
        with shell.errors(), shell.ledger().write() as cursor:
            rollups.set_time_zone(cursor, zone.strip())
        st.rerun()


def show_prices(view: Ledger) -> None:
    st.subheader("Contract prices and discounts", anchor=False)
    st.caption(
        "They win over the log and the list from their first day to the day before their end. Prices are USD "
        "per 1M tokens; a discount of 0.15 is 15% off the list. Saving reprices the rows it touches, as a new"
        " data version."
    )
    number = st.column_config.NumberColumn
    columns = {
        "provider": st.column_config.TextColumn("Provider", required=True, width="small"),
        "model": st.column_config.TextColumn("Model", width="small", help="empty: every model of the provider"),
        "start": st.column_config.DateColumn("From", width="small"),
        "end": st.column_config.DateColumn("Until", width="small", help="the first day it no longer holds"),
        "discount": number(
            "Discount", min_value=0.0, max_value=1.0, width="small", help="share off the list: 0.15 is 15%"
        ),
        "fresh_input": number("Input", width="small", help=PER_MTOK),
        "cache_read": number("Cached", width="small", help=PER_MTOK),
        "output": number("Output", width="small", help=PER_MTOK),
        "note": st.column_config.TextColumn("Note", width="small"),
    }
    editing.documents(
        contracts.OVERRIDES,
        columns,
        to_row=_override_row,
        to_body=_override_body,
        key="overrides",
        after=lambda: _told(reprice.reprice(shell.ledger(), shell.state()), "repriced"),
    )
    st.subheader("Price timeline", anchor=False)
    models = spend.grouped(view, Scope.of(view), ("provider", "model"))
    pairs = [f"{p} / {m}" for p, m in zip(models["provider"], models["model"], strict=True)]
    chosen = st.selectbox("Model", pairs, key="price_of", bind="query-params", width=360)
    if chosen:
        provider, model = chosen.split(" / ", 1)
        frame = price_report.timeline(PriceBook.load(shell.state()), provider, model)
        rates = ("fresh_input", "cache_read", "cache_write_5m", "cache_write_1h", "output")
        keep = [
            "book",
            "service_tier",
            "valid_from",
            "valid_to",
            *(["hours"] if frame["hours"].any() else []),
            "tokens_from",
            *rates,
        ]
        for column in ("valid_from", "valid_to"):
            frame[column] = frame[column].map(lambda t: None if t is None or t != t else f"{t:%Y-%m-%d}")
        st.caption(
            "USD per 1M tokens. Tokens from: the whole request takes this price when its input reaches that "
            "many tokens."
        )
        exports.table(
            frame[keep].astype({"service_tier": str}),
            name=f"prices-{model.replace('/', '-')}",
            units=dict.fromkeys(rates, "USD per 1M tokens"),
        )
    _second_catalogue(view)


@shell.cached(reads=("alias", "price_override"))
def _disagreements(view: Ledger, state: State) -> pd.DataFrame:
    book = PriceBook.load(state)
    return price_report.disagreements(book, book.imported)


def _second_catalogue(view: Ledger) -> None:
    st.subheader("A second catalogue", anchor=False)
    given = st.text_input(
        "LiteLLM price file (model_prices_and_context_window.json) on this machine", key="litellm_prices"
    )
    if given and st.button("Import it beside the first", icon=":material/compare:"):
        with shell.errors():
            second_catalogue.install(shell.ledger().home, given)
            st.rerun()
    book = PriceBook.load(shell.state())
    if book.imported:
        frame = _disagreements(view)
        st.caption(
            f"The two catalogues disagree on {len(frame):,} prices. Baton uses the first; where it is wrong, "
            "write a contract price above."
        )
        exports.table(frame, name="catalogue-disagreements")


def _override_row(body: dict) -> dict:
    prices = body.get("prices") or {}
    day = {k: pd.Timestamp(body[k]).date() for k in ("start", "end") if body.get(k)}
    numbers = {k: float(v) for k, v in {**prices, "discount": body.get("discount")}.items() if v is not None}
    return {**{k: body.get(k) for k in ("provider", "model", "note")}, **day, **numbers}


def _override_body(row: dict, stored: dict) -> dict:
    """The stored line with what the table shows replaced; what it does not show is kept."""
    shown = {k: str(Decimal(str(row.pop(k)))) for k in SHOWN_PRICES if k in row}
    kept = {k: v for k, v in (stored.get("prices") or {}).items() if k not in SHOWN_PRICES}
    prices = {**kept, **shown} if shown else {}
    if prices and len(prices.keys() & {"fresh_input", "output"}) < 2:
        raise BadInput(
            "A contract price needs both input and output, in USD per 1M tokens; the cache price is the "
            "input's when left out."
        )
    body = {k: str(v)[:10] if k in ("start", "end") else str(v) for k, v in row.items()}
    tier = {"service_tier": stored["service_tier"]} if stored.get("service_tier") else {}
    return body | tier | ({"prices": prices} if prices else {})


def _told(change: object, done: str) -> str:
    rows = getattr(change, "rows", 0)
    return (
        f"{rows:,} rows {done}; a new data version was made."
        if rows
        else "Saved; no row already loaded is touched by it."
    )


def show_names(view: Ledger) -> None:
    st.caption(
        "What each logged name is taken for. A name that is taken wrongly, or not found, gets an alias below;"
        " `*` stands for anything."
    )
    frame = price_report.names(view, PriceBook.load(shell.state()))
    keep = [
        "provider",
        "host",
        "model_raw",
        "canonical_provider",
        "model",
        "matched_by",
        "found",
        "attempts",
        "cost_usd",
    ]
    exports.table(
        frame[keep],
        name="model-names",
        units={"cost_usd": "USD", "attempts": "attempts"},
        labels={
            "model_raw": "Name in the log",
            "model": "Taken for",
            "canonical_provider": "Provider",
            "cost_usd": "Spend, USD",
        },
    )
    st.subheader("Aliases", anchor=False)
    columns = {
        "pattern": st.column_config.TextColumn("Name in the log (or pattern)", required=True),
        "model": st.column_config.TextColumn("Stands for model", required=True),
        "provider": "Only for provider",
        "price_provider": "Priced as sold by",
        "note": "Note",
    }
    editing.documents(
        aliases.ALIASES,
        columns,
        to_row=lambda b: b,
        to_body=lambda r, stored: {k: str(v) for k, v in r.items()},
        key="aliases",
        after=lambda: _told(reprice.reprice(shell.ledger(), shell.state()), "renamed and repriced"),
    )


def show_meaning(view: Ledger) -> None:
    st.caption(
        "Rules say what the log does not: which team, feature, customer, task type, criticality or data class"
        " a row belongs to. Tried in order; the first that matches a column wins. They apply to rows already "
        "loaded, and taking one away restores what the log said."
    )
    columns = {
        "order": st.column_config.NumberColumn("Order", default=0, step=1),
        "field": st.column_config.TextColumn("When this field", help="A column, or tags.KEY", required=True),
        "op": st.column_config.SelectboxColumn(
            "Matches", options=["equals", "prefix", "contains", "glob", "regex"], default="equals", required=True
        ),
        "pattern": st.column_config.TextColumn("This", required=True),
        "set": st.column_config.SelectboxColumn("Set", options=list(attribution_rules.ATTRIBUTION), required=True),
        "value": st.column_config.TextColumn("To", required=True),
        "note": "Note",
    }
    editing.documents(
        attribution_rules.RULES,
        columns,
        to_row=lambda b: b,
        key="rules",
        to_body=lambda r, stored: {k: int(v) if k == "order" else str(v) for k, v in r.items()},
        after=lambda: _told(reprice.reapply_meaning(shell.ledger(), shell.state()), "changed"),
    )


def show_bills(view: Ledger) -> None:
    frame = _reconciled(view)
    if frame.empty:
        st.info(
            "No invoice or usage report is loaded yet. Load one (OpenAI costs or usage, Anthropic cost or "
            "usage report, FOCUS file, LiteLLM daily table) on the Load section, and this compares it with "
            "the ledger by provider and month."
        )
        return
    st.caption(
        "The ledger against what providers bill, by provider and month, with what the difference consists of "
        "as far as the data tell."
    )
    open_points = frame[~frame["explanation"].str.contains("grees within")]
    st.write(fmt.md(f"{len(frame) - len(open_points)} of {len(frame)} monthly bills agree with the ledger within 1%."))
    for point in open_points.head(3).itertuples():
        gap = "" if pd.isna(point.difference_usd) else f" {fmt.usd_change(point.difference_usd)} on the bill."
        st.write(fmt.md(f"{point.provider}, {point.month:%b %Y}:{gap} {point.explanation}"))
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
        st.subheader("Exchange rates", anchor=False)
        st.caption("A bill in another currency is kept apart until its rate and the day of that rate stand here.")
        columns = {
            "usd_rate": st.column_config.NumberColumn("USD for one", required=True, min_value=0.0, format="%.6f"),
            "on": st.column_config.DateColumn("As of", required=True),
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
def _reconciled(view: Ledger, state: State) -> pd.DataFrame:
    return reconcile.by_month(view, state)


view = shell.view()
shell.header(answer(view), view)
loaded = bool(shell.facts(view)["attempts"])
section = st.segmented_control(
    "Section",
    SECTIONS,
    format_func=SECTIONS.get,
    default="load" if not loaded else "batches",
    required=True,
    key="section",
    bind="query-params",
    label_visibility="collapsed",
)
with shell.errors():
    {
        "load": lambda view: loading.panel(),
        "batches": show_batches,
        "coverage": show_coverage,
        "prices": show_prices,
        "names": show_names,
        "meaning": show_meaning,
        "bills": show_bills,
    }[section or "load"](view)
