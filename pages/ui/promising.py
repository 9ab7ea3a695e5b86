"""The one button that turns what a page says into a promise: the number, its band, its days, and who."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from analytics.promises.actions import ACTIONS
from analytics.promises.promise_offer import Offer, promise
from data.ledger import Ledger
from pages.ui import format as fmt
from pages.ui import shell


def promise_button(view: Ledger, find: Callable[[], Sequence[Offer]], *, key: str) -> None:
    """A popover that shows what would be promised, asks who, and keeps it; `find` works the offers out, at least one,
    once somebody opens it.
    """
    shown = st.popover("Make it a promise", icon=":material/handshake:", key=f"promise_shown_{key}", on_change="rerun")
    if not shown.open:
        return
    with shown:
        offers = find()
        names = [offer.name for offer in offers]
        chosen = names[0] if len(names) == 1 else st.selectbox("What", names, key=f"promise_what_{key}")
        offer = offers[names.index(chosen)]
        st.write(fmt.md(offer.text))
        st.caption(offer.then)
        kept = ACTIONS.all(shell.state())
        name = st.text_input("Promise", offer.name, key=f"promise_name_{key}_{offer.name}")
        owner = st.text_input("Owner", key=f"promise_owner_{key}", placeholder="nobody yet")
        if name.strip() in kept:
            st.caption(fmt.md(f"Promised by {kept[name.strip()].by or 'somebody'}; the weekly review measures it."))
        elif st.button("Promise it", key=f"promise_{key}", type="primary"):
            with shell.errors():
                promise(view, shell.state(), offer, name=name, owner=owner)
                st.rerun()
