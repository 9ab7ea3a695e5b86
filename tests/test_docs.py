"""The written pages say what the code does: settings, links, commands."""

from __future__ import annotations

import re
from importlib import import_module
from itertools import takewhile
from pathlib import Path

import pytest

from analytics.__main__ import main as analytics_main
from data.__main__ import main as data_main

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
SETTINGS = (ROOT / "docs" / "settings.md").read_text()
CODE = [
    *ROOT.glob("*.py"),
    *(
        p
        for room in ("data", "analytics", "routing", "simulations", "pages", "tests")
        for p in (ROOT / room).rglob("*.py")
    ),
]
COMMAND = re.compile(r"`(?:\.venv/bin/)?(?:\.\.\.)?python -m ((?:data|analytics|simulations|routing)(?: [a-z-]+)?)")


def test_every_setting_is_documented_and_every_documented_setting_exists():
    read = {
        name
        for path in CODE
        if path != Path(__file__)
        for name in re.findall(r"\bBATON_(?!KEY_)[A-Z0-9_]+[A-Z0-9]\b", path.read_text())  # keys have any name
    }
    documented = set(re.findall(r"`(BATON_[A-Z0-9_]+)`", SETTINGS))
    assert read == documented


def test_every_path_the_architecture_names_is_there():
    rooms = [ROOT / name for name in ("data", "analytics", "routing", "simulations", "pages", "tests", "docs", ".ci")]
    there = [path.relative_to(ROOT).as_posix() for room in rooms for path in room.rglob("*")]
    named = re.findall(r"`([\w.]+(?:/[\w.]+)+/?)`", (ROOT / "ARCHITECTURE.md").read_text())
    paths = [name.rstrip("/") for name in named if "NAME" not in name]
    assert len(paths) > 20
    lost = [p for p in paths if not any(f"/{file}".endswith(f"/{p}") or f"/{p}/" in f"/{file}" for file in there)]
    assert not lost


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_links_of_a_page_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
        assert target.startswith("http") or (page.parent / target).exists(), f"{page.name} links to {target}"


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_files_a_page_names_exist(page):
    if page.name == "CHANGELOG.md":
        return
    for name in re.findall(
        r"`((?:data|analytics|routing|simulations|pages|tests|docs)/[\w/.-]+\.\w+)`", page.read_text()
    ):
        assert "NAME" in name or (ROOT / name).exists(), f"{page.name} names {name}"


def commands() -> list[str]:
    return sorted({found for page in PAGES for found in COMMAND.findall(page.read_text()) if " " in found})


@pytest.mark.parametrize("command", commands())
def test_commands_a_page_names_exist(command, capsys):
    room, name = command.split()
    with pytest.raises(SystemExit) as left:
        import_module(f"{room}.__main__").main([name, "--help"])
    assert left.value.code == 0, f"`python -m {command}`: {capsys.readouterr().err}"


def test_pre_commit_has_the_checks_of_make_lint():
    lint = re.search(r"^lint:.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert lint, "make lint is gone"
    checks = {line.strip().removeprefix("@$(BIN)/").removesuffix(" .") for line in lint[1].splitlines()}
    hooks = (ROOT / ".pre-commit-config.yaml").read_text()
    assert checks == {"ruff check", "ruff format --check", "mypy"}
    assert [c for c in checks if f".venv/bin/{c.removesuffix(' --check')}" not in hooks] == []


@pytest.mark.heavy
def test_the_first_hour_of_the_readme_prints_what_it_says(tmp_path, monkeypatch, capsys):
    """Its first block: every line but the dots stands in what the two commands print, in order, blanks aside."""
    monkeypatch.setenv("BATON_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(ROOT)
    after = (ROOT / "README.md").read_text().partition("$ .venv/bin/python -m data ingest tests/")[2].splitlines()[1:]
    block = takewhile(lambda line: line.startswith("    ") or not line.strip(), after)
    told = [words(line) for line in block if line.strip() not in ("", "...") and not line.strip().startswith("$")]
    assert data_main(["ingest", "tests/cases/litellm_spend_logs.jsonl"]) == 0
    assert analytics_main(["spend", "--by", "provider,model"]) == 0
    printed = [words(line).replace(f"{ROOT}/tests/cases", "...") for line in capsys.readouterr().out.splitlines()]
    assert len(told) > 5
    places = [printed.index(line) for line in told]
    assert places == sorted(places)


def words(line: str) -> str:
    return " ".join(line.split())


def test_the_tests_that_hold_the_findings_exist():
    told = re.findall(r"`(test_\w+\.py)(?: -k (\"[^\"]+\"|\w+))?`", (ROOT / "docs" / "testing.md").read_text())
    assert len(told) > 50
    for name, words in told:
        (path,) = (ROOT / "tests").rglob(name)
        tests = re.findall(r"def (test_\w+)", path.read_text())
        for word in words.strip('"').split(" or ") if words else ():
            assert any(word in test for test in tests), f"{name} has no test named for {word}"
