"""The service tier of a record in which its format finds none: the one that its text names, wherever that is."""

from __future__ import annotations

from dataclasses import replace

from data.formats import Format
from data.sql_text import literal

# Where a record says how it was served, wherever it is; a prompt's own quotes are escaped and do not match.
TIER_KEY = r'"(?:service_?[tT]ier|traffic_?[tT]ype)"\s*:\s*"([A-Za-z_ -]+)"'
NAMED = ("ervice_tier", "erviceTier", "raffic")
ESCAPED = ("ervice_tier\\", "erviceTier\\", "raffic")  # of NAMED, what stands before the quote within a text
# A field that holds JSON as text, as loggers write metadata and bodies into a column; what was said holds anything.
JSON_TEXT = r'"([A-Za-z0-9_.$-]+)"\s*:\s*("\s*(?:\\")?\{(?:[^"\\]|\\.)*")'
SAID = "(?i)prompt|message|content|completion|question|query|^(text|answer)$"


def with_named_tier(form: Format) -> Format:
    """The format; a record in which it finds no service tier has the one that its text names (`auto` was asked for,
    nothing is served so). One that names two has both, as a tier that nobody knows: the standard price, marked."""
    if form.table != "usage":
        return form
    own = form.columns.get("service_tier", "NULL")
    named, escaped = (" OR ".join(f"contains(raw, {literal(word)})" for word in words) for words in (NAMED, ESCAPED))
    only = f"CASE WHEN {named} THEN coalesce({_tier('[raw]')}, CASE WHEN {escaped} THEN {_tier(_texts())} END) END"
    return replace(form, columns={**form.columns, "service_tier": f"coalesce(text_of({own}), {only})"})


def _tier(texts: str) -> str:
    """SQL: the tiers that a list of texts names, as one word; NULL where they name none."""
    found = f"flatten(list_transform({texts}, lambda t: regexp_extract_all(t, {literal(TIER_KEY)}, 1)))"
    said = f"list_filter({found}, lambda w: lower(w) <> 'auto')"
    words = f"list_distinct(list_transform({said}, lambda w: CASE lower(w) WHEN 'default' THEN 'standard' ELSE w END))"
    return f"nullif(array_to_string(list_sort({words}), ' or '), '')"


def _texts() -> str:
    """SQL: what the record's fields of JSON as text hold."""
    names, values = (f"regexp_extract_all(raw, {literal(JSON_TEXT)}, {group})" for group in (1, 2))
    fields = f"list_filter(list_zip({names}, {values}), lambda f: NOT regexp_matches(f[1], {literal(SAID)}))"
    return f"list_transform({fields}, lambda f: text_in_json(text_in_json(f[2])))"
