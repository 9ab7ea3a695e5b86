"""Vendors: what if one is down, or fails, how much hangs on it, and how is its work bought?"""

from __future__ import annotations

import streamlit as st

from pages.parts.vendors import buying, dependence, down, fails
from pages.ui import filters, links, shell

VIEWS = {"It is down": down, "It fails": fails, "How much hangs on it": dependence, "How to buy": buying}

view = shell.view()
shell.needs_data(view, down.QUESTION)
title = st.container()
scope = filters.scope_bar(view, default="28d")
links.forget_unoffered("look", list(VIEWS))
look = st.segmented_control(
    "What if", list(VIEWS), default="It is down", required=True, key="look", bind="query-params"
)
VIEWS[look].show(view, scope, title)
with st.container(horizontal=True, vertical_alignment="center"):
    filters.link("pages/policy_replay.py", "Change the policy", ":material/alt_route:", scope)
    filters.link("pages/mix.py", "Find another mix", ":material/tune:", scope)
    shell.snapshot_link(view)
