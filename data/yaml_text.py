"""YAML that people type: read safely, checked against a pydantic model, errors with their line.

Only plain data is accepted. Anchors and aliases (the stuff of YAML bombs), explicit tags, duplicate
keys, several documents, deep nesting and very long texts are refused in one sentence.
"""

from __future__ import annotations

import types
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, get_args

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from data.errors import BadInput, Unreadable
from data.wrong_values import legal_there

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml reads our catalogue ten times as fast
MAX_CHARACTERS = 262_144
MAX_DEPTH = 16
TEXT = "tag:yaml.org,2002:str"
CHANGED = {f"tag:yaml.org,2002:{kind}" for kind in ("int", "float", "timestamp")}

Where = tuple[str | int, ...]
Lines = dict[Where, int]
Model = TypeVar("Model", bound=BaseModel)


def read_yaml(
    text: str, name: str = "the YAML text", as_written: Callable[[Where], bool] = lambda path: False
) -> tuple[Any, Lines]:
    """The value of one YAML document, and the 1-based line of every key and item by its path.

    Where `as_written` says so, a number or date that YAML would change is the text that was typed: 007 is no 7 there,
    12:30 no 750, 1.10 no 1.1.
    """
    if len(text) > MAX_CHARACTERS:
        raise BadInput(f"{name} has {len(text):,} characters; at most {MAX_CHARACTERS:,} are read.")
    lines: Lines = {(): 1}
    try:
        _refuse_references(text, name)
        loader = LOADER(text)
        root = loader.get_single_node()
        if root is None:
            return None, lines
        _walk(root, (), lines, name, as_written)
        return loader.construct_document(root), lines
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f", line {mark.line + 1}" if mark else ""
        raise BadInput(f"{name}{where}: not valid YAML ({error.problem}); correct that line.") from error
    except (yaml.YAMLError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise BadInput(f"{name}: not valid YAML ({reason}); correct it.") from error


def read_yaml_file(path: str | Path) -> tuple[Any, Lines]:
    """As `read_yaml`, from a UTF-8 file."""
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise Unreadable(f"{path} cannot be read ({reason}); name a readable YAML file.") from error
    return read_yaml(text, str(path))


def line_of(lines: Lines, path: Where) -> int:
    """The line of the value at `path`, or of its nearest ancestor that the text has."""
    while path not in lines:
        path = path[:-1]
    return lines[path]


def validate(model: type[Model], value: Any, lines: Lines | None, name: str, *, quote: bool = True) -> Model:
    """`value` as a `model`; BadInput names file, line, field and what is legal there, one line per problem.

    `lines` is None for what was not typed as YAML: the first problem is one sentence. `quote=False` keeps the values
    that are wrong out of
    the message: one of them may be a secret in the wrong field.
    """
    if not isinstance(value, dict):
        found = "nothing" if value is None else f"a {type(value).__name__}"
        at = _at(name, lines, ())
        raise BadInput(f"{at}: a mapping with {', '.join(model.model_fields)} is expected; found {found}.")
    try:
        return model.model_validate(value)
    except ValidationError as error:
        problems = _told_once(error.errors(include_input=quote))[: 1 if lines is None else None]
        cause = error if quote else None
        raise BadInput("\n".join(_sentence(model, problem, lines, name) for problem in problems)) from cause


def _told_once(problems: list[ErrorDetails]) -> list[ErrorDetails]:
    """Without what only follows: a list is short of entries where its entries are the ones that are wrong."""
    places = [problem["loc"] for problem in problems]

    def has_wrong_entries(place: Where) -> bool:
        return any(len(other) > len(place) and other[: len(place)] == place for other in places)

    return [one for one in problems if one["type"] != "too_short" or not has_wrong_entries(one["loc"])]


def _at(name: str, lines: Lines | None, path: Where) -> str:
    return name if lines is None else f"{name}, line {line_of(lines, path)}"


def _sentence(model: type[BaseModel], problem: Any, lines: Lines | None, name: str) -> str:
    """One problem in words: `file, line 7: rules[1].confidence_floor: ... (got 1.4).`"""
    location = tuple(part for part in problem["loc"] if part != "[key]")
    if problem["type"] == "term":  # raised with the key it is about, see routing.policies.conditions
        location = (*location, problem["ctx"]["key"])
    field = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location).lstrip(".")
    message = legal_there(problem)
    if problem["type"] == "extra_forbidden":
        message = f"{message}; use one of: {', '.join(_legal(model, location[:-1]))}"
    elif problem["type"] not in ("value_error", "term", "missing") and isinstance(
        problem.get("input", ()), str | int | float | bool | None
    ):
        message = f"{message} (got {problem['input']!r})"
    if not field and lines is not None:
        field = "the document"
    return ": ".join(part for part in (_at(name, lines, location), field, message) if part) + "."


def _legal(model: type[BaseModel], location: Where) -> list[str]:
    """The field names of the part at `location`."""
    for part in location:
        if part in model.model_fields:
            model = next(iter(_models(model.model_fields[part].annotation)), model)
    return list(model.model_fields)


def _models(annotation: Any) -> list[type[BaseModel]]:
    if (
        isinstance(annotation, type)
        and not isinstance(annotation, types.GenericAlias)
        and issubclass(annotation, BaseModel)
    ):
        return [annotation]
    return [found for argument in get_args(annotation) for found in _models(argument)]


def _refuse_references(text: str, name: str) -> None:
    """Scan the events first, so that a bomb is refused before anything is built from it."""
    depth = 0
    for event in yaml.parse(text, Loader=LOADER):
        line = event.start_mark.line + 1 if event.start_mark else 0
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise BadInput(f"{name}, line {line}: anchors and aliases (& and *) are not allowed; write the value out.")
        tag = getattr(event, "tag", None)
        if isinstance(event, yaml.NodeEvent) and tag:
            raise BadInput(f"{name}, line {line}: the tag {tag} is not allowed; write a plain value.")
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            raise BadInput(f"{name}, line {line}: nested more than {MAX_DEPTH} levels deep; flatten it.")


def _walk(node: yaml.Node, path: Where, lines: Lines, name: str, as_written: Callable[[Where], bool]) -> None:
    lines.setdefault(path, node.start_mark.line + 1)
    typed = isinstance(node, yaml.ScalarNode) and node.tag in CHANGED and as_written(path)
    if typed and str(LOADER(node.value).get_single_data()) != node.value:
        node.tag = TEXT
    if isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            _walk(item, (*path, index), lines, name, as_written)
    elif isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode):
                raise BadInput(f"{name}, line {line}: a key must be a plain word; a list or mapping was found.")
            below = (*path, key.value)
            if below in lines:
                raise BadInput(
                    f"{name}, line {line}: `{key.value}` is given twice; keep one (first on line {lines[below]})."
                )
            lines[below] = line
            _walk(value, below, lines, name, as_written)
