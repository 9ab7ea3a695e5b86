"""What is wrong with a record, as SQL: the first thing that keeps it from being a row, in a sentence."""

from __future__ import annotations

from data.formats import Format

EARLIEST = "TIMESTAMP '2020-01-01'"


MOST = 10**12  # no request has a trillion tokens
MISSING = "('nan', 'none', 'null', '<na>', 'n/a')"  # how tables of other programs write that a cell is empty


def usage_problems(form: Format) -> str:
    """SQL that names the first thing wrong with a record, or NULL."""
    cases = [
        f"WHEN {name}_number IS NULL AND lower(text_of({name})) NOT IN {MISSING} THEN '{name} is ' ||"
        f" left({name}::VARCHAR, 40) || ', not a count'"
        for name in ESSENTIAL
        if name in form.columns
    ]
    cases += [
        "WHEN requested_at IS NULL THEN 'the time of the request is missing or cannot be read'",
        (
            f"WHEN requested_at < {EARLIEST} OR requested_at > now()::TIMESTAMP + INTERVAL 2 DAY THEN 'the time of the"
            " request is ' || requested_at::VARCHAR || ', outside 2020 to today'"
        ),
        (
            "WHEN text_of(model_raw) IS NULL AND text_of(input_tokens) IS NULL AND text_of(output_tokens) IS NULL AND"
            " text_of(reported_cost_usd) IS NULL THEN 'it names no model, no tokens and no cost'"
        ),
    ]
    return f"CASE {' '.join(cases)} END"


def billed_problems() -> str:
    return (
        "CASE WHEN TRY_CAST(day AS DATE) IS NULL THEN 'the day of the charge is missing or cannot be read' WHEN"
        " text_of(amount) IS NOT NULL AND TRY_CAST(amount AS DECIMAL(38,12)) IS NULL THEN 'the amount is ' ||"
        " left(amount::VARCHAR, 40) || ', not a number' WHEN text_of(amount) IS NOT NULL AND text_of(currency) IS NULL"
        " THEN 'the amount has no currency' WHEN text_of(amount) IS NULL AND number(quantity) IS NULL THEN 'it has"
        " neither an amount nor a quantity' END"
    )


ESSENTIAL = ("input_tokens", "output_tokens")  # any other number that is none costs itself and a caveat, not the row
