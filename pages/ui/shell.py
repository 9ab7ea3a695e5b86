"""What every page shares: the open store, the pinned data version, the header, error states, caching."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial, wraps
from hashlib import sha256
from inspect import getfile
from typing import Any, Concatenate, ParamSpec, TypeVar, overload
from urllib.parse import urlencode

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import streamlit as st
from streamlit.runtime.pages_manager import PagesManager

from analytics import spend
from analytics import standing as standing_of
from analytics.scope import ClosedScope, Scope
from analytics.standing import Standing
from data import people
from data.errors import BatonError
from data.facts.tables import KEYS as TABLES
from data.facts.tables import stamp as tables_stamp
from data.held_versions import hold
from data.held_view import restrict_to_teams
from data.home import home_dir
from data.ledger import Ledger
from data.prices import editions, second_catalogue
from data.program import as_called
from data.state import State
from data.versions import VersionGivenUp
from pages.ui import charts, how_computed, links, place, standing_line
from pages.ui import format as fmt
from pages.ui.answers import Answers

P = ParamSpec("P")
R = TypeVar("R")


@st.cache_resource(show_spinner=False)
def _open_ledger(home: str) -> Ledger:
    return Ledger.open(home)


@st.cache_resource(show_spinner=False)
def _open_state(home: str) -> State:
    return State.open(home)


def ledger() -> Ledger:
    """The store itself, for writing; pages read through `view`."""
    return _open_ledger(str(home_dir()))


def state() -> State:
    """What people decided: budgets, policies, overrides, rules, the audit trail; what is saved is saved by who acts
    (`data.people`).
    """
    return _open_state(str(home_dir()))


def trail_ends() -> str:
    """The newest entry of the audit trail: what is cached under it follows everything that is decided."""
    newest = state().audit(limit=1)
    return newest[0].hash if newest else ""


def _run_inside_the_app() -> None:
    """A fresh server that is asked for a page first runs the page's file alone, without app.py; send it there.

    Streamlit looks at the pages folder until app.py has called st.navigation once.
    """
    if PagesManager.uses_pages_directory and "inside_the_app" not in st.session_state:
        st.session_state["inside_the_app"] = True
        PagesManager.uses_pages_directory = False
        st.rerun()


def view() -> Ledger:
    """The data version this page run reads: the newest, or the one frozen in the link (`as_of`).

    Somebody held to teams reads those teams' rows alone.
    """
    _run_inside_the_app()
    links.arrive()
    frozen = place.read("as_of")
    if frozen and not _is_number(frozen):
        st.warning(f"The link names data version {fmt.md(frozen)}, which is no number; showing the newest.")
        del st.query_params["as_of"]  # every part of the page asks for the view: said once
    return restrict_to_teams(ledger().at(snapshot()), people.held_teams())


def snapshot() -> int:
    """The number of the data version this page run reads."""
    frozen = place.read("as_of")
    return int(frozen) if _is_number(frozen) else ledger().snapshot()


def _is_number(text: str) -> bool:
    return text.isdecimal() and text.isascii()


@overload
def cached(function: Callable[Concatenate[Ledger, P], R], /) -> Callable[Concatenate[Ledger, P], R]: ...
@overload
def cached(
    *, reads: tuple[str, ...]
) -> Callable[[Callable[Concatenate[Ledger, State, P], R]], Callable[Concatenate[Ledger, P], R]]: ...
def cached(function: Callable[..., Any] | None = None, /, *, reads: tuple[str, ...] = ()) -> Callable[..., Any]:
    """Cache a query by data version and arguments (hashable, small; never a frame).

    `@cached` is for `f(view, *arguments)`, which reads the ledger alone. `@cached(reads=("policy", ...))`
    is for `f(view, state, *arguments)`: the kinds of document it may read, all of which are part of its key,
    as are the imported price file and the operator's own catalogue tables. Callers leave the state out. Which list
    prices are in force is part of every key.
    """
    if function is None:
        return partial(_cached, reads=reads)
    return _cached(function, reads=None)


def _cached(function: Callable[..., Any], *, reads: tuple[str, ...] | None) -> Callable[..., Any]:
    name = f"{getfile(function)}:{function.__qualname__}"  # every page runs as the module `__main__`

    @wraps(function)
    def call(view: Ledger, *args: object, **kwargs: object) -> object:
        kept = () if reads is None else (state(),)
        versions = [kept_version(one, reads or ()) for one in kept]
        asked = exact((args, sorted(kwargs.items())))
        listed = editions.stamp(view.home)  # list prices reach far: nobody has to say that they are read
        key = repr((name, str(view.home), view.snapshot(), sorted(view.teams), listed, versions, asked))
        return _remember(key, lambda: function(view, *kept, *args, **kwargs), name, reads or ())

    return call


def exact(argument: object) -> object:
    """An argument as its repr may stand in a key: an array, whose repr leaves out its middle, by all its bytes.

    Raises TypeError for a frame: what a page asks about is small.
    """
    if isinstance(argument, np.ndarray):
        return argument.shape, argument.dtype.str, sha256(np.ascontiguousarray(argument).tobytes()).hexdigest()
    if isinstance(argument, pd.DataFrame | pd.Series):
        raise TypeError("a cached question takes no frame: ask with what the frame was made of")
    return tuple(map(exact, argument)) if isinstance(argument, tuple | list) else argument


def kept_version(kept: State, kinds: tuple[str, ...]) -> str:
    """What changes whenever a document of these kinds, the imported price file or a catalogue table does."""
    tables = [tables_stamp(name) for name in TABLES]
    return repr((kept.version(*kinds), second_catalogue.version(kept.path.parent), tables))


@st.cache_resource(show_spinner=False)
def _answers() -> Answers:
    return Answers()


def _remember(key: str, compute: Callable[[], Any], name: str, _reads: tuple[str, ...]) -> Any:
    """The answer, kept or worked out; the kinds it may read are for the test that watches what it does read."""
    return _answers().ask(key, name, compute)


def palette() -> charts.Palette:
    """The colours of the theme the reader has chosen."""
    return charts.DARK if st.context.theme.type == "dark" else charts.LIGHT


def chart(figure: go.Figure, *, alt: str, key: str, **options: Any) -> Any:
    """Draw a figure with the house settings; `alt` states what it shows. With `on_select`, its marks take a click."""
    if "on_select" in options:
        figure.update_layout(clickmode="event+select")
        options["selection_mode"] = "points"
    return st.plotly_chart(figure, config=charts.CONFIG, theme=None, alt=alt, key=key, **options)


@cached
def standing(view: Ledger) -> Standing | None:
    """What the status line says; None for an empty ledger."""
    return standing_of.standing(view)


@cached
def shares(view: Ledger, scope: Scope) -> tuple[float | None, float | None]:
    """Attempts of a scope with a cost / its attempts, and its dollars without caveat / its dollars; None for none."""
    return spend.priced_share(view, scope), spend.without_caveat_share(view, scope)


def header(answer: str, view: Ledger, *, scope: Scope | None = None, stated: bool = False) -> None:
    """The page's answer as its title, and one grey line on what it stands on.

    `scope`: the rows that the answer is about, where they are not all of the log.
    `stated`: every figure of the answer was typed or ships with Baton; no log is behind it.
    """
    st.title(fmt.md(answer), anchor=False)
    if stated:
        meaning = fmt.md(standing_line.STATED)
        st.badge("Stated figures, not your data", icon=":material/edit_note:", color="orange", help=meaning)
        return
    known = standing(view)
    if known is None:
        return
    version = f"data version {view.snapshot()}"
    of_scope = shares(view, scope) if scope else (None, None)
    now = datetime.now(UTC).replace(tzinfo=None)
    book = standing_line.price_book(editions.choice(view.home).in_force, now.date())
    line = standing_line.short(known, of_scope, view.time_zone, now, book)
    frozen = f" · {version}" if "as_of" in st.query_params else ""  # the newest stands in the sidebar
    told = partial(st.caption, fmt.md(line + frozen), width="content")
    explain = partial(how_computed.button, view, standing_line.in_full(known, of_scope, view.time_zone, version, book))
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        if badge := standing_line.badge(known):
            st.badge(badge.label, icon=badge.icon, color=badge.color, help=fmt.md(as_called(badge.meaning)))
        for draw in (explain, told) if badge else (told, explain):  # on a phone the two short ones share a row
            with st.container(width="content"):
                draw()
    if known.lost:
        st.warning(fmt.md(known.lost), icon=":material/report:")


@contextmanager
def errors() -> Iterator[None]:
    """Show what a user can act on as one sentence; anything else is a defect and surfaces."""
    try:
        yield
    except VersionGivenUp as error:
        st.error(fmt.md(str(error)), icon=":material/error:")
        st.button(f"Open data version {error.nearest}", on_click=_open_version, args=(error.nearest,))
    except BatonError as error:
        st.error(fmt.md(str(error)), icon=":material/error:")


def _open_version(version: int) -> None:
    st.query_params["as_of"] = str(version)


def needs_data(view: Ledger, question: str) -> None:
    """The empty state: what this page will answer, and the one action that gets there. Stops the page."""
    if standing(view) is not None:
        return
    st.title(question, anchor=False)
    st.write(
        "The ledger is empty. Drop a usage log, give a path, or load the sample company; this page then "
        "answers the question above."
    )
    st.page_link("pages/data_and_prices.py", label="Load data", icon=":material/upload_file:")
    place.stop()


def needs_prices(view: Ledger) -> None:
    """The state in which no attempt has a known cost: unknown is not zero, so no dollar is shown. Stops the page."""
    known = standing(view)
    if known is None or known.priced_share:
        return
    header(f"The cost is unknown: none of {fmt.count(known.attempts)} attempts has a price", view)
    st.write(
        "The log reports no cost and the price book knows none of these models. Give a contract price or an "
        "alias; the rows are then repriced. Tokens and requests can be explored all the same."
    )
    st.page_link(
        "pages/data_and_prices.py", label="Give prices", icon=":material/sell:", query_params={"section": "Prices"}
    )
    st.page_link(
        "pages/explore.py",
        label="Explore tokens and requests",
        icon=":material/bar_chart:",
        query_params={"measure": "Requests", "by": "Model"},
    )
    place.stop()


def no_match(scope: ClosedScope) -> None:
    """The empty answer: which filters stand in the way, and the way out. Stops the page."""
    said = [f"{name} {' or '.join(values)}" for name, values in scope.filters]
    said += [f"{name} not {' or '.join(values)}" for name, values in scope.excluded]
    days = fmt.days(scope.start, scope.last)
    told = f"match ({', '.join(said)}). Choose a longer period or clear the filters." if said else "are in the log."
    st.info(fmt.md(f"No requests from {days} {told}"))
    st.button("Clear filters" if said else "Usual period", on_click=place.clear)
    place.stop()


def snapshot_link(view: Ledger) -> None:
    """A link to this page as it is now, on this data version, which is held from then on."""
    params = {**{k: st.query_params.get_all(k) for k in st.query_params}, "as_of": [str(view.snapshot())]}
    base = (st.context.url or "").split("?")[0]
    shown = st.popover(
        "Copy snapshot link", icon=":material/link:", type="tertiary", key="snapshot_link", on_change="rerun"
    )
    if not shown.open:
        return
    with shown, errors():
        hold(state(), view.snapshot(), "link")
        st.caption("Opens this view on the same data version, whatever is loaded later.")
        st.code(f"{base}?{urlencode(params, doseq=True)}", language=None, wrap_lines=True)
