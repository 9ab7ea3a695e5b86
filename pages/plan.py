"""Budget plan: what should the budget be, and how sure are we?"""

from __future__ import annotations

from datetime import timedelta

import pandas as pd
import streamlit as st

from analytics import inventory, spend
from analytics.budgets import budgets, plan, staffing
from analytics.forecasts.forecast import READS, events_ahead
from analytics.forecasts.planned_events import saved_events
from analytics.history import through
from analytics.known_spend import known_spend
from analytics.promises.promise_offer import Offer
from analytics.promises.promises import FORECAST_LOG_DAYS
from analytics.scope import Scope
from data.calendar import DAY, next_month
from data.errors import NoData
from data.invented import is_sample
from data.ledger import Ledger
from data.state import State
from data.version import file_name, provenance
from pages.parts.plan import event_form
from pages.parts.plan.announced import show_announced
from pages.parts.plan.budget_lines import budget_lines
from pages.parts.plan.chargeback_statement import chargeback_statement
from pages.ui import drill, exports, filters, finance_charts, paper, place, promising, recording, shell, tiles
from pages.ui import format as fmt
from pages.ui.period import DAYS
from simulations.decisions import drafts

HORIZONS = (3, 6, 12, 18, 24)
SECTIONS = ("Outlook", "Budgets", "Events and scenarios", "Chargeback", "Orchestration")  # `part=` in a link
AS_IT_STANDS = "Plan as it stands"
HISTORY = timedelta(days=FORECAST_LOG_DAYS)


@shell.cached(reads=READS)
def plans(view: Ledger, state: State, scope: Scope, count: int) -> dict[str, plan.Plan]:
    """The plan as it stands, then every saved scenario."""
    spend, until = known_spend(view, scope), through(view).complete_until
    names = {AS_IT_STANDS: None} | {name: name for name in plan.scenarios(state)}
    ahead = {shown: events_ahead(view, state, scope, name) for shown, name in names.items()}
    return {shown: plan.plan(spend, until, count, events) for shown, events in ahead.items()}


@shell.cached(reads=READS)
def swings(view: Ledger, state: State, scope: Scope, count: int) -> pd.DataFrame:
    until = through(view).complete_until
    recent = scope.between(until - timedelta(days=28), until)
    by_model = spend.grouped_spend(view, recent, ("model",))
    whole = float(by_model["cost_usd"].dropna().sum()) or 1.0
    shares = {row.model: float(row.cost_usd) / whole for row in by_model.dropna().itertuples()}
    return plan.swings(known_spend(view, scope), until, count, events_ahead(view, state, scope), shares)


@shell.cached(reads=("budget", *READS))
def statuses(view: Ledger, state: State) -> list[budgets.Status]:
    return budgets.status(view, state, saved_events(state))


@shell.cached(reads=("owner",))
def agents(view: Ledger, state: State) -> int:
    return inventory.in_production(inventory.in_use(view, state, ("model", "feature")))


def monthly_budget(found: list[budgets.Status], scope: Scope) -> float | None:
    """The budget that fits this scope, as USD a month; None when there is none."""
    wanted = None if scope.excluded else dict(scope.filters)
    fitting = [s.budget for s in found if s.budget.filters == wanted and s.state not in ("ended", "not started")]
    return fitting[0].usd_per_month if fitting else None


def answer(base: plan.Plan, count: int, budget: float | None) -> str:
    whole = base.whole
    span = f"The {count} months from {whole.start:%b %Y}"
    if whole.p10 is None and not whole.is_run_rate:
        return f"{span} would cost {fmt.usd_short(whole.p50)}, too unsure for a range"
    if whole.p10 is None:
        rate = f"the run rate of {fmt.count_of(whole.history_days, 'day')} with a log"
        return f"{span} would cost {fmt.usd_short(whole.p50)} at {rate}"
    text = f"{span} are on course for {fmt.usd_short(whole.p50)}, {fmt.usd_range(whole.p10, whole.p90)}"
    if budget:
        text += f"; {fmt.odds(whole.chance_above(budget * count))} chance to exceed {fmt.usd_short(budget * count)}"
    return text


def kpis(base: plan.Plan, found: list[budgets.Status], budget: float | None, count: int) -> None:
    cells = tiles.row()
    month = base.months.iloc[0]
    cells[0].metric(f"{month['month']:%B}, P50", fmt.usd_short(month["p50"]), help=base.whole.note)
    low_high = f"P10 {fmt.usd_short(base.whole.p10)}, P90 {fmt.usd_short(base.whole.p90)}"
    cells[1].metric(f"{count} months", fmt.usd_short(base.whole.p50), help=low_high)
    cells[2].metric(
        "Budget a month",
        fmt.usd_short(budget) if budget else fmt.MISSING,
        help="The saved budget of this scope; edit it below.",
    )
    current = next((s for s in found if s.chance_of_overrun is not None), None)
    value = fmt.odds(current.chance_of_overrun) if current else fmt.MISSING
    cells[3].metric(
        "Overrun, highest",
        value,
        help=f"Budget: {current.budget.name}" if current else "No budget is set.",
    )


def fan(all_plans: dict[str, plan.Plan], budget: float | None, count: int, scope: Scope) -> None:
    base = all_plans[AS_IT_STANDS]
    st.subheader("What the months add up to", anchor=False)
    whole = base.whole
    if whole.p10 is None:
        meaning = f"At the present {'run rate' if whole.is_run_rate else 'pace'} {count} months cost"
        meaning += f" {fmt.usd(whole.p50)}. {whole.note}"
    else:
        meaning = (
            f"Cumulated spend: P50 {fmt.usd(whole.p50)}, with 80% of the odds between {fmt.usd(whole.p10)} and "
            f"{fmt.usd(whole.p90)}."
        )
        meaning += f" The budget allows {fmt.usd(budget * count)}." if budget else " No budget is set for this scope."
        if count > 3:
            meaning += " Beyond three months the range is extrapolated from the misses of shorter forecasts."
    others = {name: one.months for name, one in all_plans.items() if name != AS_IT_STANDS}
    drawn = finance_charts.fan(base.months, shell.palette(), budget, others)
    days = {"window": DAYS, "from": whole.start.isoformat(), "to": (whole.known_until - DAY).isoformat()}
    begun = {f"{whole.start:%b %Y}": days | filters.of_scope(scope)} if whole.known_until > whole.start else {}
    shell.chart(drawn, alt=meaning, key="fan", on_select=drill.open_on_click("fan", "explore", begun))
    st.caption(fmt.md(f"{meaning} {whole.note if whole.p10 is not None else ''}"))
    with st.expander("Table: months", icon=":material/table:"):
        table = base.months.assign(budget_usd=budget)
        columns = ("actual_usd", "p10", "p50", "p90", "cum_p10", "cum_p50", "cum_p90", "budget_usd")
        exports.table(table, name="plan-months", units=dict.fromkeys(columns, "USD"))


def what_moves_it(scope: Scope, base: plan.Plan, count: int) -> pd.DataFrame:
    """One assumption at a time: how far each moves the total."""
    st.subheader("What moves the total most", anchor=False)
    table = swings(view, scope, count)
    first = table.iloc[0]
    meaning = (
        f"{first['assumption']} moves it most: {first['low']} gives {fmt.usd(first['low_usd'])}, {first['high']} "
        f"{fmt.usd(first['high_usd'])}. One assumption at a time, the others as planned."
    )
    shell.chart(finance_charts.tornado(table, shell.palette(), base.p50_usd), alt=meaning, key="tornado")
    st.caption(fmt.md(f"{meaning} {drill.COMPUTED}"))
    return table


def scenarios(all_plans: dict[str, plan.Plan]) -> None:
    """Each scenario beside the plan, and the events that make them."""
    st.subheader("Planned events and scenarios", anchor=False)
    st.caption(
        "An event changes spend from its day on. Without a scenario it is part of the plan; with one it is a "
        "line of its own, beside the plan."
    )
    base = all_plans[AS_IT_STANDS]
    if len(all_plans) > 1 or saved_events(shell.state()):
        rows = [
            (name, one.whole.p10, one.whole.p50, one.whole.p90, one.p50_usd - base.p50_usd)
            for name, one in all_plans.items()
        ]
        flat = base.without_events_usd
        rows.append(("Without any event", None, flat, None, flat - base.p50_usd))
        table = pd.DataFrame(rows, columns=["scenario", "p10", "p50", "p90", "against"])
        labels = {
            "scenario": "Scenario",
            "p10": "P10, USD",
            "p50": "P50, USD",
            "p90": "P90, USD",
            "against": "Against the plan, USD",
        }
        units = dict.fromkeys(("p10", "p50", "p90", "against"), "USD")
        exports.table(table, name="scenarios", units=units, labels=labels)
    event_form.manage(view)


def orchestration(year_usd: float, salary: float | None) -> list[staffing.Line]:
    st.subheader("Orchestration itself", anchor=False)
    lines = staffing.lines(year_usd, agents(view), salary)
    table = pd.DataFrame(lines).rename(columns={"name": "line", "low_usd_year": "from", "high_usd_year": "to"})
    exports.table(
        table,
        name="orchestration",
        units={"from": "USD", "to": "USD"},
        labels={"line": "Line", "from": "From, USD a year", "to": "To, USD a year", "rule": "Rule"},
        wide={"line": 270, "rule": 330},
    )
    return lines


def yearly(base: plan.Plan) -> float:
    """A year of the plan's spend, at the pace of its months."""
    return base.p50_usd / len(base.months) * 12


def offers(base: plan.Plan, scope: Scope, count: int) -> list[Offer]:
    """The running month and the whole plan as forecasts, with their P10 and P90; a run rate promises nothing."""
    whole, month = base.whole, base.months.iloc[0]
    if whole.p10 is None or whole.p50 is None or whole.p90 is None:
        return []
    first = scope.between(whole.start, next_month(whole.start))
    return [
        Offer("forecast", f"{whole.start:%B %Y}", month["p50"], month["p10"], month["p90"], first, whole.trust),
        Offer(
            "forecast",
            f"{count} months from {whole.start:%B %Y}",
            whole.p50,
            whole.p10,
            whole.p90,
            scope.between(whole.start, whole.end),
            whole.trust,
        ),
    ]


view = shell.view()
shell.needs_data(view, "What should the budget be, and how sure are we?")
shell.needs_prices(view)
title = st.container()
with st.container(horizontal=True, vertical_alignment="top"):
    count = st.segmented_control("Months", HORIZONS, default=12, required=True, key="months", bind="query-params")
    salary = st.number_input(
        "Engineer, USD a year",
        min_value=0,
        value=None,
        step=10_000,
        key="salary",
        placeholder="not known",
        width=180,
        help="What one orchestration engineer costs; prices the staffing line.",
    )
scope = filters.filter_bar(view)
found = statuses(view)
try:
    all_plans = plans(view, scope, count or 12)
except NoData as error:
    with title:
        shell.header(str(error), view)
    budget_lines(view, found)  # one may be set all the same
    place.stop()
base, budget = all_plans[AS_IT_STANDS], monthly_budget(found, scope)
with title:
    shell.header(answer(base, count or 12, budget), view)
kpis(base, found, budget, count or 12)
asked = place.read("part", SECTIONS[0])
if asked not in SECTIONS:
    place.refuse("part")
outlook, budgets_tab, events, chargeback, people = st.tabs(
    SECTIONS, default=asked if asked in SECTIONS else SECTIONS[0]
)
with outlook:
    fan(all_plans, budget, count or 12, scope)
    table = what_moves_it(scope, base, count or 12)
    show_announced(view, scope)
with budgets_tab:
    budget_lines(view, found)
with events:
    scenarios(all_plans)
with chargeback:
    chargeback_statement(view)
with people:
    lines = orchestration(yearly(base), salary)
with st.container(horizontal=True):
    foot = (
        f"Data through {through(view).instant:%Y-%m-%d %H:%M} UTC, days in {view.time_zone}, "
        f"{provenance(view.snapshot())}" + (", sample data" if is_sample(view) else "") + "."
    )
    exports.download_file(
        "Plan, HTML",
        lambda: plan.html(all_plans, budget, table, lines, foot),
        file_name("plan", "html", view.snapshot()),
        key="plan_html",
        snapshot=view.snapshot(),
    )
    paper.download_pdf(
        lambda: plan.html(all_plans, budget, table, lines, foot), "plan", key="plan", snapshot=view.snapshot()
    )
    exports.download(base.months, name="plan", key="plan_csv")
    recording.record_button(
        lambda: drafts.of_budget(
            all_plans,
            budget,
            [f"{row.assumption}: {row.low} to {row.high}" for row in table.itertuples()],
            answer(base, count or 12, budget),
            recording.ground(view, "plan", scope.between(base.whole.start - HISTORY, base.whole.known_until)),
        ),
        key="plan",
    )
    if offered := offers(base, scope, count or 12):
        promising.promise_button(view, lambda: offered, key="forecast")
    shell.snapshot_link(view)
