"""Values and names as SQL text: the one place that quotes."""

from __future__ import annotations

WORD_LISTS = ("request_tags", "trace_tags", "tags")  # keys of tags under which LiteLLM, Langfuse and others list words


def literal(value: object) -> str:
    """A value as an SQL string."""
    return "'" + str(value).replace("'", "''") + "'"


def identifier(name: str) -> str:
    """A table or column name, quoted."""
    return '"' + name.replace('"', '""') + '"'


def tag_text(key: str) -> str:
    """SQL for the value of a key of a usage row's `tags`, as text.

    Dots descend into nested tags. What gateways keep as a list of words is looked through too: the entry that reads
    `key:value` or `key=value`.
    """
    parts = "".join(f".{identifier(part.replace(chr(34), ''))}" for part in key.split("."))
    lists = ", ".join(
        f"""list_filter(TRY_CAST(json_extract(tags, '$.{name}') AS VARCHAR[]),
            lambda word: starts_with(word, {literal(key + ":")}) OR starts_with(word, {literal(key + "=")}))[1]"""
        for name in WORD_LISTS
    )
    return f"""nullif(coalesce(tags ->> {literal(key)}, json_extract_string(tags, {literal("$" + parts)}),
        substr(coalesce({lists}), {len(key) + 2})), '')"""
