"""A record that stands in for others gives way to them, whichever file comes first, and stays where they never come."""

from __future__ import annotations

import json
from itertools import permutations

import pytest

from data.loading.ingest import ingest

RUN = {
    "id": "run_1",
    "object": "thread.run",
    "created_at": 1767607200,
    "status": "completed",
    "model": "gpt-4o-2024-08-06",
    "usage": {"prompt_tokens": 1000, "completion_tokens": 200, "total_tokens": 1200},
}
STEPS = [
    {
        "id": f"step_{n}",
        "object": "thread.run.step",
        "run_id": "run_1",
        "created_at": 1767607200 + n,
        "status": "completed",
        "usage": {"prompt_tokens": given, "completion_tokens": said, "total_tokens": given + said},
    }
    for n, (given, said) in enumerate([(400, 50), (600, 150)])
]
TALK = {"timestamp": "2026-11-03T10:01:00Z", "sessionId": "s-1"}
COUNTED = {"input_tokens": 100, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0, "output_tokens": 10}
SAID = {"id": "msg_1", "model": "claude-haiku-4-5-20251001", "stop_reason": "end_turn", "content": [], "usage": COUNTED}
SIDE = {**TALK, "type": "assistant", "requestId": "r-1", "isSidechain": True, "message": SAID}
RESULT = {
    **TALK,
    "type": "user",
    "message": {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": "done"}]},
    "toolUseResult": {"totalTokens": 110, "totalToolUseCount": 1, "usage": COUNTED},
}
NAMED = RESULT | {"toolUseResult": RESULT["toolUseResult"] | {"agentId": "a-1"}}
TOLD_TWICE = {
    "a run and its steps": ([RUN], STEPS),
    "a message and its replay": ([SIDE | {"isSidechain": False}], [SIDE]),
    "a subagent and its result": ([SIDE | {"agentId": "a-1"}], [NAMED]),
    "a side conversation and the result of it": ([SIDE], [RESULT]),
}


@pytest.mark.parametrize("name", TOLD_TWICE)
def test_what_is_told_twice_counts_once_in_whatever_order_it_comes(name, tmp_path, emptied_ledger, state):
    whole, stand_ins = TOLD_TWICE[name]
    paths = []
    for number, records in enumerate((whole, stand_ins)):
        paths.append(tmp_path / f"{number}.jsonl")
        paths[-1].write_text("".join(json.dumps(record) + "\n" for record in records))
    found = []
    for order in permutations(paths):
        for path in order:
            ingest(emptied_ledger, state, [path])
        found.append(kept(emptied_ledger))
        with emptied_ledger.write() as cursor:
            for table in ("usage", "batches", "spend_by_day", "identities"):
                cursor.execute(f"DELETE FROM lake.main.{table}")
    ingest(emptied_ledger, state, [paths[1]])
    alone = kept(emptied_ledger)
    assert found[0] == found[1]
    assert len(found[0][0]) == len(whole)
    assert len(alone[0]) == len(stand_ins), "a stand-in counts where nothing else tells of it"
    assert not set(alone[0]) & set(found[0][0])


def kept(ledger):
    """The ledger's rows, and what the roll-up of days says they add up to."""
    rows = ledger.rows(f"SELECT event_id FROM {ledger.name('usage')} ORDER BY 1")
    sums = ledger.rows(f"SELECT sum(attempts), sum(cost_usd) FROM {ledger.name('spend_by_day')}")
    return [event for (event,) in rows], sums
