"""Start a run beside the app: a process of its own, so that closing the browser or the app does not end it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from data import owner, people
from data.state import State

ROOT = Path(__file__).resolve().parents[2]
_STARTED: list[subprocess.Popen] = []


def launch(state: State, run_id: str) -> None:
    """Execute a planned or interrupted run in a new process; it is followed, and stopped, through the state file."""
    people.require("runs")
    with (state.path.parent / "live-runs.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "routing", "run", "--resume", run_id, "--json", "--home", str(state.path.parent)],
            cwd=ROOT,
            env=os.environ | owner.environment_to_inherit(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=log,
            start_new_session=True,
        )
    # Kept so that an ended child is reaped the next time; a running one outlives this process.
    _STARTED[:] = [earlier for earlier in _STARTED if earlier.poll() is None] + [process]
