"""What a load by command sets off: the alert rules are judged, by the command that cron runs for them.

It is a process of its own: the rooms above stay above, and whatever becomes of the alerts, the load stands.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from data.home import VARIABLE
from data.state import State

WITHIN_S = 300
COMMAND = ("analytics", "alerts", "--send", "--json")


def judge_alerts(state: State) -> None:
    """Have the rules judged and told, where there are any; says on stderr where that did not go well."""
    if not state.all("alert"):
        return
    try:
        done = subprocess.run(
            [sys.executable, "-m", *COMMAND],
            cwd=Path(__file__).parents[1],
            env={**os.environ, VARIABLE: str(state.path.parent)},
            capture_output=True,
            text=True,
            timeout=WITHIN_S,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        said = f"they took more than {WITHIN_S} seconds" if isinstance(error, subprocess.TimeoutExpired) else str(error)
    else:
        if not done.returncode:
            return
        said = (done.stderr.strip().splitlines() or ["no reason was given"])[-1]
    print(f"The load stands; its alerts: {said}", file=sys.stderr)
