"""A budget in four fields, the rest under "more": checked as it is typed, saved or refused where it stands."""

from __future__ import annotations

import math
from typing import Any

import streamlit as st

from analytics.budgets.budget import BUDGETS, PERIODS, SCOPES, Budget, check_budget, clashes
from analytics.forecasts.forecast import READS, events_ahead
from analytics.forecasts.outlook import Outlook, outlook_of
from analytics.history import through
from analytics.known_spend import known_spend
from analytics.registry import DIMENSIONS
from analytics.scope import Scope
from data.dimensions import PREFIX, free_dimensions
from data.errors import BadInput
from data.ledger import Ledger
from data.state import State
from pages.parts.plan.scope_words import scope_of, scope_text
from pages.ui import document_list, filters, shell
from pages.ui import format as fmt
from pages.ui.document_list import Opened

NOUNS = dict(zip(PERIODS, ("day", "week", "month", "quarter", "year"), strict=True))
OPEN_VALUES = ("key_alias", "user_id", "customer_id")  # too many to list: typed, not chosen
SEVERAL = "several dimensions"


@shell.cached(reads=READS)
def expect(view: Ledger, state: State, scope: Scope, period: str) -> Outlook:
    """What the running period of a budget of this scope will have cost."""
    reach = through(view)
    start, end = Budget(name="any", amount=1, period=period).period_of(reach.day)
    ahead = () if scope.filters else events_ahead(view, state, scope)
    return outlook_of(known_spend(view, scope), reach.complete_until, start, end, ahead)


def suggest(outlook: Outlook) -> float | None:
    """An amount that nine of ten such periods keep, to two figures, upwards; None where none is known."""
    enough = outlook.p90 or outlook.p50
    if not enough or enough <= 0:
        return None
    step = 10.0 ** (math.floor(math.log10(enough)) - 1)
    return float(math.ceil(round(enough / step, 6)) * step)


@st.dialog("Budget", icon=":material/savings:", width="medium")
def dialog(view: Ledger, opened: Opened) -> None:
    """Add a budget, or change the one it was opened for."""
    field = opened.keys("budget")
    held = opened.body
    values: dict[str, Any] = {**held, "name": _name(opened, field("name"))}
    filters_of = _scope(view, dict(held.get("filters", {})), field)
    left, right = st.columns([3, 2], vertical_alignment="bottom")
    period = right.selectbox(
        "Per",
        PERIODS,
        index=PERIODS.index(held.get("period", "monthly")),
        format_func=NOUNS.__getitem__,
        key=field("period"),
    )
    currency = held.get("currency", "USD")
    values |= {"period": period, "filters": filters_of or {}}
    values["amount"] = left.number_input(
        f"Amount, {currency}", min_value=0.0, value=_float(held.get("amount")), key=field("amount"), step=100.0
    )
    if filters_of is not None and currency == "USD":
        _suggestion(view, filters_of, period, field("amount"))
    with st.expander("More: when it runs, thresholds, currency, note"):
        values |= _more(held, field)
    problems = _problems(values, filters_of)
    if document_list.wants_saving("Save the budget", problems, field):
        made = check_budget(**values)
        document_list.save(BUDGETS, made.name, made, opened, also=lambda: _beside(made))


def _name(opened: Opened, key: str) -> str:
    return st.text_input("Name", document_list.start_name(opened), key=key, max_chars=80).strip()


def _float(value: object) -> float | None:
    return None if value is None else float(str(value))


def _scope(view: Ledger, held: dict[str, Any], field: Any) -> dict[str, tuple[str, ...]] | None:
    """Whom the budget is for; None while values are missing."""
    choices = ["", *SCOPES, *(PREFIX + one.name for one in free_dimensions(view)), SEVERAL]
    now = SEVERAL if len(held) > 1 else next(iter(held), "")
    left, right = st.columns(2, vertical_alignment="bottom")
    by = left.selectbox(
        "For",
        choices,
        index=choices.index(now) if now in choices else 0,
        key=field("by"),
        format_func=lambda n: n if n == SEVERAL else DIMENSIONS[n].label if n else "The whole company",
    )
    if not by:
        return {}
    before = tuple(held.get(by, ())) if now == by else ()
    if by == SEVERAL:
        typed = right.text_input(
            "Which", scope_text(held), key=field("several"), help="team=search, ads; model=gpt-5.2"
        )
        return scope_of(typed) if typed.strip() else None
    if by in OPEN_VALUES:
        typed = right.text_input("Which, with commas between", ", ".join(before), key=field(f"typed_{by}"))
        values = [part.strip() for part in typed.split(",") if part.strip()]
    else:
        offered = list(dict.fromkeys([*before, *filters.options(view, by)]))
        values = right.multiselect("Which", offered, list(before), key=field(f"values_{by}"), select_all=False)
    return {by: tuple(values)} if values else None


def _suggestion(view: Ledger, scope: dict[str, tuple[str, ...]], period: str, key: str) -> None:
    """What such a period costs by the forecast, and the button that takes an amount from it."""
    outlook = expect(view, Scope.of(view, None, None, **scope), period)
    amount = suggest(outlook)
    if amount is None:
        st.caption("No amount can be suggested: the log does not say what such a period costs.")
        return
    reach = f", at most {fmt.usd(outlook.p90)} in 9 of 10 cases" if outlook.p90 is not None else ""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.caption(fmt.md(f"This {NOUNS[period]} is on course for {fmt.usd(outlook.p50)}{reach}."), width="content")
        st.button(
            f"Take {fmt.md(fmt.usd(amount))}",
            key=f"{key}_suggested",
            type="tertiary",
            on_click=_take,
            args=(key, amount),
        )


def _take(key: str, amount: float) -> None:
    st.session_state[key] = amount


def _more(held: dict[str, Any], field: Any) -> dict[str, Any]:
    """The fields that most budgets leave as they are; what is empty is left out."""
    a, b, c = st.columns(3)
    found: dict[str, Any] = {
        "start_weekday": a.number_input(
            "Week starts on day", 1, 7, held.get("start_weekday", 1), key=field("weekday"), help="1 is Monday"
        ),
        "start_day": b.number_input("Month starts on day", 1, 28, held.get("start_day", 1), key=field("day")),
        "start_month": c.number_input("Year starts in month", 1, 12, held.get("start_month", 1), key=field("month")),
        "starts": a.date_input("Valid from", held.get("starts"), key=field("starts"), format="YYYY-MM-DD"),
        "ends": b.date_input("Valid to, excluded", held.get("ends"), key=field("ends"), format="YYYY-MM-DD"),
        "soft": a.number_input("Soft threshold", 0.01, 5.0, float(held.get("soft", 0.8)), 0.05, key=field("soft")),
        "hard": b.number_input("Hard threshold", 0.01, 5.0, float(held.get("hard", 1.0)), 0.05, key=field("hard")),
        "currency": a.text_input("Currency", held.get("currency", "USD"), key=field("currency"), max_chars=3),
        "usd_rate": b.number_input("USD for one of it", 0.0, None, _float(held.get("usd_rate")), key=field("rate")),
        "usd_rate_on": c.date_input("Rate of", held.get("usd_rate_on"), key=field("rate_on"), format="YYYY-MM-DD"),
        "note": st.text_input("Note", held.get("note", ""), key=field("note")),
    }
    return {name: value for name, value in found.items() if value not in (None, "")}


def _problems(values: dict[str, Any], filters_of: object) -> str:
    """What keeps the budget from being saved, in sentences; empty where nothing does."""
    said = []
    if not values["name"]:
        said.append("Give the budget a name.")
    if not values["amount"]:
        said.append("Give an amount above zero.")
    if filters_of is None:
        said.append("Say whom it is for: name at least one value.")
    if said:
        return " ".join(said)
    try:
        check_budget(**values)
    except BadInput as wrong:
        return str(wrong)
    return ""


def _beside(saved: Budget) -> str:
    """The other budgets of the same spend, in a sentence; empty where there are none."""
    twice = clashes(shell.state(), saved)
    return f"It covers the same spend as {', '.join(twice)}." if twice else ""
