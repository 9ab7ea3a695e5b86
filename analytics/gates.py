"""Gates for a pipeline: what fails a run of a command, and the exit code it ends with.

0 nothing of what was asked to fail is there; 1 the input is bad; 2 wrong usage; 3 a gate is shut; 4 what a gate asks
for cannot be told, which is never taken for a pass.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from typing import NamedTuple

from data.errors import BatonError

SHUT, UNTOLD = 3, 4


class Verdict(NamedTuple):
    """What a gate says: a sentence where it is shut, one where it cannot be told, neither where it is open."""

    shut: str = ""
    untold: str = ""


class GateShut(BatonError):
    """A gate of --fail-on is shut, or cannot be told."""

    def __init__(self, sentence: str, code: int) -> None:
        super().__init__(sentence)
        self.code = code


def add_gates(parser: argparse.ArgumentParser, *names: str) -> None:
    """Add --fail-on with the gates this command has."""

    def gates(text: str) -> tuple[str, ...]:
        asked = tuple(name.strip() for name in text.split(",") if name.strip())
        if unknown := [name for name in asked if name not in names]:
            raise argparse.ArgumentTypeError(f"{unknown[0]!r} is no gate of this command; it has {', '.join(names)}")
        return asked

    parser.add_argument(
        "--fail-on",
        type=gates,
        default=(),
        metavar="GATE,...",
        help=f"exit with {SHUT} where one of these is so, with {UNTOLD} where it cannot be told: {', '.join(names)}",
    )


def judge(asked: tuple[str, ...], gates: Mapping[str, Callable[[], Verdict]]) -> None:
    """Raise GateShut with every sentence of the asked gates that are shut, else of those that cannot be told."""
    verdicts = [gates[name]() for name in asked]
    if shut := [verdict.shut for verdict in verdicts if verdict.shut]:
        raise GateShut(" ".join(shut), SHUT)
    if untold := [verdict.untold for verdict in verdicts if verdict.untold]:
        raise GateShut(" ".join(untold), UNTOLD)
