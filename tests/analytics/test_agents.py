"""Agents ask through the official client: the commands' own answers, with what they stand on, and nothing changes."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from mcp import Client, StdioServerParameters

from analytics.__main__ import main as analytics_main
from analytics.__main__ import rooms
from analytics.agents import agent_tools
from analytics.agents.agent_tools import MOST_ROWS, ROWS, tools
from analytics.agents.mcp_command import server
from data.state import State
from simulations import buying_command

KNOWN = tools(rooms())
TOKEN = "a-token-of-some-length"
ROOT = Path(__file__).resolve().parents[2]
ARGUMENTS: dict[str, dict[str, Any]] = {
    "replay": {"policy": "right_sized"},
    "drill": {"provider": "openai", "starts_at": "2026-11-03T09:00"},
    "reroute": {"file": "failures_elsewhere"},
    "buy": {"model": "gpt-5.2"},
    "typed_mix": {"file": "cto_question"},
    "pipeline": {"file": "legal_documents"},
    "triage": {"file": "new_model"},
    "breakeven": {"file": "breakeven_residency"},
    "prices": {"model": "gpt-5.2"},
    "explain": {"path": '{"model": "gpt-5.2", "usage": {"prompt_tokens": 10, "completion_tokens": 5}, "id": "a"}\n'},
    "model_mix": {"floor": 0.5, "max_p95_ms": 10**6},
}


@pytest.fixture
def asked(sample_home, monkeypatch):
    """`ask(tool, **arguments)` of the sample company, through the official client in this process."""
    monkeypatch.setenv("BATON_HOME", str(sample_home))

    async def call(name: str, arguments: dict[str, Any]) -> Any:
        async with Client(server(KNOWN)) as client:
            return await client.call_tool(name, arguments)

    yield lambda name, **arguments: anyio.run(call, name, arguments)
    agent_tools._ledger(sample_home).close()
    agent_tools._ledger.cache_clear()


def standing(home: Path) -> tuple[Any, ...]:
    files = {str(p.relative_to(home)): p.stat().st_mtime_ns for p in (home / "files").rglob("*") if p.is_file()}
    return files, State.open(home).audit(10**6)


@pytest.mark.heavy
def test_every_tool_answers_and_none_changes_anything(asked, sample_home):
    before = standing(sample_home)
    assert "data dimensions add pr" in asked("compare", tag="pr=1").content[0].text  # the sample has no tag of its own
    for name, tool in KNOWN.items():
        if name == "compare":
            continue
        answer = asked(name, **ARGUMENTS.get(name, {}))
        assert not answer.is_error, (name, answer.content)
        said = answer.structured_content
        assert json.loads(answer.content[0].text) == said
        assert said["answer"], name
        if tool.reading.of_log:
            assert said["basis"]["data_version"] and said["basis"]["covered_days"], name
            assert 0 < said["basis"]["priced_share"] <= 1
        else:
            assert "not read" in said["basis"]["log"]
    assert standing(sample_home) == before


@pytest.mark.heavy
def test_an_agent_reads_what_a_person_reads(asked, sample_home, capsys):
    words = ["spend", "--by", "team", "--from", "2026-10-01", "--to", "2026-10-31", "--json"]
    assert analytics_main([*words, "--home", str(sample_home)]) == 0
    typed = json.loads(capsys.readouterr().out)
    answer = asked("spend", by="team", start="2026-10-01", end="2026-10-31").structured_content
    assert answer["answer"] == typed
    assert answer["basis"]["asked_days"] == 31


@pytest.mark.heavy
@pytest.mark.parametrize("tool", ["anomalies", "savings", "unit_costs"])
def test_what_an_answer_stands_on_are_its_own_days(asked, tool):
    assert asked(tool, days=14).structured_content["basis"]["asked_days"] == 14
    assert asked(tool).structured_content["basis"]["asked_days"] == 28


@pytest.mark.parametrize("name", KNOWN)
def test_an_agent_is_told_arguments_and_no_flags(name):
    """What a command's help calls --against-from is an argument here; what only writes is not spoken of."""
    tool = KNOWN[name]
    said = [tool.summary, *(one["description"] for one in tool.schema()["properties"].values())]
    assert not [words for words in said if "--" in words or "python -m" in words]


def test_an_agent_has_every_figure_of_the_buying_desk():
    assert set(buying_command.FIGURES) <= set(KNOWN["buy"].schema()["properties"])


def test_rows_are_counted_paged_and_told(asked):
    whole = asked("spend", by="day,model", limit=MOST_ROWS).structured_content
    assert not whole["left_out"]
    rows = whole["answer"]["rows"]
    assert len(rows) > ROWS
    first = asked("spend", by="day,model").structured_content
    assert first["answer"]["rows"] == rows[:ROWS]
    assert first["left_out"] == {"rows": len(rows) - ROWS}
    assert (
        asked("spend", by="day,model", offset=ROWS, limit=7).structured_content["answer"]["rows"]
        == rows[ROWS : ROWS + 7]
    )
    assert first["answer"]["total"] == whole["answer"]["total"]


@pytest.mark.parametrize(
    ("tool", "arguments", "word"),
    [
        ("spend", {"limit": 10**6}, f"at most {MOST_ROWS:,} rows"),
        ("spend", {"limit": True}, "whole number"),
        ("spend", {"offset": -1}, "whole number"),
        ("spend", {"by": "password"}, "no dimension 'password'"),
        ("spend", {"start": "2026-13-01"}, "no day"),
        ("spend", {"home": "/etc"}, "has no argument 'home'"),
        ("budgets", {"set": "all=1"}, "has no argument 'set'"),
        ("forecast", {"months": "many"}, "invalid int"),
        ("savings", {"days": 0}, "no number of days"),
        ("unit_costs", {"days": 10**10}, "no number of days"),
        ("replay", {}, "required: policy"),
        ("replay", {"policy": "/etc/passwd"}, "give its text"),
        ("replay", {"policy": "--help"}, "give its text"),
        ("replay", {"policy": "rules:\n  - use: [1\n"}, "policy.yaml, line"),
        ("explain", {"path": "/etc/passwd"}, "path.jsonl"),
        ("drop_everything", {}, "There is no tool"),
    ],
)
def test_a_bad_question_is_one_sentence_without_a_path_of_ours(asked, sample_home, tool, arguments, word):
    answer = asked(tool, **arguments)
    assert answer.is_error
    said = answer.content[0].text
    assert word in said
    assert str(sample_home) not in said
    assert "Traceback" not in said
    assert "root:" not in said


def test_an_agent_held_to_a_team_sees_no_other(asked, monkeypatch):
    monkeypatch.setenv("BATON_MCP_TEAMS", "research")
    answer = asked("spend", by="team").structured_content["answer"]
    assert [row["team"] for row in answer["rows"]] == ["research"]
    assert not asked("reconcile").structured_content["answer"]["rows"]


@pytest.mark.heavy
def test_over_standard_input_and_output(sample_home):
    started = StdioServerParameters(
        command=sys.executable,
        args=["-m", "analytics", "mcp"],
        env={**os.environ, "BATON_HOME": str(sample_home)},
        cwd=ROOT,
    )

    async def ask() -> Any:
        async with Client(started) as client:
            listed = (await client.list_tools()).tools
            assert {tool.name for tool in listed} == set(KNOWN)
            assert all(tool.annotations.read_only_hint for tool in listed)
            return await client.call_tool("spend", {})

    assert anyio.run(ask).structured_content["answer"]["total"]["cost_usd"] > 0


@pytest.mark.heavy
def test_over_http_with_the_token_alone_and_from_this_machine_alone(sample_home):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "analytics", "mcp", "--http", str(port)],
        env={**os.environ, "BATON_HOME": str(sample_home), "BATON_MCP_TOKEN": TOKEN},
        cwd=ROOT,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        url = f"http://127.0.0.1:{port}/mcp"
        body = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
        sent = {"Authorization": f"Bearer {TOKEN}", "Accept": "application/json, text/event-stream"}
        while True:
            assert process.poll() is None
            try:
                refused = httpx.post(url, json=body)
                assert refused.status_code == 401 and "BATON_MCP_TOKEN" in refused.json()["error"]
                break
            except httpx.ConnectError:
                time.sleep(0.1)
        assert httpx.post(url, json=body, headers={**sent, "Authorization": "Bearer other"}).status_code == 401
        assert httpx.post(url, json=body, headers={**sent, "Host": "evil.test"}).status_code == 421
        assert httpx.post(url, json=body, headers={**sent, "Origin": "http://evil.test"}).status_code == 403
        listed = httpx.post(url, json=body, headers=sent).json()
        assert {tool["name"] for tool in listed["result"]["tools"]} == set(KNOWN)
        question = {"name": "spend", "arguments": {"by": "team", "start": "2026-10-01", "end": "2026-10-31"}}
        call = {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": question}
        said = httpx.post(url, json=call, headers=sent, timeout=120).json()["result"]["structuredContent"]
        assert said["answer"]["rows"] and said["basis"]["data_version"] and said["basis"]["asked_days"] == 31
    finally:
        process.terminate()
        said = process.communicate()[1]
    assert f"Agents may ask at {url}" in said


def test_a_port_that_is_taken_is_a_sentence(monkeypatch, capsys):
    monkeypatch.setenv("BATON_MCP_TOKEN", TOKEN)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        assert analytics_main(["mcp", "--http", str(taken.getsockname()[1])]) == 1
    assert "cannot be listened on" in capsys.readouterr().err


@pytest.mark.parametrize("token", ["", "short", "ü" * 20])
def test_http_without_a_token_worth_the_name_is_refused(monkeypatch, capsys, token):
    monkeypatch.setenv("BATON_MCP_TOKEN", token)
    assert analytics_main(["mcp", "--http", "1"]) == 1
    assert "at least 16 plain characters" in capsys.readouterr().err


def test_an_empty_store_says_so(home, monkeypatch):
    async def ask() -> Any:
        async with Client(server(KNOWN)) as client:
            return await client.call_tool("spend", {})

    answer = anyio.run(ask)
    agent_tools._ledger(home).close()
    agent_tools._ledger.cache_clear()
    assert answer.is_error
    assert "load a log" in answer.content[0].text
