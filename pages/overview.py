"""Overview: are we on budget, what changed, where does it go?"""

from __future__ import annotations

import streamlit as st

from analytics import spend
from analytics.anomalies.distortions import Distortion, distortion
from analytics.budgets import budgets
from analytics.coverage import Comparison, comparison
from analytics.forecasts import forecast
from analytics.measures import MEASURES
from analytics.registry import DIMENSIONS, HOUR
from analytics.scope import ClosedScope, Scope
from data.ledger import Ledger
from data.state import State
from pages.parts.overview import tour
from pages.parts.overview.attention import what_needs_attention
from pages.parts.overview.days import days_chart
from pages.parts.overview.month import month_chart
from pages.parts.overview.splits import what_moved, where_it_goes
from pages.parts.savings.findings import all_savings
from pages.ui import filters, loading, shell, tiles
from pages.ui import format as fmt
from pages.ui.period import FITTING, GRAINS, drawn_grain, grain_of

KPIS = ("cost_usd", "requests", "cost_per_1k_requests_usd", "failure_rate")
BARS = {FITTING: "as fits", HOUR: "an hour", "day": "a day", "week": "a week", "month": "a month"}
STILL = 0.0005  # a change that rounds to nothing
MOVERS_BY = ("model", "team", "feature", "provider", "task_type")


@shell.cached
def totals(view: Ledger, scope: Scope) -> dict:
    return spend.totals(view, scope, KPIS)


@shell.cached
def courses(view: Ledger, scope: ClosedScope) -> dict[str, list[float | None]]:
    """The numbers of the tiles, by the grain that fits the span."""
    grain = grain_of(scope)
    return tiles.courses(spend.grouped_spend(view, scope, (grain,), KPIS), grain)


@shell.cached(reads=forecast.READS)
def month(view: Ledger, state: State, scope: Scope) -> forecast.Outlook:
    return forecast.month_end(view, scope, forecast.events_ahead(view, state, scope))


@shell.cached(reads=("budget", *forecast.READS))
def budget(view: Ledger, state: State) -> budgets.Status | None:
    return budgets.company(budgets.status(view, state, forecast.saved_events(state)))


@shell.cached
def find_distortion(view: Ledger, scope: ClosedScope, earlier: ClosedScope | None) -> Distortion | None:
    return distortion(view, chosen_comparison(view, scope, earlier))


def answer(outlook: forecast.Outlook, held: budgets.Status | None, scope: Scope) -> str:
    """The page's title: where this month ends, and whether that keeps the budget."""
    whose = " for these filters" if scope.is_narrowed else ""
    if not outlook.is_known:
        return f"What {outlook.start:%B} costs{whose} is not known"
    if outlook.p50 is None:
        return f"{fmt.usd_short(outlook.actual_usd)} of {outlook.start:%B} so far{whose}; a forecast needs whole days"
    text = f"{outlook.start:%B} is on course for {fmt.usd_short(outlook.p50)}{whose}"
    if scope.is_narrowed:
        return text
    if held is None:
        return f"{text}; no budget is set"
    end = held.outlook
    if end.p50 is None:
        return text
    over = end.p50 / held.budget.amount_usd - 1
    kept = f"{fmt.share(abs(over))} {'over' if over > 0 else 'under'} the {held.budget.period} budget"
    return (
        f"{text}, {kept}"
        if held.budget.period == "monthly"
        else f"{text}; the {held.budget.period} budget ends {kept.split(' the ')[0]}"
    )


def kpis(
    now: dict,
    pair: tuple[dict, dict] | None,
    outlook: forecast.Outlook,
    told: tuple[str, str],
    known: Distortion | None,
    trends: dict[str, list[float | None]],
) -> None:
    """The month's end, then three numbers of the period with their course; the change is over the compared days
    (`pair`: now and before), or not told. A change of spend that a known event turns round is grey: it is neither good
    nor bad news.
    """
    turned = known is not None and known.change * known.change_without < 0
    against, in_full = told
    after, before = pair or ({}, {})
    primary, spend_tile, per_request, failures = tiles.row(first=1.3)
    reach = outlook.note if outlook.p10 is None else fmt.usd_range(outlook.p10, outlook.p90)
    primary.metric(
        f"{outlook.start:%B} at its end",
        fmt.usd_short(outlook.p50),
        delta=None if outlook.p10 is None else f"8 of 10 cases: {reach}",
        delta_color="off",
        delta_arrow="off",
        help=fmt.md(f"forecast, in 8 of 10 cases between P10 and P90: {reach}"),
    )
    money = (("Spend", fmt.usd_short, "cost_usd"), ("Per 1,000 requests", fmt.usd, "cost_per_1k_requests_usd"))
    for cell, (label, write, name) in zip((spend_tile, per_request), money, strict=True):
        change = float(after[name]) / float(before[name]) - 1 if after.get(name) and before.get(name) else None
        still = change is not None and abs(change) < STILL
        cell.metric(
            label,
            write(now[name]),
            delta="no change" if still else None if change is None else fmt.delta(fmt.share_change(change)),
            delta_color="off" if still or turned and name == "cost_usd" else "inverse",
            delta_arrow="off" if still else "auto",
            delta_description=against if change is not None else None,
            help=fmt.md(f"{MEASURES[name].meaning}; {in_full}"),
            trend=trends[name],
        )
    rate, earlier = after.get("failure_rate"), before.get("failure_rate")
    points = None if rate is None or earlier is None else fmt.points(rate - earlier)
    failures.metric(
        "Failure rate",
        fmt.share(now["failure_rate"]),
        delta=fmt.delta(points) if points else None,
        delta_color="inverse",
        help=fmt.md(f"{MEASURES['failure_rate'].meaning}; {in_full}"),
        delta_description=against if points else None,
        trend=trends["failure_rate"],
    )


def monthly_budget(held: budgets.Status | None, scope: Scope) -> float | None:
    """USD that the company may spend in a month; None where no budget says so or the page shows a part of it."""
    if held is None or held.budget.period != "monthly" or scope.is_narrowed:
        return None
    return float(held.budget.amount_usd)


def pacing(held: budgets.Status | None) -> None:
    """The budget that the month runs against, with the way on."""
    if held is not None:
        chance = "" if held.chance_of_overrun is None else f", chance of overrun {fmt.odds(held.chance_of_overrun)}"
        st.caption(fmt.md(f"Budget {fmt.usd(held.budget.amount_usd)} {held.budget.period}{chance}."))
    label = "Plan the budget" if held else "Set a budget"
    st.page_link("pages/plan.py", label=label, icon=":material/savings:", query_params={"part": "Budgets"})


def saving(view: Ledger, scope: Scope) -> None:
    found = all_savings(view, scope.at_any_time())
    if not found.findings:
        return
    sure = [finding for finding in found.findings if finding.confidence != "low"]
    best = (sure or found.findings)[0]
    days = f", told from {fmt.days(found.scope.start, found.scope.last)}" if found.scope else ""
    told = (
        f"Biggest saving: {fmt.usd(best.usd_month)} a month{days}. {best.title} ({best.confidence} confidence)."
        if sure
        else f"Up to {fmt.usd(best.usd_month)} a month{days}, once tested: {best.title} (low confidence)."
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        st.write(fmt.md(told))
        st.page_link("pages/savings.py", label="See all findings", icon=":material/content_cut:")


def chosen_comparison(view: Ledger, scope: ClosedScope, earlier: ClosedScope | None) -> Comparison:
    """The comparison the reader chose."""
    return comparison(view, scope, earlier) if earlier else Comparison(None, None, "none is chosen")


def words_of_comparison(scope: ClosedScope, compared: Comparison, *, is_before: bool) -> tuple[str, str]:
    """What a tile's change is against, as short as a tile is, and in full; both say where it shows more days than can
    be compared."""
    if compared.now is None or compared.before is None:
        return "", "no change is told"
    days, then = compared.now.length_days, fmt.days(compared.before.start, compared.before.last)
    if days != scope.length_days:
        # Of how many stands above the tiles, and in their help; more would be cut.
        return f"on {days} days", f"the change is on {days} days that compare, against {then}"
    return f"vs prior {days}d" if is_before else "vs earlier", f"the change is against {then}"


def split_controls(scope: ClosedScope) -> tuple[str, str]:
    """What the charts are split by, and what a bar of time stands for."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        by = st.segmented_control(
            "Split by",
            MOVERS_BY,
            format_func=lambda n: DIMENSIONS[n].label,
            default="model",
            required=True,
            key="by",
            bind="query-params",
        )
        asked = st.segmented_control(
            "A bar is",
            [FITTING, *GRAINS],
            format_func=BARS.__getitem__,
            default=FITTING,
            required=True,
            key="grain",
            bind="query-params",
        )
    return by, drawn_grain(asked, scope)


view = shell.view()
if shell.standing(view) is None:
    loading.begin()
loading.show_reports()
loading.unread_files()
tour.begin_after_first_load()
st.session_state.pop("load_reports", None)  # told once
shell.needs_prices(view)
title = st.container()
scope, earlier = filters.compared_bar(view)
now, compared = totals(view, scope), chosen_comparison(view, scope, earlier)
outlook = month(view, scope.at_any_time())
held = budget(view)
with title:
    shell.header(answer(outlook, held, scope), view, scope=scope)
    tour.tour(view, scope.at_any_time())
if not now["cost_usd"] and not now["requests"]:
    shell.no_match(scope)
pair = None
if compared.now is not None and compared.before is not None:
    pair = totals(view, compared.now), totals(view, compared.before)
against = words_of_comparison(scope, compared, is_before=earlier == scope.before())
figures, turned_round = st.empty(), st.container()
with figures.container():
    kpis(now, pair, outlook, against, None, courses(view, scope))
wide, narrow = st.columns((3, 2), gap="large")
with wide:
    month_chart(view, scope, outlook, monthly_budget(held, scope))
    pacing(held)
with narrow:
    st.subheader("What needs attention", anchor=False)
    attention = st.skeleton(height=280)
by, grain = split_controls(scope)
days = st.skeleton(height=420)
left, right = st.columns(2, gap="large")
with left:
    what_moved(view, compared, by)
with right:
    where_it_goes(view, scope, by)
ways_on = st.container()
# From here on every series is searched for what is unusual: what is known at once stands there already.
with days.container():
    days_chart(view, scope, compared, by, grain)
known = find_distortion(view, scope, earlier)
if known and compared.before:
    with figures.container():
        kpis(now, pair, outlook, against, known, courses(view, scope))
    then = fmt.days(compared.before.start, compared.before.last)
    turned_round.caption(fmt.md(f"Spend {fmt.share_change(known.change)} against {then}; {known.text}."))
with attention.container():
    what_needs_attention(view, scope)
with ways_on:
    saving(view, scope)
    with st.container(horizontal=True, vertical_alignment="center"):
        filters.link("pages/explore.py", "Open in Explore", ":material/bar_chart:", scope, by=by)
        filters.what_ifs(scope)
        st.button("Show me around", icon=":material/tour:", type="tertiary", on_click=tour.begin, key="tour_begin")
        shell.snapshot_link(view)
