"""Where a reader is: period, comparison and filters, held by the address alone, so that Back and a link both work.

A widget bound to the address replaces its entry in the browser's history; what is written here is pushed, one entry a
step. Widgets that show a place are therefore seeded from the address at every run and write it in their callbacks.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import NoReturn

import streamlit as st

from analytics.registry import DIMENSIONS, with_free
from data.dimensions import PREFIX
from data.ledger import Ledger

PERIOD = ("window", "from", "to", "vs", "vs_from", "vs_to")
NOT = "not."
AT_AN_EARLY_END = "tell_of_the_address"
READ, REFUSED = "read_of_the_address", "refused_of_the_address"
LOGGED_YEARS = range(1970, 2200)  # so that a span, and the one before it, are days that pandas knows too
FIRST = ("team", "model", "feature", "environment", "task_type", "provider", "project", "customer_id", "user_id")


def go(**params: str | Sequence[str] | None) -> None:
    """Step to the same page with these parameters changed; None or nothing removes one. One entry of the history."""
    st.query_params.update({name: value or [] for name, value in params.items()})  # one message, so one entry


def read(name: str, otherwise: str = "") -> str:
    """What the address says of a parameter that no widget is bound to; which were read is remembered."""
    _mark(name)
    return st.query_params.get(name, otherwise)


def was_read(name: str) -> bool:
    """Whether this run of the page has asked for a parameter."""
    return name in st.session_state.get(READ, ())


def refuse(name: str) -> None:
    """What the address says of a parameter is not there, or no value of it: the page says so at its top."""
    if read(name):
        st.session_state.setdefault(REFUSED, set()).add(name)


def was_refused(name: str) -> bool:
    """Whether this run of the page could not follow a parameter."""
    return name in st.session_state.get(REFUSED, ())


def stop() -> NoReturn:
    """End the page's run here, with what is to be said of its address; after Streamlit's own stop nothing can be."""
    if tell := st.session_state.pop(AT_AN_EARLY_END, None):
        tell()
    st.stop()


def forget_what_was_read() -> None:
    """A run begins."""
    st.session_state[READ], st.session_state[REFUSED] = set(), set()


def _mark(*names: str) -> None:
    st.session_state.setdefault(READ, set()).update(names)


def parameter(name: str, default: str = "") -> str:
    """What the address says of a parameter, in small letters, as links of earlier versions write it in capitals."""
    return (read(name) or default).lower()


def day(name: str) -> date | None:
    """A day the address names, or None where it names none, or none that a log could have."""
    try:
        named = date.fromisoformat(read(name))
    except ValueError:
        return None
    return named if named.year in LOGGED_YEARS else None


def filters(view: Ledger) -> list[tuple[str, str, tuple[str, ...]]]:
    """The filters of the address in the order of the dimensions: `(dimension, "is" or "not", values)`."""
    _mark(*(name for name in st.query_params if is_filter(name)))  # those of no dimension here are said: `unknown`
    found = []
    for name in dimensions(view):
        for word, key in (("is", name), ("not", NOT + name)):
            if values := tuple(dict.fromkeys(st.query_params.get_all(key))):
                found.append((name, word, values))
    return found


def unknown(view: Ledger) -> list[str]:
    """Filters of the address by dimensions that this ledger has not got."""
    known = {*dimensions(view)}
    named = (name.removeprefix(NOT) for name in st.query_params if is_filter(name))
    return [name for name in dict.fromkeys(named) if name not in known]


def key_of(dimension: str, word: str) -> str:
    """The parameter that holds a filter."""
    return dimension if word == "is" else NOT + dimension


def narrow(dimension: str, *values: str, word: str = "is") -> None:
    """Step to the same page with one filter more; an earlier one on the dimension gives way."""
    go(**{key_of(dimension, word): values})


def clear_filters() -> None:
    """Step to the same page without any filter."""
    go(**{name: None for name in st.query_params if is_filter(name)})


def clear() -> None:
    """Step to the same page with its usual period and without any filter."""
    go(**{name: None for name in st.query_params if name in PERIOD or is_filter(name)})


def is_filter(name: str) -> bool:
    """Whether a parameter of an address is a filter, on a dimension of the operator's own too."""
    dimension = name.removeprefix(NOT)
    return dimension.startswith(PREFIX) or dimension in DIMENSIONS and not DIMENSIONS[dimension].is_time


def dimensions(view: Ledger) -> list[str]:
    """What may be filtered by, what is asked for most first."""
    names = [one.name for one in with_free(view)]
    return [*FIRST, *(name for name in names if name not in FIRST)]


def read_period() -> None:
    """The page has a period of its own: what a link says of one is not for nothing, be it compared here or not."""
    _mark(*PERIOD)


def period_to_carry() -> dict[str, list[str]]:
    """The period of this page, for a link to another."""
    return {name: values for name in PERIOD if (values := st.query_params.get_all(name))}
