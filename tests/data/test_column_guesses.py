"""What columns mean, by name and by value: files seen nowhere before are cases, a wrong value is no guess."""

from __future__ import annotations

import pytest

from data.loading import column_guesses
from data.loading.column_guesses import kind

HOUSE = {
    "when": [f"2026-11-2{i}T08:00:00Z" for i in range(6)],
    "llm": ["gpt-5.2", "claude-sonnet-4-5", "gpt-5.2", "deepseek-v3.2", "gpt-5.2", "gpt-4o"],
    "in": ["900", "937", "974", "1011", "1048", "1085"],
    "out": ["120", "131", "142", "153", "164", "175"],
    "usd": ["0.0021", "0.0025", "0.0029", "0.0033", "0.0037", "0.0041"],
    "squad": ["search", "ads", "search", "core", "ads", "core"],
}
GERMAN = {
    "Zeitpunkt": ["31.10.2026 10:00", "31.10.2026 11:00"],
    "Modell": ["gpt-4o", "claude-sonnet-4-5"],
    "x": ["20", "22"],
    "y": ["900", "950"],
}
CAMEL = {
    "reqAt": ["1764200000", "1764200060"],
    "engineUsed": ["gpt-4o", "gpt-4o"],
    "promptTok": ["12", "15"],
    "complTok": ["3", "4"],
    "chargedAmount": ["$0.01", "$0.02"],
    "time": ["0.81", "1.20"],
}
COMMAS = {  # numbers as 1.234,5; euros are no dollars, so that nobody guesses a cost
    "Zeitstempel": ["01.11.2026 08:00:00", "02.11.2026 08:00:00"],
    "Modell": ["gpt-5.2", "gpt-5.2"],
    "Eingabetoken": ["1.900", "1.901"],
    "Ausgabetoken": ["120", "121"],
    "Kosten (EUR)": ["0,0021", "0,0022"],
    "Dauer (s)": ["1,0", "1,1"],
}
FRENCH = {
    "Horodatage": ["2026-11-01 08:00:00", "2026-11-02 08:00:00"],
    "Modèle": ["claude-sonnet-4-5", "claude-sonnet-4-5"],
    "Jetons entrée": ["900", "901"],
    "Jetons sortie": ["120", "121"],
    "Coût": ["0,0021", "0,0022"],
    "Équipe": ["Recherche", "Ventes"],
}
REPORTED = {  # a count of requests is no count of tokens
    "Day": ["2026-11-20", "2026-11-21"],
    "provider/model": ["openai/gpt-5.2", "anthropic/claude-sonnet-4-5"],
    "Total tokens": ["9000", "9001"],
    "Request count": ["12", "13"],
    "micros": ["2100", "2101"],
}
CASES = [
    (
        COMMAS,
        {
            "requested_at": "Zeitstempel",
            "model_raw": "Modell",
            "input_tokens": "Eingabetoken",
            "output_tokens": "Ausgabetoken",
            "latency_ms": "Dauer (s)",
        },
    ),
    (
        FRENCH,
        {
            "requested_at": "Horodatage",
            "model_raw": "Modèle",
            "input_tokens": "Jetons entrée",
            "output_tokens": "Jetons sortie",
            "reported_cost_usd": "Coût",
            "team": "Équipe",
        },
    ),
    (
        REPORTED,
        {
            "requested_at": "Day",
            "model_raw": "provider/model",
            "total_tokens": "Total tokens",
            "reported_cost_usd": "micros",
        },
    ),
    (
        HOUSE,
        {
            "requested_at": "when",
            "model_raw": "llm",
            "input_tokens": "in",
            "output_tokens": "out",
            "reported_cost_usd": "usd",
            "team": "squad",
        },
    ),
    (GERMAN, {"requested_at": "Zeitpunkt", "model_raw": "Modell", "input_tokens": "y", "output_tokens": "x"}),
    (
        CAMEL,
        {
            "requested_at": "reqAt",
            "model_raw": "engineUsed",
            "input_tokens": "promptTok",
            "output_tokens": "complTok",
            "reported_cost_usd": "chargedAmount",
        },
    ),
]


def records(columns: dict[str, list[str]]) -> list[dict]:
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


@pytest.mark.parametrize(
    ("columns", "expected"), CASES, ids=["commas", "french", "reported", "house", "german", "camel"]
)
def test_a_file_is_guessed_whole(columns, expected):
    found = column_guesses.guesses(records(columns))
    assert {target: guess.source for target, guess in found.items()} == expected


def test_a_name_whose_values_do_not_fit_is_no_guess():
    found = column_guesses.guesses(
        records({"time": ["0.8", "0.9"], "model": ["3.5", "4.5"], "tokens": ["many", "few"]})
    )
    assert not found


def test_a_guess_says_why():
    found = column_guesses.guesses(records(HOUSE))
    assert found["model_raw"].reason == "by its name and values"
    assert found["team"].reason == "by its name"
    assert "larger" in column_guesses.guesses(records(GERMAN))["input_tokens"].reason


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([], "empty"),
        (["2026-11-20", "2026-11-21"], "time"),
        (["1764200000", "1764200060"], "time"),
        (["31.10.2026 10:00"], "time"),
        (["1", "2"], "count"),
        (["1,024", "2,048"], "count"),
        (["-1", "2"], "number"),
        (["$0.25", "0.5"], "number"),
        (["gpt-4o", "claude-sonnet-4-5"], "model"),
        (["success", "error"], "status"),
        (["tr-1", "tr-2"], "id"),
        (["search", "ads", "search"], "words"),
    ],
)
def test_values_have_a_kind(values, expected):
    assert kind(values) == expected


@pytest.mark.parametrize(
    ("values", "comma"),
    [
        (["0,0021"], True),
        (["1.234,5"], True),
        (["12,50", "3"], True),
        (["1,234"], False),  # thousands, or a fraction of three digits
        (["1,234", "0,5"], True),
        (["1,234.5", "0,5"], False),
        (["1.900"], False),
    ],
)
def test_numbers_with_a_comma_are_told_where_nothing_else_can_be_meant(values, comma):
    assert column_guesses.decimal_comma({"n": values}) == comma


@pytest.mark.parametrize(
    ("source", "values", "seconds"),
    [
        ("Latency (sec)", ["1.0"], True),
        ("latency", ["0.81", "1.2"], True),
        ("latency", ["810", "1200"], False),
        ("latency_ms", ["0.81", "1.2"], False),
        ("Dauer (s)", ["1,0"], True),
        ("duration_seconds", ["3"], True),
    ],
)
def test_waits_in_seconds_are_told_by_name_or_size(source, values, seconds):
    assert column_guesses.in_seconds(source, values) == seconds


def test_a_date_that_could_be_read_two_ways_is_left_to_the_operator():
    assert column_guesses.time_format(["31/10/2026 10:00"]) == "%d/%m/%Y %H:%M"
    assert column_guesses.time_format(["10/11/2026 10:00"]) is None
    assert kind(["10/11/2026 10:00"]) != "time"
