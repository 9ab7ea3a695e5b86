"""Tables behind charts, and files people take away."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from decimal import Decimal
from math import ceil
from typing import Any, Literal

import pandas as pd
import plotly.graph_objects as go
import streamlit as st
from streamlit.elements.lib.column_types import ColumnConfig

from analytics.measures import MEASURES
from analytics.registry import DIMENSIONS
from analytics.scope import Scope
from data import people
from data.errors import BatonError
from data.held_versions import hold
from data.ledger import Ledger
from data.version import file_name, provenance
from data.wording import cell
from pages.ui import charts, shell, taking_away
from pages.ui import format as fmt
from pages.ui.taking_away import About

SMALL_USD = 0.05  # a column that has nothing above it says little in cents
WRAPPED = 66  # pixels; Streamlit wraps text only in rows above 4 rem, which hold three lines
LINE_PX, MOST_LINES = 19, 6  # of a cell's text
PAGE_PX, SIGN_PX, CELL_PX = 880, 6, 24  # a table's width at 1280; a letter's, and what a cell adds to its text
SENTENCE, NARROWEST_PX = 24, 150  # letters from which a cell is a sentence, and pixels that one wraps well in
LOOKED_AT = 200  # rows
WHOLE = ("count", "requests", "attempts", "tokens")  # units that are written without decimals


def csv(frame: pd.DataFrame) -> str:
    """CSV text that is safe to open in a spreadsheet: text that would be a formula gets an apostrophe."""
    return frame.rename(columns=cell).map(cell).to_csv(index=False)


def plain(frame: pd.DataFrame) -> pd.DataFrame:
    """Decimals as floats, so that a table can sort and format them."""
    decimals = [c for c in frame.columns if any(isinstance(value, Decimal) for value in frame[c])]
    return frame.assign(**{c: frame[c].astype(float) for c in decimals})


def shown(frame: pd.DataFrame, units: Mapping[str, str] | None = None) -> pd.DataFrame:
    """The cells as `columns` formats them: plain numbers, shares in percent, which a grid would write with as many
    decimals as each has.
    """
    numbers = plain(frame)
    shares = [c for c in numbers.columns if (units or {}).get(c) == "share"]
    return numbers.assign(**{c: pd.to_numeric(numbers[c]) * 100 for c in shares})


def columns(
    frame: pd.DataFrame,
    *,
    units: Mapping[str, str] | None = None,
    labels: Mapping[str, str] | None = None,
    wide: Mapping[str, int] | None = None,
) -> dict[str, ColumnConfig]:
    """How a table shows its columns: `units` by the registry, `wide` the pixels of columns of sentences."""
    made: dict[str, ColumnConfig] = {}
    for column in frame.columns:
        label = (labels or {}).get(column, _label(column))
        unit = _unit(frame[column], (units or {}).get(column, ""))
        told = _meaning(column, label)
        made[column] = (
            st.column_config.NumberColumn(label, format=_FORMATS[unit], help=told)
            if unit in _FORMATS
            else st.column_config.Column(label, width=(wide or {}).get(column), help=told)
        )
    return made


def table(
    frame: pd.DataFrame,
    *,
    name: str,
    units: Mapping[str, str] | None = None,
    labels: Mapping[str, str] | None = None,
    key: str = "",
    wide: Mapping[str, int] | None = None,
    whole: bool = False,
    said: About | None = None,
) -> None:
    """A table with units in its headers, and the ways out of the page: CSV, Markdown, and the picture where `said` has
    one. Sentences (`wide`, or found where the table would run out of the page) wrap, a `whole` one never scrolls.
    """
    ours, wide = list(wide or ()), wide or sentences(frame, units or {}, labels or {})
    rows: dict[str, Any] = {"row_height": high} if (high := row_height(frame, wide)) else {}
    rows |= {"height": "content"} if wide or whole else {}
    st.dataframe(
        _in_words(shown(frame, units), ours),
        hide_index=True,
        column_config=columns(frame, units=units, labels=labels, wide=wide),
        width="stretch",
        placeholder=fmt.MISSING,
        alt=f"Table: {name}",
        key=f"table_{key or name}",
        **rows,
    )
    heads = {column: (labels or {}).get(column, _label(str(column))) for column in frame.columns}
    words = said or About(_label(name.replace("-", "_")), provenance(shell.snapshot()))
    named = f"{name}-{words.days}" if words.days else name
    ways_out(frame, named, key or name, words, dict(units or {}), heads, shell.snapshot())


def words_about(
    title: str, view: Ledger, scope: Scope, draw: Callable[[charts.Palette], go.Figure] | None = None
) -> About:
    """What a table or a chart of a scope says of itself once it has left the page."""
    known = shell.standing(view)
    return taking_away.about(title, scope, view.snapshot(), sample=bool(known and known.sample), draw=draw)


def sentences(frame: pd.DataFrame, units: Mapping[str, str], labels: Mapping[str, str]) -> dict[str, int]:
    """Pixels for the columns of sentences of a table that is wider than the page: without them its last columns are
    cut. Empty for one that fits.
    """
    longest = {column: _longest(frame[column].head(LOOKED_AT), units.get(column, "")) for column in frame.columns}
    heads = {column: len(labels.get(column, _label(str(column)))) for column in frame.columns}
    needs = {column: max(longest[column], heads[column]) * SIGN_PX + CELL_PX for column in frame.columns}
    too_much = sum(needs.values()) - PAGE_PX
    texts = [column for column in frame.columns if longest[column] > SENTENCE]
    if too_much <= 0 or not texts:
        return {}
    spare = sum(needs[column] - NARROWEST_PX for column in texts if needs[column] > NARROWEST_PX)
    give = min(1.0, too_much / spare) if spare else 0.0
    return {column: int(needs[column] - give * max(0, needs[column] - NARROWEST_PX)) for column in texts}


def row_height(frame: pd.DataFrame, wide: Mapping[str, int]) -> int | None:
    """Pixels for the lines that the longest cell of the `wide` columns takes; None where every one takes one."""
    lines = (ceil(_longest(frame[name].head(LOOKED_AT), "") * SIGN_PX / (px - CELL_PX)) for name, px in wide.items())
    most = max(lines, default=1)
    return None if most < 2 else max(WRAPPED, min(most, MOST_LINES) * LINE_PX + CELL_PX // 2)


def _in_words(frame: pd.DataFrame, sentences: list[str]) -> pd.DataFrame:
    """Our own sentences as a grid can show them, which draws no Markdown."""
    return frame.assign(
        **{name: [fmt.in_quotes(v) if isinstance(v, str) else v for v in frame[name]] for name in sentences}
    )


def _longest(values: pd.Series, unit: str) -> int:
    """Letters of a column's longest cell."""
    if unit in _FORMATS or pd.api.types.is_numeric_dtype(values):
        largest = pd.to_numeric(values, errors="coerce").abs().max()
        return len("–" if pd.isna(largest) else f"{largest:,.0f}") + (0 if unit in WHOLE else len("−$.00"))
    return int(values.dropna().astype(str).str.len().max() or 0) if values.notna().any() else 0


@st.fragment
def ways_out(
    frame: pd.DataFrame,
    name: str,
    key: str,
    said: About,
    units: dict[str, str],
    heads: dict[str, str],
    snapshot: int,
) -> None:
    """The row of buttons under a table; what they open does not run the page anew, and is of the rows shown."""
    with st.container(horizontal=True, gap="small"):
        download(frame, name=name, key=key, snapshot=snapshot)
        if st.button("Copy as Markdown", icon=":material/content_copy:", type="tertiary", key=f"markdown_{key}"):
            _as_markdown(taking_away.markdown(frame, said, units, heads))
        if said.draw and st.button("Picture", icon=":material/photo_camera:", type="tertiary", key=f"picture_{key}"):
            _as_picture(said, file_name(name, "png", snapshot))


@st.dialog("As Markdown, for a chat", width="large")
def _as_markdown(text: str) -> None:
    st.caption("The button at the right edge of the text copies it.")
    st.code(text, language="markdown", wrap_lines=False, height=320)


@st.dialog("As a picture", width="large")
def _as_picture(said: About, file: str) -> None:
    st.caption("The camera at the top right of the picture saves it as PNG.")
    save = {"format": "png", "filename": file.removesuffix(".png"), "scale": 2}
    config = taking_away.BUTTONS | {"toImageButtonOptions": save}
    st.plotly_chart(
        taking_away.picture(said), config=config, theme=None, alt=said.chart or said.title, key=f"picture_of_{file}"
    )


def _unit(values: pd.Series, unit: str) -> str:
    """Dollars of which every one is a part of a cent or so are shown in millionths: a cost is not $0.00."""
    if unit != "USD":
        return unit
    largest = pd.to_numeric(values, errors="coerce").abs().max()
    return "USD small" if 0 < largest < SMALL_USD else unit


def _meaning(column: str, label: str) -> str | None:
    """What the registry says of a column that goes by the registry's own name: another table may mean another thing."""
    one = MEASURES.get(column) or DIMENSIONS.get(column)
    return fmt.md(one.meaning) if one and label.startswith(one.label) else None


def _label(column: str) -> str:
    words = column.replace("_", " ")
    return words[:1].upper() + words[1:]


MIME = {
    "csv": "text/csv",
    "html": "text/html",
    "json": "application/json",
    "jsonl": "application/jsonl",
    "md": "text/markdown",
    "pdf": "application/pdf",
    "yaml": "application/yaml",
}


def download_file(
    label: str,
    data: str | bytes | Callable[[], str | bytes],
    file: str,
    *,
    key: str | None = None,
    icon: str = ":material/download:",
    type: Literal["primary", "secondary", "tertiary"] = "secondary",
    help: str | None = None,
    snapshot: int | None = None,
) -> None:
    """A button for a file, which a function makes when it is clicked; the page does not run anew.

    `snapshot` is the data version that the file names: once the file is taken, that version is kept.
    """
    mime = MIME[file.rpartition(".")[2]]
    data = data if snapshot is None else _held(data, snapshot)
    st.download_button(label, data, file, mime, on_click="ignore", icon=icon, key=key, type=type, help=help)


def _held(data: str | bytes | Callable[[], str | bytes], snapshot: int) -> Callable[[], str | bytes]:
    """Makes the file outside of the page's run, in the name of who opened the page."""
    kept, person = shell.state(), people.acting()

    def taken() -> str | bytes:
        with suppress(BatonError), people.acting_as(person):  # the file is worth more than that its version stays
            hold(kept, snapshot, "report")
        return data() if callable(data) else data

    return taken


def download(frame: pd.DataFrame, *, name: str, key: str = "", snapshot: int | None = None) -> None:
    """A button for the frame's CSV, generated when clicked; `snapshot`: the data version of a frame that is kept."""
    download_file(
        "Download CSV",
        lambda: csv(frame),
        file_name(name, "csv", snapshot or shell.snapshot()),
        key=f"csv_{key or name}",
        type="tertiary",
        snapshot=snapshot or shell.snapshot(),
    )


_FORMATS = {
    "USD": "dollar",
    "USD whole": "$%,.0f",
    "USD per 1M tokens": "$%.4f",
    "USD small": "$%.6f",
    "share": "%.2f%%",
    "tokens": "localized",
    "requests": "localized",
    "attempts": "localized",
    "ms": "%,.0f ms",
    "ratio": "%.2f",
    "0 to 1": "%.3f",
    "count": "localized",
}
