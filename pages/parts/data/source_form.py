"""A source by dialog: what kind it is, where it is asked, and how often."""

from __future__ import annotations

from typing import Any

import streamlit as st

from data.errors import BadInput
from data.sources.source import KINDS, SOURCES, Source
from pages.ui import document_list
from pages.ui.document_list import Opened

A_DATABASE = "postgresql://reader@db.example:5432/litellm"
STORAGE = "Of object storage that is not AWS's. Its keys are AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY there."
CLOUDWATCH = "Of a region other than AWS_REGION. The keys are AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY there."
NO_PASSWORD = "Without a password: set PGPASSWORD where Baton runs, or write it into ~/.pgpass."


@st.dialog("Source", icon=":material/cloud_download:", width="medium")
def dialog(opened: Opened) -> None:
    """Add a source, or change the one it was opened for."""
    held, names = opened.body, list(KINDS)

    field = opened.keys("source")

    kind = st.selectbox(
        "Kind",
        names,
        names.index(held.get("kind", names[0])),
        format_func=lambda one: KINDS[one].label,
        key=field("kind"),
    )
    name = st.text_input(
        "Name",
        document_list.start_name(opened),
        key=field("name"),
        disabled=opened.replaces,
        help="It stays: how far the source has come is kept under it.",
    ).strip()
    asked = {k: v for k, v in held.items() if k in ("settle_hours", "since", "note")}
    asked |= _where(kind, held if held.get("kind") == kind else {}, field)
    asked["every_hours"] = st.number_input(
        "Every hours", 0.05, 744.0, float(held.get("every_hours", 1.0)), format="%g", key=field("hours")
    )
    source, problem = _checked(name, {"kind": kind, **asked})
    if document_list.wants_saving("Save the source", problem, field) and source:
        document_list.save(SOURCES, name, source, opened)


def _place(kind: str, held: dict[str, Any], field: Any, label: str, example: str, about: str) -> dict[str, str]:
    """Where it lies in a service of AWS or alike."""
    left, right = st.columns(2)
    path = left.text_input(label, held.get("path", ""), key=field(f"path_{kind}"), placeholder=example)
    url = right.text_input(
        "Endpoint", held.get("base_url", ""), key=field(f"url_{kind}"), placeholder="AWS", help=about
    )
    return {"path": path, "base_url": url}


def _where(kind: str, held: dict[str, Any], field: Any) -> dict[str, str]:
    """Where it is asked, and with which key."""
    usual = KINDS[kind]
    if usual.way == "folder":
        typed = {"path": st.text_input("Folder or pattern on the server", held.get("path", ""), key=field("path"))}
    elif usual.way in ("objects", "lakehouse"):
        typed = _place(kind, held, field, "Place", "s3://bucket/prefix", STORAGE)
        if usual.way == "lakehouse":
            typed["time_column"] = st.text_input(
                "Time column", held.get("time_column", ""), key=field(f"time_{kind}"), placeholder="read it whole"
            )
    elif usual.way == "cloudwatch":
        typed = _place(kind, held, field, "Log group", "/aws/bedrock/modelinvocations", CLOUDWATCH)
    elif usual.way == "table":
        url = st.text_input(
            "Address",
            held.get("base_url", ""),
            key=field(f"url_{kind}"),
            placeholder=A_DATABASE,
            help=NO_PASSWORD,
        )
        typed = {"base_url": url}
    else:
        left, right = st.columns(2)
        url = left.text_input("Address", held.get("base_url", ""), key=field(f"url_{kind}"), placeholder=usual.base_url)
        key = right.text_input(
            "Variable with its key", held.get("key_env", ""), key=field(f"key_{kind}"), placeholder=usual.key_env
        )
        typed = {"base_url": url, "key_env": key}
    return {name: value.strip() for name, value in typed.items() if value.strip()}


def _checked(name: str, body: dict[str, Any]) -> tuple[Source | None, str]:
    """The source, or what keeps it from being saved."""
    if not name:
        return None, "Give the source a name."
    try:
        return SOURCES.read(name, body), ""
    except BadInput as wrong:
        return None, str(wrong)
