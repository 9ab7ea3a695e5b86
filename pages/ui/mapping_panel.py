"""For a table no format knows: say what its columns mean, see ten rows read that way, name the reading, load."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from zoneinfo import available_timezones

import streamlit as st

from data.loading import column_guesses, mappings
from data.loading.column_guesses import ENOUGH, MEANINGS
from pages.ui import format as fmt
from pages.ui import shell

OPEN_ROWS = 12  # columns shown before the rest waits behind a click
LEAVE_OUT = "Leave out"
NEW, NEW_NAME = "What the names and values say", "new"
UNITS = {"usd": "US dollars", "cents": "cents", "micro_usd": "millionths of a dollar"}


def panel(path: Path, load: Callable[[str], None], leave: Callable[[], None]) -> None:
    """Draw the panel for a file; `load(name)` reads it with the mapping of that name, `leave()` gives it up."""
    st.subheader(fmt.md(f"What do the columns of {path.name} mean?"), anchor=False)
    st.caption("No format Baton knows. Say what its columns mean, and it is read.")
    sample = mappings.sample_of(shell.ledger(), path)
    values = column_guesses.column_values(sample)
    first = _start(path, sample, list(values))
    chosen = _columns(f"{path}{first.name}", values, first, column_guesses.guesses(sample))
    columns, twice = _by_meaning(chosen)
    name = _name_of(path) if first.name == NEW_NAME else first.name
    mapping = first.model_copy(update={"name": name, "columns": columns, **_units(path, columns, first)})
    problem = _problem(columns, twice)
    if problem:
        st.warning(problem, icon=":material/help:")
    else:
        if column_guesses.is_other_money(columns.get("reported_cost_usd", "")):
            money = fmt.md(columns["reported_cost_usd"])
            st.warning(f"{money} is read as US dollars, though its name says otherwise.", icon=":material/help:")
        _preview(path, mapping)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        wanted = st.text_input("Keep this reading as", name, key=f"mapping_name_{path}", width=260)
        if st.button("Save and load", type="primary", disabled=bool(problem), icon=":material/save:"):
            mappings.MAPPINGS.save(shell.state(), wanted, mapping.model_copy(update={"name": wanted.strip()}))
            load(wanted.strip())
        if st.button("Leave this file", icon=":material/close:", type="tertiary"):
            leave()


def _start(path: Path, sample: list[dict], columns: list[str]) -> mappings.Mapping:
    """The saved mapping of a file of this shape, where there is one and the reader does not prefer the guess."""
    guess = mappings.guess(NEW_NAME, sample)
    saved = mappings.fitting(shell.state(), columns)
    if not saved:
        return guess
    start = st.selectbox("Read it as", [*saved, NEW], key=f"mapping_start_{path}", width=360)
    return guess if start == NEW else mappings.MAPPINGS.all(shell.state())[start]


def _columns(
    key: str, values: dict[str, list[str]], first: mappings.Mapping, guesses: dict[str, column_guesses.Guess]
) -> dict[str, str]:
    """One row per column of the file: its name, three of its values, its meaning. Returns column -> meaning chosen."""
    meant = {source: target for target, source in first.columns.items() if target in MEANINGS}
    order = list(MEANINGS)
    ordered = sorted(values, key=lambda source: order.index(meant[source]) if source in meant else len(order))
    shown = max(OPEN_ROWS, len(meant))
    reasons = {guess.source: (target, guess.reason) for target, guess in guesses.items()}
    chosen = {}
    with st.container(border=True, gap="xsmall"):
        for source in ordered[:shown]:
            chosen[source] = _column(key, source, values[source], meant.get(source), reasons.get(source))
    if rest := ordered[shown:]:
        with st.expander(f"{len(rest)} more columns, left out"):
            for source in rest:
                chosen[source] = _column(key, source, values[source], None, None)
    return chosen


def _column(key: str, source: str, values: list[str], meaning: str | None, reason: tuple[str, str] | None) -> str:
    left, right = st.columns([3, 2], vertical_alignment="center")
    options = [LEAVE_OUT, *MEANINGS]
    picked = right.selectbox(
        fmt.md(source),
        options,
        index=options.index(meaning) if meaning else 0,
        format_func=lambda target: MEANINGS.get(target, LEAVE_OUT),
        key=f"map_{key}_{source}",
        label_visibility="collapsed",
    )
    why = f" :small[:gray[{reason[1]}]]" if reason and reason[0] == picked else ""
    seen = " · ".join(value[:24] for value in list(dict.fromkeys(values))[:3]) or "empty"
    left.markdown(f"**{fmt.md(source)}**{why}  \n:gray[{fmt.md(seen)}]")
    return picked


def _by_meaning(chosen: dict[str, str]) -> tuple[dict[str, str], list[str]]:
    """Our column -> the file's, and the meanings given twice."""
    picked = [target for target in chosen.values() if target != LEAVE_OUT]
    twice = sorted({target for target in picked if picked.count(target) > 1})
    return {target: source for source, target in chosen.items() if target != LEAVE_OUT}, twice


def _problem(columns: dict[str, str], twice: list[str]) -> str:
    if twice:
        return f"{' and '.join(MEANINGS[target] for target in twice)}: two columns are said to mean it. Leave one out."
    if "requested_at" not in columns:
        return "Say which column holds the time of the request."
    if not columns.keys() & set(ENOUGH):
        return "Say which column holds the model, the tokens or the cost; one of them is enough."
    return ""


def _units(path: Path, columns: dict[str, str], first: mappings.Mapping) -> dict[str, object]:
    """How times, amounts and waits are written in the file."""
    units: dict[str, object] = {}
    with st.expander("Time zone and units", icon=":material/straighten:"), st.container(horizontal=True):
        zones = sorted(available_timezones())
        units["time_zone"] = st.selectbox(
            "Times without an offset are in", zones, zones.index(first.time_zone), key=f"mapping_zone_{path}", width=240
        )
        written = st.text_input(
            "Times are written as",
            first.time_format or "",
            key=f"mapping_time_{path}",
            placeholder="found by itself",
            help="Such as %d.%m.%Y %H:%M for 31.10.2026 14:05.",
            width=200,
        )
        units["time_format"] = written.strip() or None
        units["decimal_comma"] = st.segmented_control(
            "Numbers are written as",
            [False, True],
            format_func=lambda comma: "1.234,5" if comma else "1,234.5",
            default=first.decimal_comma,
            required=True,
            key=f"mapping_comma_{path}",
        )
        if "reported_cost_usd" in columns:
            units["cost_unit"] = st.segmented_control(
                "Cost is in",
                list(UNITS),
                format_func=lambda unit: UNITS[unit],
                default=first.cost_unit,
                required=True,
                key=f"mapping_cost_{path}",
            )
        if "latency_ms" in columns or "ttft_ms" in columns:
            units["latency_unit"] = st.segmented_control(
                "Waits are in",
                ["ms", "s"],
                format_func=lambda unit: {"ms": "milliseconds", "s": "seconds"}[unit],
                default=first.latency_unit,
                required=True,
                key=f"mapping_wait_{path}",
            )
    return units


def _preview(path: Path, mapping: mappings.Mapping) -> None:
    frame = mappings.preview(shell.ledger(), path, mappings.check_mapping(mapping.model_dump(mode="json")))
    problems = frame.pop("problem")
    good = int(problems.isna().sum())
    st.markdown(f"**{good} of the first {len(frame)} rows would load**, each as one request.")
    if good < len(frame):
        frame.insert(0, "problem", problems)
    st.dataframe(
        frame.rename(columns={**MEANINGS, "problem": "Problem"}),
        hide_index=True,
        placeholder=fmt.MISSING,
        column_config={"Problem": st.column_config.Column(width="large")} if good < len(frame) else None,
        alt=f"The first {len(frame)} rows as they would be loaded; {good} of them without a problem",
    )


def _name_of(path: Path) -> str:
    """A name for the mapping from the file's: `usage-2026-11.csv` is `usage`."""
    stem = re.sub(r"[^A-Za-z0-9 _.-]|[\d_.-]+$", "", path.name.split(".")[0]).strip()
    return stem[:60] if re.match(r"[A-Za-z0-9]", stem) else "my log"
