"""Each room's table says which module has which command and what it does; a command loads no library that only others
need, and a list of commands loads none at all.
"""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest

from data import console
from tests.imports import libraries_at_load

ROOMS = ("data", "analytics", "simulations", "routing")
TABLES = {room: importlib.import_module(f"{room}.__main__").COMMANDS for room in ROOMS}
COMMANDS = {f"{room} {name}": module for room in ROOMS for name, (module, _) in TABLES[room].items()}
# A library that takes a tenth of a second and more, or opens a network: the commands that load it at their start.
LOADED_BY = {
    "apprise": {"analytics alerts", "analytics gauges"},
    "httpx": {
        *("analytics alerts", "analytics gauges", "data pull", "simulations drill", "simulations reroute"),
        *("routing audit", "routing canary", "routing export", "routing predictions", "routing providers"),
        *("routing learn", "routing results", "routing run", "routing webhook", "simulations handover"),
    },
    "jinja2": {"analytics chargeback", "analytics review", "simulations decisions", "simulations handover"},
    "jsonschema": set(),  # only what holds a schema waits for it
    "opentelemetry": {"data receive"},
    "rich": {"routing run"},
    "scipy": {
        *("analytics alerts", "analytics anomalies", "analytics bridge", "analytics budgets", "analytics forecast"),
        *("analytics gauges", "analytics measures", "analytics promises", "analytics review", "analytics savings"),
        *(
            "analytics silent-changes",
            "routing canary",
            "routing learn",
            "routing predictions",
            "routing results",
            "routing run",
        ),
        *("simulations breakeven", "simulations frontier", "simulations metrics"),
        "simulations mix",
        *("simulations pipeline", "simulations triage"),
    },
    "statsmodels": {"routing canary"},
    "uvicorn": {"data receive"},
}


def test_the_tables_name_every_command_of_their_modules():
    for room, table in TABLES.items():
        for module in {module for module, _ in table.values()}:
            named = {name: line for name, line in table.items() if line[0] == module}
            _, commands = console.parser(room, "under test", named)
            assert set(commands.parsers()) == set(named), f"{module} has other commands than its table says"


def test_every_command_says_what_it_does():
    for room, table in TABLES.items():
        for name, (_, does) in table.items():
            assert does and does[0].islower() | does[:3].isupper() and not does.endswith("."), f"{room} {name}: {does}"


@pytest.mark.parametrize("library", LOADED_BY)
def test_a_command_loads_no_library_that_only_others_need(library):
    loading = {command for command, module in COMMANDS.items() if library in libraries_at_load(module)}
    assert loading == LOADED_BY[library]


def test_the_engine_is_loaded_by_commands_that_ask_the_ledger():
    without = {command for command, module in COMMANDS.items() if "duckdb" not in libraries_at_load(module)}
    assert without == {"data formats", "simulations breakeven", "simulations decisions", "simulations metrics"} | {
        command for command in COMMANDS if command.startswith("routing ") and command != "routing canary"
    }


@pytest.mark.parametrize("room", ROOMS)
def test_a_list_of_commands_loads_no_library_and_no_module_of_a_command(room):
    """Read in a process of its own: this one has loaded them all."""
    words = f"""
import sys
from {room}.__main__ import main
try:
    main(["--help"])
except SystemExit:
    print(*(name for name in sys.modules if "." not in name or name.split(".")[0] in {ROOMS}), sep="\\n")
"""
    done = subprocess.run([sys.executable, "-c", words], capture_output=True, text=True, check=True)
    text, _, modules = done.stdout.partition("\nsys\n")
    assert all(f"    {name}" in text and TABLES[room][name][1].split()[0] in text for name in TABLES[room])
    loaded = set(modules.split())
    assert loaded & set(COMMANDS.values()) == set()
    assert loaded & {"pandas", "numpy", "ibis", "duckdb", "pydantic", "yaml", "httpx", "rich", "scipy"} == set()


@pytest.mark.heavy
def test_a_load_of_a_small_log_waits_for_no_library_of_frames(tmp_path):
    """It would take longer than all else. Read in a process of its own: this one has loaded them."""
    (log := tmp_path / "log.jsonl").write_text(
        '{"type": "assistant", "timestamp": "2026-11-01T10:00:00Z", "message": {"id": "m", "model": "claude-opus-4-5",'
        ' "stop_reason": "end_turn", "usage": {"input_tokens": 1, "output_tokens": 1}}}\n'
    )
    words = f"""
import sys
from data.__main__ import main
main(["ingest", {str(log)!r}, "--home", {str(tmp_path / "home")!r}])
print("\\nsys", *({{"pandas", "pyarrow", "ibis", "scipy"}} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", words], capture_output=True, text=True, check=True)
    said, _, loaded = done.stdout.partition("\nsys")
    assert "claude_code" in said and loaded.split() == []
