"""The command line's manners, the same for every `python -m`: tables for people, JSON for machines.

Exit codes: 0 done, 1 the input is bad (one sentence on stderr), 2 wrong usage, 3 and 4 a gate of --fail-on is shut or
cannot be told (`analytics.gates`).
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import date, datetime
from decimal import Decimal
from importlib import import_module
from pathlib import Path
from typing import Any

from data.errors import BadInput, BatonError
from data.home import at_home, home_path
from data.program import as_called
from data.store import require_one_store, require_store
from data.version import BATON, VERSION
from data.wording import visible

Progress = Callable[[str, float, str], None]  # stage, share done 0..1, a word on it
WIDE = 200


def parse_day(text: str) -> date:
    """An ISO day; argparse turns what is raised into a usage error."""
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no day; write it as 2026-11-27") from error


class Commands:
    """A room's commands, to which the modules that own them add theirs; `does` says in a line what each is for."""

    def __init__(self, parsers: Any, does: Mapping[str, str]) -> None:
        self._parsers, self._does = parsers, does

    def add(
        self, name: str, run: Callable[[argparse.Namespace], None], *, needs_store: bool = False
    ) -> argparse.ArgumentParser:
        """A command with the options all of them share; `run` gets the parsed arguments.

        One that `needs_store` is refused in a folder that holds none, where it would make an empty one.
        """
        sub: argparse.ArgumentParser = self._parsers.add_parser(
            name, help=self._does.get(name), description=self._does.get(name)
        )
        sub.add_argument("--home", metavar="DIR", help="the store (default: BATON_HOME, else var/)")
        sub.add_argument("--json", action="store_true", help="print JSON for machines")
        sub.set_defaults(run=run, needs_store=needs_store)
        return sub

    def add_names(self) -> None:
        """The names alone, for a list of what there is."""
        for name, does in self._does.items():
            self._parsers.add_parser(name, help=does)

    def parsers(self) -> Mapping[str, argparse.ArgumentParser]:
        """The parser of each command that was added."""
        return dict(self._parsers.choices)


def parser(
    prog: str, description: str, table: Mapping[str, tuple[str, str]], argv: Sequence[str] | None = None
) -> tuple[argparse.ArgumentParser, Commands]:
    """A room's parser; `table` says of each command which module registers it, and what it does.

    Only the module of the command in `argv` is imported, none where it names none (help, a wrong name): no command
    waits for what others need. Without `argv` all are, for a list of every command's options.
    """
    top = argparse.ArgumentParser(prog=as_called(f"python -m {prog}"), description=description)
    top.add_argument("--version", action="version", version=BATON)
    parsers = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands = Commands(parsers, {name: does for name, (_, does) in table.items()})
    asked = list(table) if argv is None else [word for word in argv if not word.startswith("-")][:1]
    modules = dict.fromkeys(table[name][0] for name in asked if name in table)
    for module in modules:
        import_module(module).register(commands)
    if table and not modules:
        commands.add_names()
    return top, commands


def write_file(path: str | Path, text: str) -> None:
    """Write what a command was asked to; BadInput where that cannot be."""
    try:
        Path(path).write_text(text, encoding="utf-8")
    except OSError as error:
        raise BadInput(
            f"{path} cannot be written ({error.strerror}); name a file in a folder you may write to."
        ) from error


def run(top: argparse.ArgumentParser, argv: list[str] | None = None) -> int:
    """Parse, run, and turn a BatonError into one sentence on stderr and its exit code."""
    args = top.parse_args(argv)
    try:
        with at_home(args.home):
            if args.home:
                require_one_store(home_path())
            if args.needs_store:
                require_store(home_path())
            args.run(args)
    except BatonError as error:
        print(_printable(str(error)), file=sys.stderr)
        return error.code
    except KeyboardInterrupt:
        print("Stopped; what was committed stays, nothing is half-written.", file=sys.stderr)
        return 1
    except BrokenPipeError:
        sys.stderr.close()
    return 0


_collecting: ContextVar[list[Any] | None] = ContextVar("collecting", default=None)


@contextmanager
def collect_json() -> Iterator[list[Any]]:
    """For the length of a block what commands emit as JSON is handed to the caller, not printed."""
    payloads: list[Any] = []
    token = _collecting.set(payloads)
    try:
        yield payloads
    finally:
        _collecting.reset(token)


def emit_json(payload: object) -> None:
    """Print a payload as JSON: Decimal as a number, dates as ISO 8601, NaN as null; an object says Baton's version."""
    if isinstance(payload, dict):
        payload = {**payload, "baton_version": VERSION}
    caller = _collecting.get()
    if caller is not None:
        caller.append(_plain(payload))
        return
    json.dump(_plain(payload), sys.stdout, indent=2, allow_nan=False)
    print()


def emit_table(
    columns: Iterable[str], rows: Iterable[Iterable[object]], *, title: str = "", right: Iterable[str] = ()
) -> None:
    """Print rows for a person. Columns never truncate a value: long ones fold."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(title=title or None, title_justify="left", header_style="bold", box=None, pad_edge=False)
    numeric = set(right)
    for column in columns:
        table.add_column(column, justify="right" if column in numeric else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text("" if cell is None else visible(str(cell))) for cell in row))
    console = Console()
    if not console.is_terminal:
        console.width = WIDE  # a file or a pipe has no width to keep to
    console.print(table)


def say(sentence: str) -> None:
    """Print one line for a person."""
    print(_printable(sentence))


def _printable(sentence: str) -> str:
    """What a terminal would obey in a name from a log is shown by a sign."""
    return "\n".join(map(visible, as_called(sentence).split("\n")))


@contextmanager
def progress(*, quiet: bool = False) -> Iterator[Callable[[str, float, str], None]]:
    """A progress bar on stderr; yields `report(stage, share 0..1, note)`. Silent when quiet or not a terminal."""
    if quiet or not sys.stderr.isatty():
        yield _unseen
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[note]}", markup=False),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("starting", total=1.0, note="")

        def report(stage: str, share: float, note: str = "") -> None:
            bar.update(task, description=stage, completed=share, note=note)

        yield report


def _unseen(stage: str, share: float, note: str = "") -> None:
    """Progress that nobody watches."""


def _plain(value: object) -> object:
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple, set)):
        return [_plain(v) for v in value]
    if isinstance(value, Decimal):
        value = float(value)
    if hasattr(value, "item") and not isinstance(value, (str, bytes)):
        value = value.item()  # numpy scalars
    if isinstance(value, float) and value != value or value in (float("inf"), float("-inf")):
        return None
    if isinstance(value, (date, datetime)):
        return None if value != value else value.isoformat()
    return value
