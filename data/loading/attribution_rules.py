"""Mapping rules: what the operator knows about rows that the log does not say.

A rule looks at one field of a row and sets one attribution column: "when tags.key_alias starts
with `bot-`, feature is support bot". Rules are kept in state documents of kind `rule` (`data.loading.reprice`
applies them to rows already loaded) and tried in
their order; for every column the first that matches wins. They look at the log's own values, never
at what another rule has set, and what the log said is kept in tags under `log.<column>`, so that
taking a rule away restores it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from data.documents import Documents
from data.schema import ATTRIBUTION, VOCABULARY, Attribution
from data.sql_text import literal

FIELDS = ("source", "host", "region", "service_tier", "model_raw", "operation", "session_id", *ATTRIBUTION)
TAG = "tags."
KEPT = "log."


class Rule(BaseModel):
    """When `field` matches `pattern`, `set` becomes `value`.

    `field` is one of FIELDS or `tags.<key>` (dots descend into nested tags). All operators but
    `regex` (RE2, as the engine runs it) ignore case; `glob` knows * ? and [abc].
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    field: str
    op: Literal["equals", "prefix", "contains", "glob", "regex"] = "equals"
    pattern: str = Field(min_length=1, max_length=500)
    set: Attribution
    value: str = Field(min_length=1, max_length=200)
    order: int = 0
    note: str = ""

    @model_validator(mode="after")
    def _sensible(self) -> Rule:
        if self.field not in FIELDS and not (self.field.startswith(TAG) and len(self.field) > len(TAG)):
            raise ValueError(f"field `{self.field}` is neither tags.<key> nor one of {', '.join(FIELDS)}")
        words = VOCABULARY.get(self.set)
        if words and self.value not in words:
            raise ValueError(f"{self.set} `{self.value}` is not one of {', '.join(words)}")
        if "\0" in self.field + self.pattern + self.value:
            raise ValueError("a rule cannot hold NUL characters")
        if self.op == "regex":
            import pyarrow as pa  # a load without such rules need not wait for it
            import pyarrow.compute as pc

            try:
                pc.match_substring_regex(pa.array([""]), self.pattern)  # the same RE2 as the engine's
            except pa.ArrowInvalid as error:
                raise ValueError(
                    f"pattern `{self.pattern}` is no regular expression ({str(error).partition(': ')[2] or error})"
                ) from error
        return self

    def condition(self) -> str:
        """SQL that is true for the rows the rule is about."""
        value, pattern = _value(self.field), literal(self.pattern if self.op == "regex" else self.pattern.lower())
        tests = {
            "equals": f"lower({value}) = {pattern}",
            "prefix": f"starts_with(lower({value}), {pattern})",
            "contains": f"contains(lower({value}), {pattern})",
            "glob": f"lower({value}) GLOB {pattern}",
            "regex": f"regexp_matches({value}, {pattern})",
        }
        return f"coalesce({tests[self.op]}, FALSE)"


RULES = Documents("rule", Rule)


def rules_in_order(documents: Mapping[str, Rule | dict[str, Any]]) -> dict[str, Rule]:
    """Rules by name in the order they are tried."""
    rules = {name: RULES.read(name, document) for name, document in documents.items()}
    return dict(sorted(rules.items(), key=lambda item: (item[1].order, item[0])))


def expressions(documents: Mapping[str, Rule | dict[str, Any]], *, every: bool = False) -> dict[str, str]:
    """SQL per column that rules change (and `tags`), over rows of `usage`; empty without rules.

    `every`: also the columns that no rule sets, as the log said them: for rows that rules since
    removed have changed.
    """
    rules = list(rules_in_order(documents).values())
    targets = [column for column in ATTRIBUTION if every or any(rule.set == column for rule in rules)]
    if not targets:
        return {}
    found, kept = {}, []
    for column in targets:
        cases = [(rule.condition(), literal(rule.value)) for rule in rules if rule.set == column]
        branches = "".join(f" WHEN {condition} THEN {value}" for condition, value in cases)
        found[column] = f"CASE{branches} ELSE {_own(column)} END" if cases else _own(column)
        matched = " OR ".join(condition for condition, _ in cases) or "FALSE"
        kept.append((column, matched))
    return found | {"tags": _tags(kept)}


def _own(column: str) -> str:
    """What the log said, whether or not a rule has since replaced it."""
    key = literal(KEPT + column)
    return f"CASE WHEN json_exists(tags, '$.\"{KEPT}{column}\"') THEN nullif(tags ->> {key}, '') ELSE {column} END"


def _tags(kept: list[tuple[str, str]]) -> str:
    """Tags with the log's own value of every column that a rule sets, and without those no rule sets any more."""
    pairs = ", ".join(
        f"{literal(KEPT + column)}, CASE WHEN {matched} THEN coalesce({_own(column)}, '') END"
        for column, matched in kept
    )
    touched = " OR ".join(matched for _, matched in kept)
    # In a merge patch null takes a key away; an empty text stands for a log that said nothing.
    patched = f"json_merge_patch(coalesce(tags, '{{}}')::JSON, json_object({pairs}))"
    return (
        f"CASE WHEN contains(tags::VARCHAR, '\"{KEPT}') OR {touched} THEN nullif({patched}::VARCHAR, '{{}}') ELSE"
        " tags::VARCHAR END"
    )


def _value(field: str) -> str:
    if not field.startswith(TAG):
        return _own(field) if field in ATTRIBUTION else field
    key = field[len(TAG) :]
    path = "$" + "".join(f'."{part.replace(chr(34), "")}"' for part in key.split("."))
    return f"coalesce(tags ->> {literal(key)}, json_extract_string(tags, {literal(path)}))"
