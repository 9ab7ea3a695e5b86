"""Column mappings: guessed from names, tried on ten rows, saved, used again; wrong ones say what is wrong."""

from __future__ import annotations

import json
from decimal import Decimal

import pandas as pd
import pytest

from data.errors import BadInput, NoData, Unreadable
from data.loading import column_names, mappings
from data.loading.ingest import ingest

CSV = """when,Model Name,vendor,prompt_tokens,completion_tokens,price,seconds,dept
2026-10-05 10:00:00,gpt-4o,openai,"2,006",300,$0.008015,0.812,support
2026-10-05 10:01:00,gpt-4o,openai,-4,300,0.01,1,support
"""
BODY = {
    "name": "house gateway",
    "columns": {
        "requested_at": "when",
        "model_raw": "Model Name",
        "provider": "vendor",
        "input_tokens": "prompt_tokens",
        "output_tokens": "completion_tokens",
        "reported_cost_usd": "price",
        "latency_ms": "seconds",
        "team": "dept",
    },
    "time_zone": "Europe/Berlin",
    "latency_unit": "s",
}


@pytest.fixture
def csv(tmp_path):
    path = tmp_path / "gateway.csv"
    path.write_text(CSV)
    return path


def rows(ledger):
    return ledger.sql(f"SELECT * FROM {ledger.name('usage')} ORDER BY record_no").to_dict("records")


def test_a_saved_mapping_loads_a_csv_it_was_made_for(ledger, state, csv):
    mappings.MAPPINGS.save(state, "house gateway", BODY)
    report = ingest(ledger, state, [csv], form=mappings.load(state, "house gateway"))[0]
    assert (report.format, report.loaded, report.rejected) == ("mapping:house gateway", 1, 1)
    assert "input_tokens is -4" in next(iter(report.reasons))
    row = rows(ledger)[0]
    assert str(row["requested_at"]) == "2026-10-05 08:00:00"  # Berlin is two hours ahead in summer
    assert (row["fresh_input_tokens"], row["output_tokens"], row["latency_ms"], row["team"]) == (
        2006,
        300,
        812,
        "support",
    )
    assert row["reported_cost_usd"] == Decimal("0.008015")
    assert state.audit()[-1].event == "column mapping saved"


def test_the_preview_shows_what_would_load_and_what_would_not(ledger, csv):
    frame = mappings.preview(ledger, csv, mappings.check_mapping(BODY))
    assert len(frame) == 2
    assert frame["input_tokens"][0] == 2006 and frame["problem"].isna()[0]
    assert "input_tokens is -4" in frame["problem"][1]


def test_the_preview_stops_at_ten_rows(ledger, tmp_path):
    path = tmp_path / "long.csv"
    path.write_text("time,model,input_tokens\n" + "2026-10-05T08:00:00Z,gpt-4o,1\n" * 50)
    guess = mappings.guess("long", mappings.sample_of(ledger, path))
    assert len(mappings.preview(ledger, path, guess)) == 10


def test_a_first_mapping_is_guessed_from_usual_names():
    columns = [
        "createdAt",
        "modelId",
        "usage.x",
        "Prompt Tokens",
        "completion-tokens",
        "cached_tokens",
        "cost_in_cents",
        "Duration Seconds",
        "cost_center",
        "id",
    ]
    guess = mappings.guess("first", [dict.fromkeys(columns)])
    assert guess.columns == {
        "requested_at": "createdAt",
        "model_raw": "modelId",
        "event_key": "id",
        "input_tokens": "Prompt Tokens",
        "cache_read_tokens": "cached_tokens",
        "output_tokens": "completion-tokens",
        "reported_cost_usd": "cost_in_cents",
        "latency_ms": "Duration Seconds",
        "team": "cost_center",
    }
    assert (guess.cost_unit, guess.latency_unit) == ("cents", "s")


def test_nested_fields_are_pointed_at(ledger, state, tmp_path):
    record = {
        "at": "2026-10-05T10:00:00+02:00",
        "llm": {"name": "gpt-4o", "usage": {"prompt_tokens": 2006, "cached_tokens": 1920, "completion_tokens": 300}},
        "a/b": "x",
    }
    path = tmp_path / "nested.jsonl"
    path.write_text("\n".join(json.dumps(record | {"n": n}) for n in range(3)))
    sources = column_names.sources(mappings.sample_of(ledger, path))
    assert "/llm/usage/cached_tokens" in sources and "a/b" in sources
    body = {
        "name": "nested",
        "columns": {
            "requested_at": "at",
            "model_raw": "/llm/name",
            "input_tokens": "/llm/usage/prompt_tokens",
            "cache_read_tokens": "/llm/usage/cached_tokens",
            "output_tokens": "/llm/usage/completion_tokens",
        },
        "constants": {"provider": "openai", "team": "it's ours"},
        "tags": ["a/b", "n"],
        "input_has_cache": True,
    }
    ingest(ledger, state, [path], form=mappings.format_of(mappings.check_mapping(body)))
    loaded = rows(ledger)
    assert len(loaded) == 3
    assert (loaded[0]["fresh_input_tokens"], loaded[0]["cache_read_tokens"]) == (86, 1920)
    assert str(loaded[0]["requested_at"]) == "2026-10-05 08:00:00"
    assert loaded[0]["team"] == "it's ours" and json.loads(loaded[2]["tags"]) == {"a/b": "x", "n": "2"}


def test_equal_records_without_an_id_are_different_requests_and_load_once_each(ledger, state, tmp_path):
    row = "2026-10-05T08:00:00Z,gpt-4o,10\n"
    for name, text in (("a.csv", row * 2), ("b.csv", row * 2 + "2026-10-05T09:00:00Z,gpt-4o,10\n")):
        (tmp_path / name).write_text("time,model,input_tokens\n" + text)
    form = mappings.format_of(mappings.guess("plain", [dict.fromkeys(["time", "model", "input_tokens"])]))
    loaded = [ingest(ledger, state, [tmp_path / name], form=form)[0].loaded for name in ("a.csv", "b.csv", "a.csv")]
    assert loaded == [2, 1, 0]


def test_parquet_with_micro_dollars_and_a_time_of_its_own(ledger, state, tmp_path):
    path = tmp_path / "gateway.parquet"
    pd.DataFrame({"ts": ["05.10.2026 08:00"], "m": ["gpt-4o"], "cost": [5615], "ok": [False]}).to_parquet(path)
    body = {
        "name": "p",
        "columns": {"requested_at": "ts", "model_raw": "m", "reported_cost_usd": "cost", "status": "ok"},
        "cost_unit": "micro_usd",
        "time_format": "%d.%m.%Y %H:%M",
    }
    ingest(ledger, state, [path], form=mappings.format_of(mappings.check_mapping(body)))
    row = rows(ledger)[0]
    assert str(row["requested_at"]) == "2026-10-05 08:00:00"
    assert row["reported_cost_usd"] == Decimal("0.005615") and row["status"] == "error"


def test_a_public_trace_without_models_loads_with_a_constant(ledger, state, shared_data):
    path = shared_data / "azure" / "AzureLLMInferenceTrace_code.csv"
    guess = mappings.guess("azure trace", mappings.sample_of(ledger, path))
    assert guess.columns == {
        "requested_at": "TIMESTAMP",
        "input_tokens": "ContextTokens",
        "output_tokens": "GeneratedTokens",
    }
    form = mappings.format_of(guess.model_copy(update={"constants": {"model_raw": "gpt-4o", "provider": "azure"}}))
    report = ingest(ledger, state, [path], form=form)[0]
    assert (report.read, report.loaded, report.rejected) == (8819, 8819, 0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"columns": {"requested_at": "when", "modell": "m"}}, "did you mean model_raw"),
        ({"columns": {"model_raw": "m"}}, "point one at `requested_at`"),
        ({"columns": {"requested_at": "when"}}, "names no model, tokens or cost"),
        ({"columns": {"requested_at": "/a", "model_raw": "/a/b"}}, "point at the inner one|cannot be told apart"),
        ({"columns": {"requested_at": "Time", "model_raw": "time"}}, "cannot be told apart"),
        ({"time_zone": "Mars/Olympus"}, "no time zone"),
        ({"time_format": "%d.%Q"}, "`%Q` is no part of a date"),
        ({"cost_unit": "euros"}, "cost_unit"),
        ({"name": "'; DROP TABLE usage"}, "name"),
        ({"colums": {}}, "colums"),
    ],
)
def test_a_wrong_mapping_says_what_is_wrong(change, message):
    with pytest.raises(BadInput, match=message):
        mappings.check_mapping(BODY | change)


def test_names_that_look_like_sql_stay_names(ledger, state, tmp_path):
    path = tmp_path / "odd.csv"
    path.write_text(
        'time,"mo""del\'; --",input_tokens\n2026-10-05T08:00:00Z,gpt-4o,10\n2026-10-05T08:00:01Z,gpt-4o,11\n'
    )
    body = {
        "name": "odd",
        "columns": {"requested_at": "time", "model_raw": "mo\"del'; --", "input_tokens": "input_tokens"},
    }
    assert ingest(ledger, state, [path], form=mappings.format_of(mappings.check_mapping(body)))[0].loaded == 2


def test_an_unknown_mapping_names_the_near_one(state):
    mappings.MAPPINGS.save(state, "house gateway", BODY)
    with pytest.raises(NoData, match="did you mean house gateway"):
        mappings.load(state, "house gatway")


def test_an_empty_file_has_nothing_to_map(ledger, tmp_path):
    (tmp_path / "empty.csv").write_text("")
    with pytest.raises(Unreadable):
        mappings.sample_of(ledger, tmp_path / "empty.csv")


COMMAS = "Zeit;Modell;Eingabe;Ausgabe;Kosten;Dauer\n" + "".join(
    f"0{n}.11.2026 08:00:00;gpt-5.2;1.90{n};120;1.000,00{n};1,5\n" for n in (1, 2)
)


def test_decimal_commas_are_guessed_and_read(ledger, tmp_path):
    path = tmp_path / "deutsch.csv"
    path.write_text(COMMAS)
    mapping = mappings.guess("deutsch", mappings.sample_of(ledger, path))
    first = mappings.preview(ledger, path, mapping).iloc[0]
    assert mapping.decimal_comma and mapping.latency_unit == "s"
    assert (first["input_tokens"], float(first["reported_cost_usd"]), first["latency_ms"]) == (1901, 1000.001, 1500)


def test_a_comma_that_parts_no_thousands_never_vanishes(ledger, tmp_path):
    path = tmp_path / "deutsch.csv"
    path.write_text(COMMAS.replace("1.000,00", "0,00"))
    mapping = mappings.guess("deutsch", mappings.sample_of(ledger, path)).model_copy(update={"decimal_comma": False})
    assert mappings.preview(ledger, path, mapping)["reported_cost_usd"].isna().all()


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1252"])
def test_a_table_in_any_encoding_is_sampled_guessed_and_seen_as_it_is_loaded(encoding, emptied_ledger, state, tmp_path):
    path = tmp_path / "table.csv"
    path.write_bytes("Zeit;Modell;in;out;Geschäftsbereich\n2026-11-03 12:00;gpt-5.2;1000;100;Süd\n".encode(encoding))
    sample = mappings.sample_of(emptied_ledger, path)
    assert list(sample[0].values()) == ["2026-11-03 12:00", "gpt-5.2", "1000", "100", "Süd"]
    mapping = mappings.guess("house", sample)
    assert mapping.columns["model_raw"] == "Modell" and "Geschäftsbereich" in sample[0]
    seen = mappings.preview(emptied_ledger, path, mapping)
    assert seen["problem"].isna().all() and seen["input_tokens"].tolist() == [1000]
    assert ingest(emptied_ledger, state, [path], form=mappings.format_of(mapping))[0].loaded == 1
