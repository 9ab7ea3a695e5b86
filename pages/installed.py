"""The program of an installed Baton (`pip install`, `uv tool install`): `baton-llm` serves the dashboard, and
`baton-llm data ...`, `analytics`, `simulations`, `routing` are the commands.

In the wheel this file is `baton_llm/__init__.py`, and the repository's folders lie in `baton_llm/tree`: their names
are too common for a place that other packages share.
"""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

NAME = "baton-llm"
TREE = Path(__file__).parent / "tree"


def main() -> None:
    """Run what the command line names; the dashboard where it names no room."""
    sys.path.insert(0, str(TREE))
    from data import program
    from data.version import BATON

    program.call_it(NAME)
    words = sys.argv[1:]
    if words == ["--version"]:
        print(BATON)
        return
    if words and words[0] in ("-h", "--help"):
        print(__doc__.split("\n\n")[0].replace("`", ""))
        return
    room, rest = (words[0], words[1:]) if words and words[0] in program.ROOMS else ("pages", words)
    sys.argv = [f"{NAME} {room}", *rest]
    runpy.run_module(room, run_name="__main__", alter_sys=False)
