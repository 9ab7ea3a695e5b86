"""A table no format knows, dropped on the page as a stranger would: guessed, kept, loaded; a workbook is refused."""

from __future__ import annotations

import shutil

from data.ledger import Ledger
from tests.browser.conftest import serve, settled

GERMAN = "Zeitstempel;Modell;Eingabetoken;Ausgabetoken;Kosten (EUR);Abteilung\n" + "".join(
    f"0{n}.11.2026 08:00:00;gpt-5.2;1.90{n};12{n};0,002{n};Vertrieb\n" for n in range(1, 7)
)


def dropped(page, address: str, path) -> None:
    settled(page, address, "/data?section=Load")
    page.locator("input[type=file]").first.set_input_files(str(path))
    page.get_by_text(path.name).first.wait_for()
    page.get_by_role("button", name="Load these files").click()


def test_an_odd_table_is_mapped_to_the_end_and_a_workbook_is_refused(blank_home, tmp_path, page):
    (tmp_path / "nutzung.csv").write_text(GERMAN)
    (tmp_path / "book.xlsx").write_bytes(b"PK\x03\x04" + bytes(200))
    home = shutil.copytree(blank_home, tmp_path / "home")
    for address in serve(home, tmp_path / "log.txt"):
        dropped(page, address, tmp_path / "book.xlsx")
        page.get_by_text("save the sheet as CSV").wait_for()
        dropped(page, address, tmp_path / "nutzung.csv")
        page.get_by_text("What do the columns of nutzung.csv mean?").wait_for()
        page.get_by_text("6 of the first 6 rows would load").wait_for()
        page.get_by_role("button", name="Save and load").click()
        page.get_by_text("6 records loaded").wait_for()
        assert page.locator('[data-testid="stException"]').count() == 0
    ledger = Ledger.open(home)
    rows = ledger.sql("SELECT team, fresh_input_tokens AS tokens, cost_basis AS basis FROM lake.main.usage ORDER BY 2")
    ledger.close()
    assert rows.iloc[0].to_list() == ["Vertrieb", 1901, "list"]
