"""The row of figures at the top of a page: tiles of one height, whether or not a figure has a change to show."""

from __future__ import annotations

from typing import Any, NamedTuple

import streamlit as st
from streamlit.delta_generator import DeltaGenerator


class Tile(NamedTuple):
    """One place in the row."""

    place: DeltaGenerator

    def metric(self, label: str, value: str, **how: Any) -> None:
        """The figure under its name; `how` as for st.metric: delta, help and the like."""
        self.place.metric(label, value, border=True, height="stretch", **how)


def row(count: int = 4) -> list[Tile]:
    """Tiles side by side."""
    return [Tile(place) for place in st.columns(count)]
