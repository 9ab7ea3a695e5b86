"""What people saved of one kind, as a list in words: each with its menu, and what was deleted with its way back.

Adding and changing happen in a dialog that the caller draws; this keeps which one is open, and what it was made from.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import count
from typing import Any, NamedTuple

import streamlit as st

from data import people
from data.documents import Body, Documents
from data.errors import BatonError
from pages.ui import format as fmt
from pages.ui import shell

EDIT, COPY, DELETE = "Edit", "Duplicate", "Delete"
Work = Callable[[str], list[str]]  # what is done with a document of this name; the sentences that tell of it


class Opened(NamedTuple):
    """A dialog that was opened: the document it starts from, whether that is to be replaced, and a number for keys."""

    name: str
    body: Body
    replaces: bool
    number: int

    def keys(self, dialog: str) -> Callable[[str], str]:
        """The keys of a dialog's fields by their names: an earlier opening's must not be remembered."""
        return lambda name: f"{dialog}_{name}_{self.number}"

    @property
    def seen(self) -> tuple[str, Body] | None:
        """What a save replaces; None for a new document."""
        return (self.name, self.body) if self.replaces else None


def rows(
    kept: Documents,
    words: Mapping[str, str],
    dialog: Callable[[Opened], None],
    *,
    add: str,
    after: Callable[[str], str] = lambda name: "",
    more: Callable[[str], Mapping[str, Work]] = lambda name: {},
) -> None:
    """The list of a kind's documents, `words` by name as Markdown, and the button that adds one, labelled `add`.

    `after` carries out what the deletion of a name or its undoing asks for, and says so; for a save, `save` does.
    `more` names what else the menu of a document does: each returns sentences, which then stand below its row.
    Draw it in a fragment: only a save runs the page anew.
    """
    kind, may = kept.kind, people.acting().may(people.OF_KIND.get(kept.kind, "documents"))
    if changed := st.session_state.pop(_key(kind, "changed"), None):
        name, sentence = changed
        with st.spinner("Applying it"):
            tell_next(kind, f"{sentence} {after(name)}".strip())
        st.rerun()  # what the page says of them is of before
    _tell(kind)
    _way_back(kept)
    for name, told in words.items():
        line, menu = st.columns([8, 1], vertical_alignment="center")
        line.markdown(told)
        if may:
            menu.menu_button(
                "Change",
                [EDIT, COPY, *more(name), DELETE],
                key=_key(kind, f"menu_{name}"),
                type="tertiary",
                help=fmt.md(f"Edit, duplicate or delete {name}"),
                on_click=_choose,
                args=(kept, name),
            )
        _work_on(kind, name, more(name))
    if may and st.button(add, icon=":material/add:", key=_key(kind, "add")):
        _open(kind, "", {}, replaces=False)
    if opened := st.session_state.pop(_key(kind, "open"), None):
        dialog(opened)


def wants_saving(label: str, problem: str, field: Callable[[str], str]) -> bool:
    """The dialog's button that saves; what stands against it is said from the first try on, as it is typed."""
    asked = st.button(label, type="primary", key=field("save"), icon=":material/save:")
    if asked:
        st.session_state[field("tried")] = True
    if problem and st.session_state.get(field("tried")):
        st.error(fmt.md(problem), icon=":material/error:")
    return asked and not problem


def save(kept: Documents, name: str, document: Any, opened: Opened, also: Callable[[], str] = str) -> None:
    """Save what a dialog made and close it; `also` is said beside that. What refuses the save is said in the dialog."""
    try:
        kept.amend(shell.state(), name, document, opened.seen)
    except BatonError as error:
        st.error(fmt.md(str(error)), icon=":material/error:")
        return
    with st.spinner("Applying it"):
        tell_next(kept.kind, f"{getattr(document, 'name', name)} is saved. {also()}".strip())
    st.rerun()


def tell_next(kind: str, sentence: str) -> None:
    """Say after the next run that something was saved."""
    st.session_state[_key(kind, "told")] = sentence


def free_name(kept: Documents, wanted: str) -> str:
    """A name for a document whose kind has names that nobody types: what is wanted, numbered where it is taken."""
    taken = shell.state().all(kept.kind)
    numbered = (f"{wanted} {number}" for number in count(2))
    return wanted if wanted not in taken else next(name for name in numbered if name not in taken)


def what_changed(change: object, done: str) -> str:
    """What a save did to the rows already loaded: `change.rows` of them were `done`."""
    rows = getattr(change, "rows", 0)
    return (
        f"{fmt.count(rows)} rows {done}; a new data version was made."
        if rows
        else "No row already loaded is touched by it."
    )


def start_name(opened: Opened) -> str:
    """The name that a dialog begins with: the document's own, or that of its copy."""
    return opened.name if opened.replaces or not opened.name else f"{opened.name} copy"


def _work_on(kind: str, name: str, more: Mapping[str, Work]) -> None:
    """Do what the menu of a row was asked for, and show what came of it."""
    chosen = st.session_state.pop(_key(kind, f"asked_{name}"), "")
    if chosen in more:
        with shell.errors(), st.spinner(chosen):
            st.session_state[_key(kind, f"said_{name}")] = more[chosen](name)
            st.rerun()
    for sentence in st.session_state.pop(_key(kind, f"said_{name}"), []):
        st.caption(fmt.md(sentence))


def _key(kind: str, what: str) -> str:
    return f"{kind}_list_{what}"


def _tell(kind: str) -> None:
    if sentence := st.session_state.pop(_key(kind, "told"), ""):
        st.toast(fmt.md(sentence), icon=":material/check_circle:")
    if sentence := st.session_state.pop(_key(kind, "refused"), ""):
        st.error(fmt.md(sentence), icon=":material/error:")


def _open(kind: str, name: str, body: Body, *, replaces: bool) -> None:
    number = st.session_state.get(_key(kind, "number"), 0) + 1
    st.session_state[_key(kind, "number")] = number
    st.session_state[_key(kind, "open")] = Opened(name, body, replaces, number)


def _choose(kept: Documents, name: str) -> None:
    """What the menu of a row was asked for: a callback, before anything is drawn."""
    chosen, body = st.session_state[_key(kept.kind, f"menu_{name}")], shell.state().get(kept.kind, name)
    try:
        if body is None:
            st.session_state[_key(kept.kind, "refused")] = f"{name} was deleted elsewhere meanwhile."
        elif chosen == DELETE:
            kept.forget(shell.state(), name)
            st.session_state[_key(kept.kind, "deleted")] = (name, body)
            st.session_state[_key(kept.kind, "changed")] = (name, "")
        elif chosen not in (EDIT, COPY):
            st.session_state[_key(kept.kind, f"asked_{name}")] = chosen
        else:
            _open(kept.kind, name, body, replaces=chosen == EDIT)
    except BatonError as error:
        st.session_state[_key(kept.kind, "refused")] = str(error)


def _way_back(kept: Documents) -> None:
    if (deleted := st.session_state.get(_key(kept.kind, "deleted"))) is None:
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(f"Deleted {fmt.md(deleted[0])}.", width="content")
        st.button("Undo", key=_key(kept.kind, "undo"), icon=":material/undo:", on_click=_bring_back, args=(kept,))


def _bring_back(kept: Documents) -> None:
    name, body = st.session_state.pop(_key(kept.kind, "deleted"))
    try:
        kept.amend(shell.state(), name, body)
        st.session_state[_key(kept.kind, "changed")] = (name, f"{name} is back.")
    except BatonError as error:
        st.session_state[_key(kept.kind, "refused")] = str(error)
