"""The service tier of a record in which its format finds none: the one that its text names, wherever that is."""

from __future__ import annotations

from dataclasses import replace

from data.formats import Format
from data.sql_text import literal

# Where a record says how it was served, wherever it is; a prompt's own quotes are escaped and do not match.
TIER_KEY = r'"(?:service_?[tT]ier|traffic_?[tT]ype)"\s*:\s*"([A-Za-z_ -]+)"'


def with_named_tier(form: Format) -> Format:
    """The format; a record in which it finds no service tier has the one that its text names (`auto` was asked for,
    nothing is served so). One that names two has both, as a tier that nobody knows: the standard price, marked."""
    if form.table != "usage":
        return form
    own = form.columns.get("service_tier", "NULL")
    said = f"list_filter(regexp_extract_all(raw, {literal(TIER_KEY)}, 1), lambda w: lower(w) <> 'auto')"
    words = f"list_distinct(list_transform({said}, lambda w: CASE lower(w) WHEN 'default' THEN 'standard' ELSE w END))"
    named = "contains(raw, 'ervice_tier\"') OR contains(raw, 'erviceTier\"') OR contains(raw, 'raffic')"
    only = f"CASE WHEN {named} THEN nullif(array_to_string(list_sort({words}), ' or '), '') END"
    return replace(form, columns={**form.columns, "service_tier": f"coalesce(text_of({own}), {only})"})
