"""LiteLLM's daily activity by its API (`/user/daily/activity`, and the same of teams, tags and customers).

Every breakdown of a day is another view of the same money: the one by model is read, and the day's own figures only
where it has none. Prompt tokens hold the cache. Source: litellm 1.110.2 `DailySpendData`, and an older answer whose
figures stand directly under the model's name (facts/formats2.md 10).
"""

from __future__ import annotations

from data.formats import Format, UsageObject, has, litellm_daily, report_page

NAMES = (
    "spend",
    "prompt_tokens",
    "completion_tokens",
    "cache_read_input_tokens",
    "cache_creation_input_tokens",
    "api_requests",
    "failed_requests",
)
METRICS = {name: "VARCHAR" for name in NAMES}
REPORT_DAY = {
    "date": "VARCHAR",
    "metrics": METRICS,
    "breakdown": {"models": "MAP(VARCHAR, JSON)", "providers": "MAP(VARCHAR, JSON)"},
}
FIELDS = {"results": [REPORT_DAY], "metadata": {"page": "INTEGER", "total_pages": "INTEGER"}} | REPORT_DAY

_shape = ", ".join(f'"{name}": "VARCHAR"' for name in NAMES)
# A page of days, or a day alone; then one row per model of the day.
DAYS = """SELECT file_no, record_no, path, raw, unnest(coalesce(d.results, [{'date': d.date, 'metrics': d.metrics,
    'breakdown': d.breakdown}])) AS r, unnest(coalesce(from_json(raw::JSON -> 'results', '["JSON"]'),
    [raw::JSON])) AS told, CASE WHEN d.metadata.total_pages > 1 THEN d.metadata.page END AS page
    FROM records"""
MODELS = f"""SELECT * EXCLUDE found, found.key AS model, coalesce(found.value -> 'metrics', found.value) AS counted,
        CASE WHEN found IS NULL THEN r.metrics
             ELSE json_transform(counted, '{{{_shape}}}') END AS d
    FROM (SELECT *, unnest(CASE WHEN len(map_entries(r.breakdown.models)) > 0 THEN map_entries(r.breakdown.models)
            ELSE [NULL] END) AS found, generate_subscripts(CASE WHEN len(map_entries(r.breakdown.models)) > 0
            THEN map_entries(r.breakdown.models) ELSE [NULL] END, 1) AS place FROM ({DAYS}))"""
SAME = "r.date, model, page"
TOLD = report_page.told_apart(MODELS, SAME, ("date",), "told", "counted")
APART = f"""SELECT *, sum(number(d.spend)) OVER (PARTITION BY file_no, record_no, r.date, namesake) AS spent
    FROM ({TOLD})"""
PROVIDERS = "map_keys(r.breakdown.providers)"

COLUMNS = {
    "event_key": "concat_ws(':', r.date, model, line.item, page, namesake)",
    "provider": f"""provider_of(CASE WHEN contains(model, '/') THEN split_part(model, '/', 1)
        WHEN len({PROVIDERS}) = 1 THEN {PROVIDERS}[1] END)""",
    "day": "CAST(utc(r.date) AS DATE)",
    "line_item": "line.item",
    "model": "text_of(model)",
    **{name: litellm_daily.COLUMNS[name] for name in ("kind", "amount", "currency", "quantity", "unit", "skip")},
    "note": f"""CASE WHEN line.item = 'spend' AND number(r.metrics.spend) > 1.01 * spent
            THEN 'the day''s own total is $' || r.metrics.spend || ', its models add up to $' || spent
        ELSE {litellm_daily.COLUMNS["note"]} END""",
}
KNOWN = METRICS | dict.fromkeys(("successful_requests", "total_tokens"), "VARCHAR")

FORMATS = (
    Format(
        name="litellm_activity",
        label="LiteLLM daily activity (API)",
        recognise=lambda sample: has(sample, "date", "metrics.spend", "breakdown")
        or has([r for s in sample for r in (s.get("results") or []) if isinstance(r, dict)], "date", "metrics.spend"),
        fields=FIELDS,
        rows=report_page.with_record_numbers(report_page.lines(litellm_daily.COUNTS, APART), "r.date, place, line.n"),
        columns=COLUMNS,
        usage=(UsageObject("CASE WHEN line.n = 1 THEN counted END", KNOWN, litellm_daily.SAVED, "metrics"),),
        table="billed",
        supersedes=True,
        days=True,
        documents=True,
        order=40,
        note=(
            "UTC days that cannot be moved to another time zone. Users, teams and tags repeat each other: load one,"
            " with all of its pages."
        ),
    ),
)
