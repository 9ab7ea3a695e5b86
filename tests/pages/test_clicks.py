"""Anything drawn takes a click, or says why there is nothing to open behind it."""

from __future__ import annotations

import ast
from pathlib import Path

PAGES = Path(__file__).resolve().parents[2] / "pages"


def drawn() -> list[tuple[str, ast.Call, str]]:
    """Every chart of a page: where, the call, and the source of the function around it."""
    found = []
    for path in sorted(PAGES.rglob("*.py")):
        text = path.read_text()
        functions = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef)]
        for function in functions:
            for node in ast.walk(function):
                if isinstance(node, ast.Call) and ast.unparse(node.func) == "shell.chart":
                    where = f"{path.relative_to(PAGES)}:{node.lineno}"
                    found.append((where, node, ast.get_source_segment(text, function) or ""))
    return found


def test_a_chart_takes_a_click_or_says_why_not():
    charts = drawn()
    assert len(charts) > 20
    silent = [
        where
        for where, call, around in charts
        if not {"on_select", None} & {keyword.arg for keyword in call.keywords} and "COMPUTED" not in around
    ]
    assert not silent, silent
