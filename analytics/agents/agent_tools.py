"""What an agent may ask: commands of the rooms that only read, each as a tool with the schema of its options.

A tool runs the command itself, so an agent, a person at a terminal and a page get one answer. What writes, names a
file of this machine or says where to print is no option of a tool.
"""

from __future__ import annotations

import argparse
import io
import re
from collections.abc import Mapping, Sequence
from contextlib import redirect_stderr
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from analytics import coverage, spend
from analytics.command_options import span_of, view_of
from analytics.scope import Scope
from data import console, scratch
from data.errors import BadInput, BatonError, NoData
from data.home import home_dir
from data.ledger import Ledger
from data.readings import Reading, Room

MOST_ROWS, ROWS = 1000, 50
JSON_TYPE: dict[Any, dict[str, str]] = {
    int: {"type": "integer"},
    float: {"type": "number"},
    console.parse_day: {"type": "string", "format": "date"},
}
PAGING = {
    "limit": {"type": "integer", "minimum": 1, "maximum": MOST_ROWS, "description": f"rows a list (default {ROWS})"},
    "offset": {"type": "integer", "minimum": 0, "description": "rows to pass over, to read on (default 0)"},
}
# Only what the basis of every answer needs from arguments a command may not have.
NO_LOG = {"log": "not read: this holds no figure of the ledger"}
NO_SPAN = {"start": None, "end": None, "as_of": None}


class Tool(NamedTuple):
    """A command as an agent sees it."""

    name: str
    summary: str
    top: argparse.ArgumentParser
    parser: argparse.ArgumentParser
    reading: Reading

    def schema(self) -> dict[str, Any]:
        """The JSON schema of its arguments."""
        actions = _actions(self)
        required = [a.dest for a in actions if not a.option_strings and a.nargs != "?"]
        names = {flag: a.dest for a in self.parser._actions for flag in a.option_strings if flag.startswith("--")}
        properties = {a.dest: _property(a, self.reading.texts, names) for a in actions}
        return {
            "type": "object",
            "properties": properties | PAGING,
            "required": required,
            "additionalProperties": False,
        }

    def answer(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """What the command says as JSON, cut to the asked rows, and what it stands on; raises BatonError."""
        limit, offset = _count(arguments, "limit", ROWS, 1), _count(arguments, "offset", 0, 0)
        if limit > MOST_ROWS:
            raise BadInput(f"limit {limit:,}: at most {MOST_ROWS:,} rows an answer; read on with offset.")
        with scratch.copies(home_dir()) as folder:
            args = self._parsed({k: v for k, v in arguments.items() if k not in PAGING}, folder)
            if self.reading.of_log:
                args.ledger = _ledger(home_dir())
            try:
                with console.collect_json() as payloads:
                    args.run(args)
            except BatonError as error:  # the agent knows its text by the argument's name, not by our file's
                raise BadInput(str(error).replace(f"{folder}/", "")) from error
        shown, left = _page(payloads[0], limit, offset)
        return {"answer": shown, "left_out": left, "basis": _basis(args) if self.reading.of_log else NO_LOG}

    def _parsed(self, arguments: Mapping[str, Any], folder: Path) -> argparse.Namespace:
        actions = {action.dest: action for action in _actions(self)}
        if unknown := [name for name in arguments if name not in actions]:
            known = ", ".join([*actions, *PAGING])
            raise BadInput(f"{self.name} has no argument {unknown[0]!r}; it has {known}.")
        options: list[str] = []
        texts: list[str] = []
        for dest, action in actions.items():
            given = arguments.get(dest)
            nothing = given is None or given is False  # 0 is a number
            for value in given if isinstance(given, list) else [] if nothing else [given]:
                word = _word(dest, value, self.reading.texts, folder) if value is not True else ""
                if not action.option_strings:
                    texts.append(word)
                else:
                    options.append(action.option_strings[0] + (f"={word}" if action.nargs != 0 else ""))
        return _parse(self.top, [self.reading.command, "--json", *options, *(["--", *texts] if texts else [])])


def tools(rooms: Sequence[Room]) -> dict[str, Tool]:
    """Every tool by its name."""
    made = [_tool(room, reading) for room in rooms for reading in room.readings]
    return {tool.name: tool for tool in made}


def _tool(room: Room, reading: Reading) -> Tool:
    parser = room.commands.parsers()[reading.command]
    said, name = (parser.description or "").partition("; --")[0], reading.called or reading.command.replace("-", "_")
    return Tool(name, f"{said[:1].upper()}{said[1:]}.", room.top, parser, reading)


def _actions(tool: Tool) -> list[argparse.Action]:
    by_dest = {action.dest: action for action in tool.parser._actions}  # argparse has no other way to list them
    return [by_dest[dest] for dest in tool.reading.options]


def _property(action: argparse.Action, texts: Mapping[str, Path | None], names: Mapping[str, str]) -> dict[str, Any]:
    """The schema of an option; what its words call a flag (`names`) an agent knows as an argument."""
    kind: dict[str, Any] = (
        {"type": "boolean"} if action.nargs == 0 else dict(JSON_TYPE.get(action.type, {"type": "string"}))
    )
    if action.choices:
        kind["enum"] = list(action.choices)
    if action.nargs != 0 and isinstance(action.default, list):
        kind = {"type": "array", "items": kind}
    said = action.help or ""
    for flag, name in names.items():
        said = re.sub(rf"{flag}(?![\w-])", name, said)
    if action.dest in texts:
        folder = texts[action.dest]
        said = "the text itself" + (f", or the name of a shipped one: {', '.join(_shipped(folder))}" if folder else "")
    return kind | {"description": said}


def _shipped(folder: Path) -> list[str]:
    return sorted(path.stem for path in folder.glob("*.yaml"))


def _word(dest: str, value: Any, texts: Mapping[str, Path | None], folder: Path) -> str:
    """An argument as the command line takes it. A text becomes a file of its own: no path of this machine is read."""
    text = str(value)
    if dest not in texts or text == "none":
        return text
    shipped = texts[dest]
    if shipped and text in _shipped(shipped):
        return str(shipped / f"{text}.yaml")
    if shipped and "\n" not in text:
        raise BadInput(f"{dest} {text!r}: give its text, or one of {', '.join(_shipped(shipped))}.")
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{dest}{'.yaml' if shipped else '.jsonl'}"
    file.write_text(text)
    return str(file)


def _count(arguments: Mapping[str, Any], name: str, default: int, least: int) -> int:
    value = arguments.get(name, default)
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise BadInput(f"{name} {value!r}: give a whole number from {least}.")
    return value


def _parse(top: argparse.ArgumentParser, words: list[str]) -> argparse.Namespace:
    """The parsed words; a wrong one is BadInput, where the command line would leave the process."""
    said = io.StringIO()
    try:
        with redirect_stderr(said):
            return top.parse_args(words)
    except SystemExit as stop:
        raise BadInput(f"{said.getvalue().strip().rpartition('error: ')[2]}.") from stop


def _page(payload: Any, limit: int, offset: int, path: str = "") -> tuple[Any, dict[str, int]]:
    """A payload with every list cut to rows [offset, offset + limit), and how many rows of each are left out."""
    if isinstance(payload, dict):
        parts = {key: _page(value, limit, offset, f"{path}.{key}" if path else key) for key, value in payload.items()}
        return {key: part for key, (part, _) in parts.items()}, {
            k: n for _, left in parts.values() for k, n in left.items()
        }
    if not isinstance(payload, list):
        return payload, {}
    # Lists inside of a list's rows are read from their beginning: offset goes through the outermost one.
    kept = payload[offset : offset + limit]
    inner = [_page(value, limit, 0, f"{path}[]") for value in kept]
    left = {k: n for _, lefts in inner for k, n in lefts.items()}
    if len(kept) < len(payload):
        left[path] = len(payload) - len(kept)
    return [value for value, _ in inner], left


@cache
def _ledger(home: Path) -> Ledger:
    """Opened once: opening costs more than most answers."""
    return Ledger.open(home)


def _basis(args: argparse.Namespace) -> dict[str, Any]:
    """What the answer stands on: the days asked and covered, shares priced and without caveat, the data version."""
    args = argparse.Namespace(**(NO_SPAN | vars(args)))
    try:
        view = view_of(args)
    except NoData as error:
        return {"ledger": str(error)}
    scope: Scope = span_of(args, view)
    covered = coverage.coverage(view, scope)
    return {
        "data_version": view.snapshot(),
        "time_zone": view.time_zone,
        "asked_days": covered.asked_days,
        "covered_days": covered.covered_days,
        "coverage": covered.reason,
        "priced_share": spend.priced_share(view, scope),
        "without_caveat_share": spend.without_caveat_share(view, scope),
    }
