"""Attribution rules: whose work a row is; each in a sentence with its menu, added and changed by dialog."""

from __future__ import annotations

from functools import partial
from typing import Any, get_args

import streamlit as st

from data import dimensions
from data.errors import BadInput
from data.ledger import Ledger
from data.loading import reprice
from data.loading.attribution_rules import FIELDS, RULES, TAG, Rule, rules_in_order
from data.schema import ATTRIBUTION, VOCABULARY
from pages.ui import document_list, shell
from pages.ui import format as fmt
from pages.ui.document_list import Opened

OPERATORS = dict(
    zip(
        get_args(Rule.model_fields["op"].annotation),
        ("is", "starts with", "contains", "is like (* and ?)", "matches the regular expression"),
        strict=True,
    )
)


@shell.cached
def offered_tags(view: Ledger) -> list[str]:
    """The keys of the log's tags."""
    return dimensions.known_tags(view)


@st.fragment
def manage(view: Ledger) -> None:
    """The rules in words, in the order they are tried; a save applies them to the rows already loaded."""
    words = {name: in_words(one) for name, one in rules_in_order(RULES.all(shell.state())).items()}
    document_list.rows(RULES, words, partial(dialog, view), add="Add a rule", after=lambda name: apply_to_rows())


def apply_to_rows() -> str:
    """Apply the rules that hold now to the rows already loaded; what came of it."""
    return document_list.what_changed(reprice.reapply_meaning(shell.ledger(), shell.state()), "changed")


def in_words(rule: Rule) -> str:
    """A rule in a sentence."""
    when = f"When {rule.field} {OPERATORS[rule.op]}"
    tail = f"; tried as number {rule.order}" if rule.order else ""
    note = f" ({rule.note})" if rule.note else ""
    return f"{fmt.md(when)} **{fmt.md(rule.pattern)}**, {rule.set} is **{fmt.md(rule.value)}**{fmt.md(tail + note)}."


@st.dialog("Attribution rule", icon=":material/rule:", width="medium")
def dialog(view: Ledger, opened: Opened) -> None:
    """Add a rule, or change the one it was opened for."""
    held = opened.body

    field = opened.keys("rule")

    fields = list(dict.fromkeys([*FIELDS, *(TAG + tag for tag in offered_tags(view))]))
    now = held.get("field")
    if now and now not in fields:
        fields = [now, *fields]
    body: dict[str, Any] = {
        "field": st.selectbox(
            "When this field",
            fields,
            index=fields.index(now) if now else None,
            accept_new_options=True,
            key=field("field"),
            placeholder="a column, or tags.KEY",
        )
    }
    left, right = st.columns([2, 3])
    names = list(OPERATORS)
    body["op"] = left.selectbox(
        "Matches", names, names.index(held.get("op", "equals")), format_func=OPERATORS.__getitem__, key=field("op")
    )
    body["pattern"] = right.text_input("This", held.get("pattern", ""), key=field("pattern"))
    columns = list(ATTRIBUTION)
    body["set"] = left.selectbox("Then set", columns, columns.index(held.get("set", columns[0])), key=field("set"))
    body["value"] = _value(right, body["set"], held, field(f"value_{body['set']}"))
    with st.expander("More: order, note"):
        body["order"] = st.number_input(
            "Order", value=int(held.get("order", 0)), step=1, key=field("order"), help="Lower ones are tried first."
        )
        body["note"] = st.text_input("Note", held.get("note", ""), key=field("note"))
    rule, problem = _checked(body)
    if document_list.wants_saving("Save the rule", problem, field) and rule:
        wanted = document_list.free_name(RULES, f"{rule.set} {rule.value}")
        document_list.save(RULES, opened.name if opened.replaces else wanted, rule, opened, apply_to_rows)


def _value(place: Any, column: str, held: dict[str, Any], key: str) -> str:
    """The value to set: chosen where the column has words of its own, else typed."""
    before = held.get("value", "") if held.get("set") == column else ""
    words = [*VOCABULARY.get(column, ())]
    if not words:
        return place.text_input("To", before, key=key).strip()
    return place.selectbox("To", words, words.index(before) if before in words else None, key=key) or ""


def _checked(body: dict[str, Any]) -> tuple[Rule | None, str]:
    """The rule, or what keeps it from being saved."""
    lacks = {
        "field": "Say which field is looked at.",
        "pattern": "Say what it must match.",
        "value": "Say what is set.",
    }
    if missing := [sentence for name, sentence in lacks.items() if not body[name]]:
        return None, " ".join(missing)
    try:
        return RULES.read("", body), ""
    except BadInput as wrong:
        return None, str(wrong)
