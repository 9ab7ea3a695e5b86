"""Nothing from a log is markup in what leaves Baton: reports, statements, CSV, FOCUS, chat and the terminal."""

from __future__ import annotations

from pathlib import Path

import pytest

from data.wording import markdown, one_line, visible
from tests.hostile_names import KINDS, exported, hostile_store, names, wrong_in

EXPORTS = (
    *(
        "review.html",
        "review.md",
        "review.csv",
        "review.slack",
        "chargeback.csv",
        "chargeback.html",
        "chargeback.slack",
    ),
    *("focus.csv", "page.csv", "spend.terminal", "decision.html", "decision.md", "handover.html"),
)


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> dict[str, str]:
    return exported(hostile_store(Path(tmp_path_factory.mktemp("hostile")) / "home", KINDS))


def test_every_export_is_looked_at(made):
    assert {*made} == {*EXPORTS}


@pytest.mark.parametrize("name", EXPORTS)
def test_an_export_shows_hostile_names_as_text(made, name):
    text = made[name]
    assert not (wrong := wrong_in(name, text)), wrong[:5]
    assert name in ("review.csv", "review.slack", "chargeback.slack") or "bold" in text, "no name stands in it"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("x.html", "<head></head><img src=x>"),
        ("x.html", '<head></head><p onclick="1">'),
        ("x.html", "<head></head>http://evil.example"),
        ("x.md", "![i](http://127.0.0.1:9/x)"),
        ("x.md", "see https://evil.example"),
        ("x.md", "<b onclick=1>"),
        ("x.csv", "a,=1+1"),
        ("x.csv", 'a,"\t=1"'),
        ("x.slack", "<http://evil.example|x>"),
        ("x.terminal", "\x1b[31m"),
        ("x.terminal", "a\u202eb"),
    ],
)
def test_what_is_looked_for_would_be_found(name, text):
    assert wrong_in(name, text)


def test_a_name_is_written_once_however_often_it_is_made_visible():
    for name in names(200):
        assert visible(visible(name)) == visible(name) and one_line(visible(name)) == visible(name)
        assert "\n" not in markdown(name)


def test_two_hundred_names_differ():
    assert len({*names(200)}) == 200
