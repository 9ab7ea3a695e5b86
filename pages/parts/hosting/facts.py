"""The catalogues behind the Self-host page, to look at and to edit: GPUs, prices, models, figures."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pandas as pd
import streamlit as st

from data.errors import BatonError
from data.facts.architectures import architectures
from data.facts.gpus import gpu_prices, gpus, live_rents
from data.facts.hosting import hosting_facts
from data.facts.tables import CATALOG, KEYS, Row, read_rows, rows_at, save_own, stamp
from pages.ui import format as fmt
from simulations.hosting import capacity

TABLES = {
    "GPUs": ("gpus.csv", gpus),
    "GPU prices": ("gpu_prices.csv", gpu_prices),
    "Open models": ("architectures.csv", architectures),
    "Power, space, people": ("hosting_facts.csv", hosting_facts),
}


def editor() -> None:
    """One catalogue as a table. What differs from the shipped rows is kept in the store and wins."""
    with st.expander("Edit catalogues", icon=":material/edit:"):
        chosen = st.segmented_control(
            "Catalogue",
            list(TABLES),
            default="GPU prices",
            required=True,
            key="catalogue",
            label_visibility="collapsed",
        )
        name, read = TABLES[chosen]
        rows = list(rows_at(stamp(name)))
        edited = st.data_editor(
            pd.DataFrame(rows), num_rows="dynamic", hide_index=True, placeholder=fmt.MISSING, key=f"edit_{stamp(name)}"
        )
        st.caption(
            "Every row needs a source and a date (YYYY-MM-DD). A changed or added row wins over the shipped "
            "one of the same name; delete it to get the shipped one back."
        )
        with st.container(horizontal=True):
            if st.button("Save catalogue", icon=":material/save:"):
                _save(name, edited.fillna("").astype(str).to_dict("records"), read)
            if chosen == "GPU prices" and st.button(
                "Ask gpuhunt for today's rents",
                icon=":material/cloud_download:",
                help="Needs the optional package gpuhunt and a network; nothing is asked unless you press this.",
            ):
                _refresh(rows)


def _save(name: str, rows: list[Row], read: Callable[[], object]) -> None:
    try:
        save_own(name, own_rows(name, rows), read)
    except BatonError as error:
        st.error(fmt.md(str(error)), icon=":material/error:")
        return
    capacity.forget()
    st.rerun()


def own_rows(name: str, rows: list[Row]) -> list[Row]:
    """The rows to keep: all of a key (say, the rents of one GPU) where any of them differs from the shipped ones."""

    def by_key(some: list[Row]) -> dict[tuple[str, ...], list[Row]]:
        groups: dict[tuple[str, ...], list[Row]] = {}
        for row in some:
            groups.setdefault(tuple(row[k] for k in KEYS[name]), []).append(row)
        return groups

    shipped = by_key(read_rows(CATALOG / name))
    return [row for key, group in by_key(rows).items() if group != shipped.get(key) for row in group]


def _refresh(rows: list[Row]) -> None:
    try:
        live = live_rents(datetime.now(UTC).date())
    except BatonError as error:
        st.error(fmt.md(str(error)), icon=":material/error:")
        return
    fresh = [
        {
            "gpu": p.gpu,
            "kind": p.kind,
            "provider": p.provider,
            "usd": f"{p.usd:g}",
            "unit": "usd_per_gpu_hour",
            "as_of": p.as_of,
            "source": p.source,
            "verified": "yes",
            "note": p.note,
        }
        for p in live
    ]
    replaced = {(row["gpu"], row["kind"]) for row in fresh}
    _save("gpu_prices.csv", [row for row in rows if (row["gpu"], row["kind"]) not in replaced] + fresh, gpu_prices)
