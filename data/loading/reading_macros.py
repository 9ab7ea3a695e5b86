"""What the expressions of every format may use: macros of the engine, declared before records are read.

DuckDB drops the offset when it casts text to TIMESTAMP, hence `utc`: text with or without offset, or an epoch in s, ms,
us or ns, becomes naive UTC. Provider ids are those of the price catalogue.
"""

from __future__ import annotations

from data.loading import masking
from data.loading.row_problems import MOST
from data.prices import notes as price_notes
from data.sql_text import literal

QUOTE = r'\\*"'  # within a text it is escaped
NUMBER = rf"(?:{QUOTE})?(-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?)(?:{QUOTE})?"
DATE = rf"({QUOTE}[0-9TtZz:.+ -]+{QUOTE}|\d+)"
# "1.000" is a thousand where a point parts the thousands; a log that means one writes 1 or 1.0.
TWO_READINGS = "ends_with(x::VARCHAR, '.000') AND length(x::VARCHAR) <= 7 AND number(x) > 0"
GROUPED = r"[1-9]\d{0,2}(,\d{3}){1,3}"  # digits as people write them, a comma between thousands


def _typed(kind: str, value: str) -> str:
    """SQL literal of a regular expression: an object that says of its one value what kind it is."""
    return literal(rf"\{{\s*{QUOTE}\${kind}{QUOTE}\s*:\s*{value}\s*\}}")


PROVIDER_OF = f"CREATE OR REPLACE TEMP MACRO provider_of(x) AS {price_notes.provider_sql('x')}"
MACROS = (
    "CREATE OR REPLACE TEMP MACRO text_of(x) AS nullif(trim(x::VARCHAR), '')",
    # A NUL in a name breaks the catalogue's filters; most are gone before parsing (WITHOUT_NUL), some hide in JSON
    # within JSON.
    (
        "CREATE OR REPLACE TEMP MACRO clear(x) AS CASE WHEN contains(x::VARCHAR, chr(0)) THEN replace(x::VARCHAR,"
        " chr(0), '') ELSE x::VARCHAR END"
    ),
    # MongoDB's exports write a number and a date as an object of their own, also in JSON within a text.
    (
        f"CREATE OR REPLACE TEMP MACRO without_types(x) AS CASE WHEN contains(x, '$') AND contains(x, '\"$')"
        f" THEN regexp_replace(regexp_replace(x, {_typed('number(?:Int|Long|Double|Decimal)', NUMBER)}, '\\1', 'g'),"
        f" {_typed('date', DATE)}, '\\1', 'g') ELSE x END"
    ),
    "CREATE OR REPLACE TEMP MACRO number(x) AS TRY_CAST(x AS DOUBLE)",
    (
        f"CREATE OR REPLACE TEMP MACRO count_of(x) AS CASE WHEN number(x) BETWEEN 0 AND {MOST} AND floor(number(x)) ="
        f" number(x) THEN CASE WHEN {TWO_READINGS} THEN NULL ELSE number(x) END"
        f" WHEN contains(x::VARCHAR, ',') AND regexp_full_match(x::VARCHAR, '{GROUPED}')"
        " THEN number(replace(x::VARCHAR, ',', '')) END"
    ),
    "CREATE OR REPLACE TEMP MACRO amount_of(x) AS CASE WHEN number(x) >= 0 AND number(x) < 1e6 THEN number(x) END",
    (
        "CREATE OR REPLACE TEMP MACRO epoch_utc(x) AS CASE WHEN x IS NULL OR isnan(x) OR isinf(x) OR x < 0 OR x > 4e18"
        " THEN NULL WHEN x > 1e17 THEN make_timestamp((x / 1e3)::BIGINT) WHEN x > 1e14 THEN make_timestamp(x::BIGINT)"
        " WHEN x > 1e11 THEN make_timestamp((x * 1e3)::BIGINT) ELSE make_timestamp((x * 1e6)::BIGINT) END"
    ),
    # A comma before the fraction, ISO's basic form, the dates of mails.
    (
        "CREATE OR REPLACE TEMP MACRO other_utc(x) AS coalesce(make_timestamp(epoch_us(TRY_CAST(regexp_replace(x,"
        " '(:\\d\\d),(\\d)', '\\1.\\2') AS TIMESTAMPTZ))), make_timestamp(epoch_us(TRY_CAST(regexp_replace(x,"
        " '^(\\d{4})(\\d\\d)(\\d\\d)T(\\d\\d)(\\d\\d)(\\d\\d)', '\\1-\\2-\\3T\\4:\\5:\\6')"
        " AS TIMESTAMPTZ))), try_strptime(x, ['%a, %d %b %Y %H:%M:%S GMT', '%a, %d %b %Y %H:%M:%S UTC']))"
    ),
    (
        "CREATE OR REPLACE TEMP MACRO utc(x) AS coalesce(make_timestamp(epoch_us(TRY_CAST(x::VARCHAR AS TIMESTAMPTZ))),"
        # In a list, since what stands several times in a case is otherwise computed for rows that never come to it.
        " list_transform([TRY_CAST(x::VARCHAR AS DOUBLE)], lambda epoch: epoch_utc(epoch))[1], other_utc(x::VARCHAR))"
    ),
    (
        "CREATE OR REPLACE TEMP MACRO text_in_json(x) AS CASE WHEN regexp_matches(x, '^\\s*\"[\\s\"\\\\]*[{\\[]') AND"
        " json_valid(x) THEN json_extract_string(x, '$') ELSE x END"
    ),
    # JSON, or a text of it, which loggers that write JSON into JSON may have wrapped in a text once more.
    (
        "CREATE OR REPLACE TEMP MACRO json_of(x) AS CASE WHEN x IS NULL THEN NULL WHEN json_valid(x::VARCHAR) AND"
        " json_type(x::VARCHAR) = 'VARCHAR' THEN TRY_CAST(text_in_json(json_extract_string(x::VARCHAR, '$')) AS JSON)"
        " WHEN json_valid(x::VARCHAR) THEN x::VARCHAR::JSON END"
    ),
    "CREATE OR REPLACE TEMP MACRO jtext(j, path) AS nullif(json_extract_string(j, path), '')",
    PROVIDER_OF,
    (
        "CREATE OR REPLACE TEMP MACRO error_class_of(word, code) AS CASE WHEN word IS NULL AND coalesce(code, 0) < 400"
        " THEN NULL WHEN regexp_matches(lower(coalesce(word, '')), 'rate.?limit|throttl|quota|too.?many') OR code = 429"
        " THEN 'rate_limit' WHEN regexp_matches(lower(coalesce(word, '')), 'time.?out|deadline') OR code IN (408, 504)"
        " THEN 'timeout' WHEN regexp_matches(lower(coalesce(word, '')), 'context|too.?long|max.?tokens') OR code = 413"
        " THEN 'context_length' WHEN regexp_matches(lower(coalesce(word, '')),"
        " 'content.?(filter|policy)|safety|moderation|guardrail') THEN 'content_filter' WHEN"
        " regexp_matches(lower(coalesce(word, '')), 'auth|permission|forbidden|api.?key|access.?denied') OR code IN"
        " (401, 403) THEN 'auth' WHEN regexp_matches(lower(coalesce(word, '')),"
        " 'server|internal|unavailable|overloaded|connection|model.?error') OR code >= 500 THEN 'server' WHEN"
        " regexp_matches(lower(coalesce(word, '')), 'bad.?request|invalid|validation|not.?found|unsupported') OR code"
        " >= 400 THEN 'bad_request' ELSE 'other' END"
    ),
    # Calls by tool: what is no count above 0 is left out, NULL where nothing is left.
    (
        "CREATE OR REPLACE TEMP MACRO tools_of(j) AS CASE WHEN j IS NULL THEN NULL ELSE"
        " nullif(to_json(map_from_entries(list_filter(map_entries(TRY_CAST(j AS MAP(VARCHAR, BIGINT))), lambda call:"
        " call.value > 0)))::VARCHAR, '{}') END"
    ),
    masking.macro(),  # keys and passwords are masked wherever a log lets them through
)
