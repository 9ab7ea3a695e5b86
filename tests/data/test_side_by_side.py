"""A row that holds several calls is refused with whose they are; one whose columns are parts of one call is not."""

from __future__ import annotations

import pytest

from data.errors import UnknownFormat
from data.loading.ingest import ingest
from data.loading.side_by_side import calls_beside

TABLES = [
    ("when gpt-4o_prompt_tokens gpt-4o_completion_tokens claude_prompt_tokens", ("gpt-4o", "claude")),
    ("when model_a input_tokens_a output_tokens_a model_b input_tokens_b output_tokens_b", ("a", "b")),
    ("when model prompt_tokens completion_tokens judge_model judge_prompt_tokens", ("model", "judge")),
    ("when /gpt-4o/prompt_tokens /claude/prompt_tokens", ("gpt-4o", "claude")),
    ("when gpt-4|total_cost gpt-4 mixtral|total_cost mixtral o3|total_cost", ("gpt-4", "mixtral", "o3")),
    ("when model input_tokens cached_input_tokens cache_read_input_tokens input_cost output_cost total_cost", ()),
    ("when model prompt_tokens total_prompt_tokens max_prompt_tokens judge_score", ()),
    ("when llm in out usd squad", ()),
]


@pytest.mark.parametrize(("columns", "whose"), TABLES)
def test_whose_calls_stand_side_by_side(columns, whose):
    assert calls_beside(columns.split()) == whose


def test_a_wide_table_is_refused_with_what_to_do(tmp_path, emptied_ledger, state):
    path = tmp_path / "wide.csv"
    path.write_text("when,gpt-4o_prompt_tokens,gpt-4o_cost,o3_prompt_tokens,o3_cost\n2026-11-01T08:00:00Z,10,1,20,2\n")
    with pytest.raises(UnknownFormat, match=r"side by side: of gpt-4o and o3\. A row must be one call: write one"):
        ingest(emptied_ledger, state, [path])
