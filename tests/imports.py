"""What a module imports when it is loaded, read from its text: what stands inside of a function or is for the type
checker alone costs a start nothing.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ROOMS = frozenset({"data", "analytics", "routing", "simulations", "pages"})


def file_of(module: str) -> Path | None:
    """The file of a module of the house; None of a name that is no module, or a folder without one."""
    path = ROOT / module.replace(".", "/")
    files = (path.with_suffix(".py"), path / "__init__.py")
    return next((file for file in files if file.is_file()), None)


def _at_load(body: Iterable[ast.stmt]) -> Iterator[ast.Import | ast.ImportFrom]:
    for node in body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            yield from _at_load(node.orelse)
        elif isinstance(node, ast.If | ast.Try | ast.With | ast.ClassDef):
            yield from _at_load(node.body)


@cache
def imports_at_load(module: str) -> frozenset[str]:
    """The modules that one of the house loads, folders on the way included."""
    file = file_of(module)
    nodes = list(_at_load(ast.parse(file.read_text()).body)) if file else []
    names = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    for node in nodes:
        if isinstance(node, ast.ImportFrom) and node.module:
            inside = {f"{node.module}.{alias.name}" for alias in node.names}
            names |= {node.module} | {name for name in inside if file_of(name)}
    parts = [name.split(".") for name in names]
    return frozenset(".".join(words[:n]) for words in parts for n in range(1, len(words) + 1))


def libraries_at_load(module: str) -> frozenset[str]:
    """The third-party packages that loading a module of the house loads, by way of other modules too."""
    seen: set[str] = set()
    waiting = {module}
    while waiting:
        name = waiting.pop()
        seen.add(name)
        if name.split(".")[0] in ROOMS:
            waiting |= imports_at_load(name) - seen
    return frozenset({name.split(".")[0] for name in seen} - ROOMS - sys.stdlib_module_names)
