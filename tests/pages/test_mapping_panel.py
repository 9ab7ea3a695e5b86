"""An unknown file dropped on a page: its columns are named, ten rows shown, the reading kept and used again."""

from __future__ import annotations

import pytest

from data.ledger import Ledger
from tests.pages.whole_app import opened

CSV = "when,llm,in,out,usd,squad,note\n" + "".join(
    f"2026-11-2{n}T08:0{n}:00Z,gpt-5.2,{900 + n},{120 + n},0.002{n},search,\n" for n in range(6)
)
ODD = "alpha,beta\n" + "".join(f"x{n},y\n" for n in range(4))


def dropped(app, name: str, text: str):
    app.file_uploader[0].set_value((name, text.encode(), "text/csv")).run()
    return app.button(key="load_uploads").click().run()


def pick(app, column: str):
    return next(box for box in app.selectbox if box.label == column)


def press(app, label: str):
    return next(b for b in app.button if b.label == label).click().run()


def rows(home) -> list[tuple]:
    ledger = Ledger.open(home)
    frame = ledger.sql(f"SELECT model, team, output_tokens FROM {ledger.name('usage')} ORDER BY record_no")
    ledger.close()
    return list(frame.itertuples(index=False, name=None))


@pytest.mark.parametrize("file", ["overview", "data_and_prices"])
def test_an_unknown_table_is_guessed_whole_loaded_and_its_reading_used_again(blank_home, home, monkeypatch, file):
    app = dropped(opened(home, monkeypatch, file), "usage-2026-11.csv", CSV)
    assert not app.exception, app.exception[0].value
    assert "What do the columns of usage" in app.subheader[0].value
    chosen = {
        box.label.replace("\\", ""): box.value for box in app.selectbox if box.label != "Times without an offset are in"
    }
    assert chosen == {
        "when": "requested_at",
        "llm": "model_raw",
        "in": "input_tokens",
        "out": "output_tokens",
        "usd": "reported_cost_usd",
        "squad": "team",
        "note": "Leave out",
    }
    assert any("6 of the first 6 rows would load**, each as one request" in m.value for m in app.markdown)
    app = press(app, "Save and load")
    assert not app.exception and not app.error
    assert len(rows(home)) == 6 and rows(home)[0] == ("gpt-5.2", "search", 120)
    app = opened(home, monkeypatch, "data_and_prices", section="Load")
    app = dropped(app, "usage-2026-10.csv", CSV.replace("2026-11", "2026-10"))
    assert pick(app, "Read it as").value == "usage"
    press(app, "Save and load")
    assert len(rows(home)) == 12


def test_a_table_of_nothing_we_know_says_what_is_missing_and_can_be_left(blank_home, home, monkeypatch):
    app = dropped(opened(home, monkeypatch, "data_and_prices"), "odd.csv", ODD)
    assert not app.exception, app.exception[0].value
    assert any("Say which column holds the time" in w.value for w in app.warning)
    assert next(b for b in app.button if b.label == "Save and load").disabled
    pick(app, "alpha").set_value("requested_at").run()
    assert any("the model, the tokens or the cost" in w.value for w in app.warning)
    pick(app, "beta").set_value("requested_at").run()
    assert any("two columns are said to mean it" in w.value for w in app.warning)
    app = press(app, "Leave this file")
    assert not any("What do the columns" in s.value for s in app.subheader)
    assert not list((home / "uploads").rglob("*.csv"))


def test_text_that_is_no_table_is_refused_without_a_panel(blank_home, home, monkeypatch):
    app = dropped(opened(home, monkeypatch, "data_and_prices"), "noise.bin", "\x00\x01\x02 no table \x03")
    assert not app.exception and app.error
    assert not any("What do the columns" in s.value for s in app.subheader)
