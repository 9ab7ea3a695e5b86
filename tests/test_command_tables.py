"""Each room's table says which module has which command, and a command waits for no other's imports."""

from __future__ import annotations

import argparse
import importlib
import subprocess
import sys

import pytest

ROOMS = ("data", "analytics", "simulations", "routing")


def tables() -> list[tuple[str, str, str]]:
    return [
        (room, command, module)
        for room in ROOMS
        for command, module in importlib.import_module(f"{room}.__main__").COMMANDS.items()
    ]


def test_the_tables_name_every_command_of_their_modules():
    registered = set()
    for room, _, module in tables():
        subparsers = argparse.ArgumentParser().add_subparsers()
        importlib.import_module(module).register(subparsers)
        registered |= {(room, command, module) for command in subparsers.choices}
    assert registered == set(tables())


@pytest.mark.parametrize(
    ("command", "unneeded"),
    [
        ("data check", ("scipy", "httpx")),
        ("analytics spend", ("scipy", "statsmodels", "httpx")),
        ("routing policy", ("statsmodels", "ibis", "rich")),
    ],
)
def test_a_command_does_not_import_what_only_others_need(command, unneeded):
    room, name = command.split()
    words = f"""
import sys
from {room}.__main__ import commands
commands(["{name}"])
print(*(module for module in {unneeded!r} if module in sys.modules))"""
    done = subprocess.run([sys.executable, "-c", words], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
