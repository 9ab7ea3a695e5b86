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


def open_json(called: str, rows: str) -> str:
    """SQL: a recursive CTE `called` (id, parent, key, path, part) of all that is inside of JSON; `rows`: id, part.

    Paths are as `json_tree` writes them, without quotes: `$.a.b[0]`. Opened level by level, in the size of the text:
    `json_tree` carries the whole text beside each of its leaves, which is gigabytes for one record with ten thousand.
    """
    return f"""{called} AS (
        SELECT id, '' AS parent, '' AS key, '$' AS path, part::JSON AS part FROM ({rows})
        UNION ALL
        SELECT id, parent, below.key, parent || coalesce('.' || below.key, '[' || below.nth || ']'), below.part
        FROM (SELECT id, path AS parent, unnest(CASE json_type(part)
                WHEN 'OBJECT' THEN list_transform(map_entries(json_transform(part, '"MAP(VARCHAR, JSON)"')),
                    lambda entry: {{'key': replace(entry.key, '"', ''), 'nth': 0, 'part': entry.value}})
                WHEN 'ARRAY' THEN list_transform(json_transform(part, '["JSON"]'),
                    lambda item, nth: {{'key': NULL::VARCHAR, 'nth': nth - 1, 'part': item}}) END) AS below
            FROM {called}))"""
