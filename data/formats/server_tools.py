"""Calls of tools that a provider runs, by the names of data/prices/tool_fees.py: from usage objects and from answers.

A usage object counts some; others stand in the list of what an answer did, or in what it is grounded on.
"""

from __future__ import annotations

from data.formats import usage_words


def tools(*structs: str, model: str, output: str = "NULL", candidates: str = "NULL") -> str:
    """SQL: calls of server tools, by tool: those the objects count, and those the answer lists.

    `output` is the list of an OpenAI response, `candidates` that of a Gemini one, as JSON.
    """
    listed = tool_calls(output)
    stated = {
        tool: f"TRY_CAST({usage_words.first(structs, paths)} AS BIGINT)" for tool, paths in usage_words.TOOLS.items()
    }
    google = f"regexp_matches(lower({model}), 'gemini')"
    searched = f"greatest({stated['web_search']}, {listed['web_search']}, {always_searched(model)})"
    counted = {
        **{tool: f"greatest({stated.get(tool, 'NULL')}, {listed.get(tool, 'NULL')})" for tool in (*stated, *listed)},
        "web_search": f"CASE WHEN NOT {google} THEN {searched} END",
        "grounding": f"greatest(CASE WHEN {google} THEN {searched} END, {searches(candidates)})",
        "maps_grounding": places(candidates),
    }
    pairs = (f"'{tool}', {sql}" for tool, sql in counted.items())
    usage = usage_words.first(structs, ("server_side_tool_usage_details",))
    told = ", ".join(f"{sql}::VARCHAR" for sql in (*stated.values(), output, candidates, always_searched(model), usage))
    return f"""CASE WHEN coalesce({told}) IS NOT NULL THEN json_merge_patch(json_object({", ".join(pairs)}),
        coalesce(replace(json_of({usage})::VARCHAR, '_calls', '')::JSON, '{{}}')) END"""


def tool_calls(output: str) -> dict[str, str]:
    """SQL by tool: what an OpenAI response lists; searches that searched, containers rather than calls into one.

    An image that a tool made is billed by the tokens of a model of its own, which the response does not tell."""
    calls = f"""from_json(CASE WHEN json_type({output}) = 'ARRAY' THEN {output} ELSE '[]' END, '["JSON"]')"""

    def of_type(kind: str) -> str:
        return f"list_filter({calls}, lambda c: c ->> 'type' = '{kind}_call'"

    return {
        "web_search": f"len({of_type('web_search')} AND coalesce(c ->> '$.action.type', 'search') = 'search'))",
        "file_search": f"len({of_type('file_search')}))",
        "image_generation": f"len({of_type('image_generation')}))",
        "code_interpreter": f"""len(list_distinct(list_transform({of_type("code_interpreter")}),
            lambda c: coalesce(c ->> 'container_id', 'one'))))""",
    }


def searches(candidates: str) -> str:
    """SQL: the searches that a Gemini answer was grounded on; chunks of a stream name them again."""
    queries = (
        f"json_extract({candidates}, '$[*].{grounding}.{name}[*]')::JSON[]"
        for grounding, name in (
            ("groundingMetadata", "webSearchQueries"),
            ("grounding_metadata", "web_search_queries"),
        )
    )
    return f"len(list_distinct(list_concat({', '.join(queries)})))"


def places(candidates: str) -> str:
    """SQL: 1 where a Gemini answer is grounded on places: they are looked up once a prompt, however many are named."""
    chunks = (
        f"len(json_extract({candidates}, '$[*].{grounding}.{name}[*].maps')::JSON[])"
        for grounding, name in (("groundingMetadata", "groundingChunks"), ("grounding_metadata", "grounding_chunks"))
    )
    return f"CASE WHEN greatest({', '.join(chunks)}) > 0 THEN 1 END"


def always_searched(model: str) -> str:
    """SQL: 1 for a model of OpenAI's that searches the web in every chat completion, which lists no call of it."""
    return f"CASE WHEN regexp_matches(lower({model}), 'gpt-[^/]*-search-(preview|api)') THEN 1 END"


def answer_tools(struct: str, model: str) -> str:
    """SQL: calls of server tools by tool, over what `answer_usage` returns."""
    return tools(struct, model=model, output="answer -> 'output'", candidates="answer -> 'candidates'")
