"""A theme that is switched in an open page: what the server drew in its colours (logo, charts) is drawn anew.

Streamlit tells the server of the theme with the next run and no earlier; only a script in the page sees it change.
"""

from __future__ import annotations

import streamlit as st

SCRIPT = """
export default function({ parentElement, setTriggerValue }) {
  const drawn = parentElement.host ?? parentElement;
  const colour = () => getComputedStyle(drawn).getPropertyValue("--st-background-color").trim();
  let before = colour();
  const watch = setInterval(() => {
    const now = colour();
    if (now && now !== before) { before = now; setTriggerValue("switched", now); }
  }, 400);
  return () => clearInterval(watch);
}
"""


def redraw_on_switch() -> None:
    """Run the page anew when its theme was switched."""
    watch = st.components.v2.component("baton_theme_watch", js=SCRIPT)
    watch(key="theme_watch", height=0, on_switched_change=lambda: None)
