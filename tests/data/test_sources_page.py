"""docs/sources.md and the README say what the formats say."""

from __future__ import annotations

from data.__main__ import main
from data.formats import all_formats, sources_page

TOLD = "run: python -m data formats --markdown --out docs/sources.md"


def test_the_page_is_what_the_formats_say():
    assert sources_page.PAGE.read_text() == sources_page.page(), TOLD


def test_the_readme_lists_every_format():
    assert sources_page.README.read_text() == sources_page.readme(), TOLD
    block = " ".join(sources_page.readme_block().split())
    assert [form.label for form in all_formats() if form.label not in block] == []


def test_every_format_is_on_the_page_once():
    text = sources_page.page()
    assert all(text.count(f"| `{form.name}` |") == 1 for form in all_formats())


def test_the_command_prints_the_page_and_writes_it_where_it_is_told(capsys, tmp_path):
    assert main(["formats", "--markdown"]) == 0
    assert capsys.readouterr().out == sources_page.page()
    assert main(["formats", "--markdown", "--out", str(tmp_path / "page.md")]) == 0
    assert (tmp_path / "page.md").read_text() == sources_page.page()


def test_a_page_that_cannot_be_written_is_one_sentence(capsys, tmp_path):
    assert main(["formats", "--out", str(tmp_path / "no" / "page.md")]) != 0
    assert "cannot be written" in capsys.readouterr().err
