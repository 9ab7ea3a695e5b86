"""What the Vendors page asks: which provider or model, which models answer instead, at which limits."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from analytics.scope import Scope
from data.ledger import Ledger
from pages.ui import shell, what_if

Named = tuple[str | None, str | None]  # a provider, or a model


@shell.cached
def in_the_log(view: Ledger, scope: Scope) -> list[Named]:
    """Providers of the scope by requests, then its models."""
    rows = scope.usage(view)
    found: list[Named] = []
    for column in ("provider", "model"):
        table = view.frame(rows.group_by(name=rows[column]).aggregate(n=rows.count()))
        names = table.dropna().sort_values(["n", "name"], ascending=[False, True])["name"]
        found += [(name, None) if column == "provider" else (None, name) for name in names]
    return found


def whom(label: str, known: Sequence[Named], first: Named, key: str) -> Named:
    """A provider or a model; what the scenario names stands first where the log does not know it."""
    options = [*known] if first in known else [first, *known]
    return st.selectbox(
        label,
        options,
        options.index(first),
        format_func=lambda named: f"provider {named[0]}" if named[0] else f"model {named[1]}",
        key=key,
        width=240,
    )


def models(known: Sequence[Named], named: Sequence[str]) -> list[str]:
    """Models that may answer instead: the log's, then the catalogue's."""
    logged = [model for _, model in known if model]
    return list(dict.fromkeys([*named, *logged, *what_if.catalog(shell.state())]))


def figure(
    cell: st.delta_generator.DeltaGenerator, label: str, value: float | None, key: str, words: str = ""
) -> float | None:
    """A figure that may be unknown."""
    return cell.number_input(label, value=value, format="%g", key=key, placeholder="unknown", help=words or None)
