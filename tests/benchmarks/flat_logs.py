"""Flat logs of any size, in the four ways that companies keep them, and the engine's bare way of reading each.

Spread over 180 days, 400 users, three models.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import duckdb

REQUESTS = """
    SELECT 'req-' || i AS request_id, 'res-' || i AS response_id,
        strftime(TIMESTAMP '2026-05-01' + to_milliseconds((i * 15552000000 // {rows})::BIGINT),
            '%Y-%m-%dT%H:%M:%S.%gZ') AS request_created_at,
        CASE WHEN hash(i, 1) % 100 = 0 THEN 429 ELSE 200 END AS response_status, ['OPENAI', 'DEEPSEEK',
            'MINIMAX'][1 + (i % 3)::INTEGER] AS provider,
        ['gpt-5.2', 'deepseek-v3.2', 'minimax-m2'][1 + (i % 3)::INTEGER] AS model, 'user-' || hash(i,
            2) % 400 AS request_user_id,
        500 + hash(i, 3) % 4000 AS prompt_tokens, hash(i, 4) % 500 AS prompt_cache_read_tokens, 50 + hash(i,
            5) % 800 AS completion_tokens,
        prompt_tokens + completion_tokens AS total_tokens, 300 + hash(i, 6) % 9000 AS delay_ms, 100 + hash(i,
            7) % 200 AS time_to_first_token
    FROM range({rows}) AS t(i)"""

# The columns of a proxy's table as `COPY ... TO` dumps them; `metadata` is an object of its own.
SPEND_LOGS = f"""
    SELECT request_id, 'acompletion' AS call_type, round(total_tokens * 1e-6, 8) AS spend, total_tokens, prompt_tokens,
        completion_tokens, replace(request_created_at, 'Z', '') AS "startTime",
        strftime(strptime(request_created_at, '%Y-%m-%dT%H:%M:%S.%gZ') + to_milliseconds(delay_ms::BIGINT),
            '%Y-%m-%dT%H:%M:%S.%g') AS "endTime",
        model, lower(provider) AS custom_llm_provider, request_user_id AS "user",
        CASE WHEN response_status = 200 THEN 'success' ELSE 'failure' END AS status,
        {{'attempted_retries': 0, 'user_api_key_team_alias': 'team-' || right(request_user_id, 1), 'usage_object':
            {{'prompt_tokens': prompt_tokens, 'completion_tokens': completion_tokens, 'total_tokens': total_tokens,
            'prompt_tokens_details': {{'cached_tokens': prompt_cache_read_tokens}}}}}} AS metadata
    FROM ({REQUESTS})"""


COLUMNS = """request_id, response_id, request_created_at, response_status, provider, model, request_user_id,
    prompt_tokens, prompt_cache_read_tokens, completion_tokens, delay_ms, time_to_first_token"""
DECLARED = ", ".join(f"{name.strip()}: 'VARCHAR'" for name in COLUMNS.split(","))
DUMPED = """request_id: 'VARCHAR', spend: 'VARCHAR', "startTime": 'VARCHAR', "endTime": 'VARCHAR', model: 'VARCHAR',
    custom_llm_provider: 'VARCHAR', "user": 'VARCHAR', status: 'VARCHAR', prompt_tokens: 'VARCHAR',
    completion_tokens: 'VARCHAR', metadata: 'STRUCT(user_api_key_team_alias VARCHAR,
    usage_object STRUCT(prompt_tokens_details STRUCT(cached_tokens VARCHAR)))'"""
LINES = "format = 'newline_delimited'"
# One statement does a ledger's work by hand, for this one log: columns typed, each id once, priced, written by month.
EQUAL_WORK = """COPY (
    WITH named AS ({named}), typed AS (
        SELECT id, try_cast(sent AS TIMESTAMP) AS requested_at, lower(provider) AS provider, model, who,
            try_cast(prompt AS BIGINT) AS input_tokens, coalesce(try_cast(cached AS BIGINT), 0) AS cache_read_tokens,
            try_cast(completion AS BIGINT) AS output_tokens, status, try_cast(latency_ms AS DOUBLE) AS latency_ms
        FROM named),
    book(model, input_usd, cached_usd, output_usd) AS (VALUES ('gpt-5.2', 1.75e-6, 1.75e-7, 1.4e-5),
        ('deepseek-v3.2', 2.8e-7, 2.8e-8, 4.2e-7), ('minimax-m2', 3e-7, 3e-8, 1.2e-6))
    SELECT any_value(COLUMNS(typed.* EXCLUDE (id))), id, any_value(((input_tokens - cache_read_tokens) * input_usd
        + cache_read_tokens * cached_usd + output_tokens * output_usd)::DECIMAL(18, 12)) AS cost_usd,
        any_value(year(requested_at)) AS year, any_value(month(requested_at)) AS month
    FROM typed LEFT JOIN book USING (model) GROUP BY id
) TO '{folder}' (FORMAT parquet, PARTITION_BY (year, month))"""


@dataclass(frozen=True)
class Log:
    """How a log is written, how the engine alone reads it into a table, and its columns under common names."""

    name: str
    rows: str
    written: str
    read: str
    named: str

    def write(self, path: Path, rows: int) -> None:
        """A log of `rows` requests."""
        duckdb.connect().execute(f"COPY ({self.rows.replace('{rows}', str(rows))}) TO '{path}' ({self.written})")

    def bare(self, path: Path) -> str:
        """The engine's own reading of it into a table."""
        return f"CREATE TABLE t AS FROM {self.read.replace('{path}', str(path))}"

    def equal_work(self, path: Path, folder: Path) -> str:
        """What a ledger does with it, by hand, into a folder."""
        named = self.named.replace("{path}", str(path))
        return EQUAL_WORK.replace("{named}", named).replace("{folder}", str(folder))


FLAT = """SELECT coalesce(request_id, response_id) AS id, request_created_at AS sent, provider, model,
    request_user_id AS who, prompt_tokens AS prompt, prompt_cache_read_tokens AS cached,
    completion_tokens AS completion, response_status AS status, delay_ms AS latency_ms FROM """
TABLE = """SELECT request_id AS id, "startTime" AS sent, custom_llm_provider AS provider, model, "user" AS who,
    prompt_tokens AS prompt, metadata.usage_object.prompt_tokens_details.cached_tokens AS cached,
    completion_tokens AS completion, status, epoch_ms(try_cast("endTime" AS TIMESTAMP)
    - try_cast("startTime" AS TIMESTAMP)) AS latency_ms FROM """

LOGS = {
    "jsonl": Log(
        "flat JSON lines",
        REQUESTS,
        "FORMAT json",
        "read_json('{path}')",
        FLAT + f"read_json('{{path}}', {LINES}, columns = {{{DECLARED}}})",
    ),
    "csv": Log("CSV", REQUESTS, "FORMAT csv, HEADER", "read_csv('{path}')", FLAT + "read_csv('{path}')"),
    "parquet": Log("Parquet", REQUESTS, "FORMAT parquet", "read_parquet('{path}')", FLAT + "read_parquet('{path}')"),
    "litellm": Log(
        "LiteLLM dump, JSON lines",
        SPEND_LOGS,
        "FORMAT json",
        "read_json('{path}')",
        TABLE + f"read_json('{{path}}', {LINES}, columns = {{{DUMPED}}})",
    ),
}
