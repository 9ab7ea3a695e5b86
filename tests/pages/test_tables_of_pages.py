"""Tables as a page draws them: sentences wrap where they would run out of it, shares have the same decimals."""

from __future__ import annotations

import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from pages.parts.data.prices import merge_unchanged
from pages.ui import exports

WORDS = st.text("abc ", max_size=200)


def test_a_table_that_fits_is_left_as_it_is():
    assert (
        exports.sentences(pd.DataFrame({"team": ["search"], "why": ["a sentence of some length here"]}), {}, {}) == {}
    )


@given(st.lists(st.tuples(WORDS, WORDS, WORDS), min_size=1, max_size=4))
def test_a_table_of_sentences_fits_the_page_or_none_can_give_more(rows):
    frame = pd.DataFrame(rows, columns=["rule", "because", "note"])
    wide = exports.sentences(frame, {}, {})
    assert all(pixels >= exports.NARROWEST_PX for pixels in wide.values())
    if len(wide) == 3 and any(pixels > exports.NARROWEST_PX + 1 for pixels in wide.values()):
        assert sum(wide.values()) <= exports.PAGE_PX


def test_a_cut_last_column_gets_its_room_from_the_sentences():
    frame = pd.DataFrame({"policy": ["p" * 60], "rule": ["r " * 60], "usd": [1.0], "because": ["Legal"]})
    wide = exports.sentences(frame, {"usd": "USD"}, {})
    rest = len("−$1.00" + "Because") * exports.SIGN_PX + 2 * exports.CELL_PX
    assert set(wide) == {"policy", "rule"} and sum(wide.values()) + rest <= exports.PAGE_PX


def test_a_share_is_drawn_in_percent_and_leaves_as_it_is():
    frame = pd.DataFrame({"share": [0.9, None, 1], "usd": [1, 2, 3]})
    drawn = exports.shown(frame, {"share": "share"})
    assert drawn["share"].tolist()[::2] == [90, 100] and drawn["share"].isna().tolist() == [False, True, False]
    assert frame["share"].tolist()[0] == 0.9 and drawn["usd"].tolist() == [1, 2, 3]
    assert "'format': '%.2f%%'" in repr(exports.columns(frame, units={"share": "share"})["share"])


def test_a_price_that_has_not_changed_is_one_row_of_the_timeline():
    columns = ["service_tier", "valid_from", "valid_to", "output", "cache_write_1h"]
    made = [
        ("standard", None, "2026-10-14", 7.0, None),
        ("standard", "2026-10-14", "2026-11-01", 7.0, None),
        ("standard", "2026-11-01", None, 8.0, None),
        ("batch", "2026-11-01", None, 8.0, None),
        ("batch", "2026-12-01", None, 8.0, None),  # not the day that the one before ends
    ]
    told = merge_unchanged(pd.DataFrame(made, columns=columns))
    assert told[["valid_from", "valid_to"]].fillna("").to_numpy().tolist() == [
        ["", "2026-11-01"],
        ["2026-11-01", ""],
        ["2026-11-01", ""],
        ["2026-12-01", ""],
    ]


def test_rows_are_as_high_as_their_longest_sentence_takes():
    frame = pd.DataFrame({"why": ["short"], "answer": ["w " * 50], "story": ["w " * 200]})
    assert exports.row_height(frame, {}) is None and exports.row_height(frame, {"why": 200}) is None
    assert exports.row_height(frame, {"why": 200, "answer": 400}) == exports.WRAPPED
    assert exports.row_height(frame, {"story": 600}) > exports.WRAPPED


def test_our_sentences_in_a_table_hold_no_marks_of_markdown(monkeypatch):
    drawn = []
    monkeypatch.setattr(exports.st, "dataframe", lambda frame, **how: drawn.append(frame))
    monkeypatch.setattr(exports, "ways_out", lambda *args: None)
    monkeypatch.setattr(exports.shell, "snapshot", lambda: 1)
    frame = pd.DataFrame({"remedy": ["run `python -m data check`", None], "model": ["`odd`", "b"]})
    exports.table(frame, name="t", wide={"remedy": 300})
    assert drawn[0]["remedy"].tolist()[0] == "run “python -m data check”"
    assert drawn[0]["model"].tolist() == ["`odd`", "b"], "what the log calls it stays"
