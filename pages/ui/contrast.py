"""The only style that is not in the theme: what Streamlit writes too faintly in the dark, whatever the theme says."""

from __future__ import annotations

import streamlit as st

from pages.ui import charts, shell


def readable_in_the_dark() -> None:
    """Chips and primary buttons are written in white, which is 2.4 to 1 on the dark theme's light blue, and the button
    of an open popover in a darkened primary, 3.2 to 1; under the mouse a primary button is darkened, to 4.3 to 1. The
    primary colour itself can be no darker: tabs and links are written in it.
    """
    palette = shell.palette()
    if palette is charts.DARK:
        st.html(
            "<style>span[data-tag], button[data-testid^='stBaseButton-primary'] "
            f"{{color: {palette.background}}} "
            "button[data-testid^='stBaseButton-primary']:is(:hover, :active) "
            f"{{background-color: {palette.primary}; filter: brightness(1.1)}} "
            "button[kind='tertiary'][aria-expanded='true'], button[kind='tertiary']:active "
            f"{{color: {palette.primary}}}</style>"
        )
