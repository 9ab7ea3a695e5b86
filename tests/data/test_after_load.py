"""A load by command has the alert rules judged, in a process of its own; the load stands whatever becomes of that."""

from __future__ import annotations

import pytest

from data.__main__ import main
from data.state import State
from tests.data.bad_logs import lines, record, write

RULE = {"kind": "threshold", "measure": "requests", "limit": 0, "days": 90}


@pytest.mark.parametrize(
    ("rules", "told", "said"),
    [
        ({}, 0, ""),
        ({"any request": RULE}, 1, ""),
        ({"any request": RULE, "broken": {"kind": "nonsense"}}, 0, "The load stands; its alerts: Alert rule broken"),
    ],
)
def test_rules_are_judged_after_a_load_which_stands(tmp_path, capfd, rules, told, said):
    log, words = write(tmp_path / "log.jsonl", lines(*map(record, range(3)))), ["--home", str(tmp_path / "home")]
    state = State.open(tmp_path / "home")
    for name, rule in rules.items():
        state.put("alert", name, rule)
    assert main(["ingest", str(log), *words]) == 0
    assert capfd.readouterr().err.startswith(said) if said else not capfd.readouterr().err
    with state.transaction() as db:
        assert db.execute("SELECT count(*) FROM alert_incidents").fetchone()[0] == told
