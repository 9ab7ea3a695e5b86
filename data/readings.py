"""Commands that only read: what an agent may ask of a room, told by the room itself."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from data.console import Commands


class Reading(NamedTuple):
    """One command that only reads, and what of it an agent has.

    `options` are the names argparse keeps them under; none writes or says where to print. `texts` are those that name
    a file at a terminal: an agent gives the text itself, or the name of one shipped in the folder (None: none is).
    """

    command: str
    options: tuple[str, ...] = ()
    texts: Mapping[str, Path | None] = {}
    called: str = ""
    of_log: bool = True


class Room(NamedTuple):
    """A room's parser, its commands, and those of them that only read."""

    top: argparse.ArgumentParser
    commands: Commands
    readings: Sequence[Reading]
