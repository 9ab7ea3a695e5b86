"""Anthropic cost report (Admin API): amounts are decimal strings in CENTS, by UTC day.

Priority Tier never appears in it. Source: platform.claude.com, cost_report.
"""

from __future__ import annotations

from data.formats import Format, report_page

RESULT = {
    name: "VARCHAR"
    for name in (
        "amount",
        "currency",
        "cost_type",
        "description",
        "model",
        "service_tier",
        "token_type",
        "context_window",
        "inference_geo",
        "workspace_id",
    )
}
SAME = (
    "started, r.workspace_id, r.cost_type, r.description, r.model, r.service_tier, r.token_type, r.context_window,"
    " r.inference_geo, others"
)

ROWS = f"""SELECT *, row_number() OVER (PARTITION BY file_no, record_no, {SAME} ORDER BY place) AS namesake
FROM ({report_page.rows("starting_at", "ending_at", RESULT)})"""

COLUMNS = {
    "event_key": f"concat_ws(':', {SAME}, namesake)",
    **report_page.PLACE,
    "skip": report_page.EMPTY,
    "provider": "'anthropic'",
    "day": "CAST(utc(started) AS DATE)",
    "line_item": "coalesce(text_of(r.description), text_of(concat_ws(', ', r.model, r.token_type)), r.cost_type)",
    "model": "r.model",
    "project": "coalesce(r.workspace_id, 'default')",
    "kind": "'cost'",
    # Cents become dollars exactly; text that is no number is left for the rejects.
    "amount": "coalesce(CAST(TRY_CAST(r.amount AS DECIMAL(30,10)) * 0.01::DECIMAL(2,2) AS VARCHAR), r.amount)",
    "currency": "coalesce(r.currency, 'USD')",
    "note": "CASE WHEN r.cost_type <> 'tokens' THEN r.cost_type || ': no tokens of its own' END",
}


FORMATS = (
    Format(
        name="anthropic_costs",
        label="Anthropic cost report",
        recognise=lambda sample: any({"amount", "cost_type"} <= r.keys() for r in report_page.results(sample)),
        fields=report_page.fields("starting_at", "ending_at"),
        rows=report_page.with_record_numbers(ROWS, "place"),
        columns=COLUMNS,
        table="billed",
        no_usage="amounts of money alone, each of which is a line of the bill",
        supersedes=True,
        documents=True,
        order=40,
        note="UTC days, amounts in cents. Priority Tier cost never appears in this report.",
    ),
)
