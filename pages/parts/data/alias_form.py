"""Aliases: which model a name of the log stands for; each in a sentence with its menu, added and changed by dialog."""

from __future__ import annotations

from functools import partial
from typing import Any

import streamlit as st

from data.errors import BadInput
from data.ledger import Ledger
from data.loading import reprice
from data.prices.aliases import ALIASES, Alias
from pages.parts.data.contract_form import models_in_log
from pages.ui import document_list, shell
from pages.ui import format as fmt
from pages.ui.document_list import Opened


@st.fragment
def manage(view: Ledger) -> None:
    """The aliases in words; a save renames and reprices the rows it touches."""
    words = {name: in_words(one) for name, one in ALIASES.all(shell.state()).items()}
    document_list.rows(ALIASES, words, partial(dialog, view), add="Add an alias", after=lambda name: rename_rows())


def rename_rows() -> str:
    """Give the rows already loaded the names and prices that hold now; what came of it."""
    return document_list.what_changed(reprice.reprice(shell.ledger(), shell.state()), "renamed and repriced")


def in_words(alias: Alias) -> str:
    """An alias in a sentence."""
    only = f" of {alias.provider}" if alias.provider else ""
    sold = f", priced as sold by {alias.price_provider}" if alias.price_provider else ""
    note = f" ({alias.note})" if alias.note else ""
    return f"**{fmt.md(alias.pattern)}**{fmt.md(only)} stands for **{fmt.md(alias.model)}**{fmt.md(sold + note)}."


@st.dialog("Alias", icon=":material/label:", width="medium")
def dialog(view: Ledger, opened: Opened) -> None:
    """Add an alias, or change the one it was opened for."""
    held = opened.body

    field = opened.keys("alias")

    left, right = st.columns(2)
    pattern = left.text_input(
        "Name in the log", held.get("pattern", ""), key=field("pattern"), help="* stands for anything"
    )
    before = held.get("model")
    model = right.selectbox(
        "Stands for model",
        list(dict.fromkeys([*([before] if before else []), *(name for _, name in models_in_log(view))])),
        index=0 if before else None,
        accept_new_options=True,
        key=field("model"),
        placeholder="gpt-5.2",
    )
    provider = left.text_input("Only for provider", held.get("provider") or "", key=field("provider"))
    sold_by = right.text_input("Priced as sold by", held.get("price_provider") or "", key=field("sold"))
    note = st.text_input("Note", held.get("note", ""), key=field("note"))
    body = {"pattern": pattern, "model": model or "", "note": note}
    body |= {k: v.strip() for k, v in (("provider", provider), ("price_provider", sold_by)) if v.strip()}
    alias, problem = _checked(body)
    if document_list.wants_saving("Save the alias", problem, field) and alias:
        name = opened.name if opened.replaces else document_list.free_name(ALIASES, alias.pattern)
        document_list.save(ALIASES, name, alias, opened, rename_rows)


def _checked(body: dict[str, Any]) -> tuple[Alias | None, str]:
    """The alias, or what keeps it from being saved."""
    if not body["pattern"].strip():
        return None, "Give the name as the log has it."
    if not body["model"].strip():
        return None, "Say which model it stands for."
    try:
        return ALIASES.read("", body), ""
    except BadInput as wrong:
        return None, str(wrong)
