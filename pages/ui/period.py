"""The one control for time: a button that says the days, and behind it the periods, any days, and what to compare."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import streamlit as st

from analytics import coverage
from analytics.history import logged_days, through
from analytics.periods import COMPARISONS, PERIODS, ROLLING, Span, calendar_span, compared_span, usual_comparison
from analytics.registry import DIMENSIONS, HOUR
from analytics.scope import ClosedScope, Scope
from data.calendar import DAY
from data.ledger import Ledger
from pages.ui import format as fmt
from pages.ui import place

DAYS = "days"  # the period of a link that names its days
DAYS_AS_HOURS, DAYS_AS_DAYS, DAYS_AS_WEEKS = 3, 92, 366  # longer spans are drawn by day, by week, then by month
LONGEST = {HOUR: 14, "day": 400}  # days of a span that a grain still draws as bars one can tell apart
GRAINS = (HOUR, "day", "week", "month")
FITTING = "time"  # the grain that fits the span


def chosen_days(view: Ledger, default: str) -> ClosedScope:
    """The days the address asks for; a name or a day that is none is said, and the usual period shown."""
    place.read_period()
    window = _window(default)
    if window in (DAYS, "custom"):
        first, last = place.day("from"), place.day("to")
        if first and last and first <= last:
            return Scope.of(view, first, last + DAY)
        named = " to ".join(place.read(name, "no day") for name in ("from", "to"))
        window = _said_to_be_none("days", named, default)
    if window not in PERIODS:
        window = _said_to_be_none("period", place.read("window"), default)
    if window in ROLLING or window == "all":
        return coverage.window(view, ROLLING.get(window))
    return Scope.of(view, *calendar_span(window, through(view).day))


def _window(default: str) -> str:
    """The period of the address: by its name, or the days it names without saying so."""
    names_days = "from" in st.query_params or "to" in st.query_params
    return place.parameter("window", DAYS if names_days else default)


def _said_to_be_none(what: str, given: str, default: str) -> str:
    st.warning(f"The link asks for the {what} {fmt.md(given)}, which Baton cannot read; showing {PERIODS[default]}.")
    return default


def earlier(view: Ledger, scope: ClosedScope, default: str) -> ClosedScope | None:
    """The span the scope is compared with, None where it is to be compared with nothing, or there is none."""
    how = _how(default)
    if how == "dates":
        first, last = place.day("vs_from"), place.day("vs_to")
        span = Span(first, last + DAY) if first and last and first <= last else None
        if span is None:
            st.warning("The link names no days to compare with that Baton can read; nothing is compared.")
    else:
        span = compared_span(Span(scope.start, scope.end), how)
    return scope.between(span.start, span.end) if span else None


def _how(default: str) -> str:
    how = place.parameter("vs")
    if how not in COMPARISONS:
        place.refuse("vs")
    return how if how in COMPARISONS else usual_comparison(_window(default))


def control(view: Ledger, scope: ClosedScope, default: str, compared: ClosedScope | None, compares: bool) -> None:
    """The button with the days on it; `compares` adds what they are compared with."""
    label = fmt.days(scope.start, scope.last)
    if compared:
        label += f" vs {fmt.days(compared.start, compared.last)}"
    with st.popover(label, icon=":material/calendar_today:", key="period"):
        window = _window(default)
        _choice("Period", PERIODS, "_window", window if window in PERIODS else None, _pick_period)
        _days_field(view, scope, "From and to, both included", "_days", ("window", "from", "to"))
        if not compares:
            return
        how = _how(default)
        _choice("Compare with", COMPARISONS, "_vs", how, _pick_comparison)
        if how == "dates":
            _days_field(view, compared or scope.before(), "Compared days", "_vs_days", ("vs", "vs_from", "vs_to"))
        elif how != "none" and compared is None:
            st.caption("A month earlier is for periods of up to a month; nothing is compared.")


def _choice(
    label: str, offered: Mapping[str, str], name: str, shown: str | None, pick: Callable[[str | None], None]
) -> None:
    """One of `offered`, `shown` at first.

    What is shown is part of the key: a browser does not hear of a new value for a field in a closed popover, and would
    send its old one with the next click elsewhere as if it had been picked.
    """
    key = f"{name}_{shown}"
    st.session_state[key] = shown
    st.pills(
        label,
        list(offered),
        format_func=offered.__getitem__,
        key=key,
        on_change=lambda: pick(st.session_state[key]),
    )


def _days_field(view: Ledger, scope: ClosedScope, label: str, name: str, names: tuple[str, str, str]) -> None:
    """Any days of the log; what lies outside of it is shown as the nearest day of it. Of its key: `_choice`."""
    first, last = logged_days(view)[0].date(), through(view).day
    start, end = (min(max(day, first), last) for day in (scope.start, scope.last))
    key = f"{name}_{start}_{end}"
    st.session_state[key] = (start, end)
    st.date_input(
        label, key=key, min_value=first, max_value=last, format="YYYY-MM-DD", on_change=_pick_days, args=(key, names)
    )


def _pick_period(name: str | None) -> None:
    if name:
        place.go(**{"window": name, "from": None, "to": None})


def _pick_comparison(how: str | None) -> None:
    if how:
        place.go(vs=how, vs_from=None, vs_to=None)


def _pick_days(key: str, names: tuple[str, str, str]) -> None:
    days = st.session_state[key]
    if len(days) == 2:  # the first click gives half a range
        word = DAYS if names[0] == "window" else "dates"
        place.go(**dict(zip(names, (word, days[0].isoformat(), days[1].isoformat()), strict=True)))


def grain_of(scope: ClosedScope) -> str:
    """What a bar stands for: an hour, in a longer span a day, a week, then a month."""
    days = scope.length_days
    if days <= DAYS_AS_HOURS:
        return HOUR
    return "day" if days <= DAYS_AS_DAYS else "week" if days <= DAYS_AS_WEEKS else "month"


def drawn_grain(asked: str, scope: ClosedScope) -> str:
    """The grain asked for, or the one that fits; one whose bars would be too many to tell apart is said."""
    fitting = grain_of(scope)
    if asked == FITTING:
        return fitting
    if scope.length_days > LONGEST.get(asked, scope.length_days):
        st.warning(
            f"{scope.length_days} days are too many for a bar each {DIMENSIONS[asked].label.lower()}: there is one "
            f"each {DIMENSIONS[fitting].label.lower()}."
        )
        return fitting
    return asked
