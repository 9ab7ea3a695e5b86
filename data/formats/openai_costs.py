"""OpenAI organization costs: the amounts of the invoice, in dollars, by UTC day and line item.

A bucket may hold several rows of one line item: all of them add up. Source: openai SDK 3.52.0, admin types.
"""

from __future__ import annotations

from data.formats import Format, report_page

RESULT = {
    "object": "VARCHAR",
    "amount": {"value": "VARCHAR", "currency": "VARCHAR"},
    "line_item": "VARCHAR",
    "project_id": "VARCHAR",
    "api_key_id": "VARCHAR",
    "quantity": "VARCHAR",
    "quantity_unit": "VARCHAR",
}

# The number among rows of one name keeps each of them; it is the same in every export of that bucket.
SAME = "started, r.line_item, r.project_id, r.api_key_id, others"
ROWS = f"""SELECT *, row_number() OVER (PARTITION BY file_no, record_no, {SAME} ORDER BY place) AS namesake
FROM ({report_page.rows("start_time", "end_time", RESULT)})"""

COLUMNS = {
    "event_key": f"concat_ws(':', {SAME}, namesake)",
    **report_page.PLACE,
    "account": report_page.ORGANIZATION,
    "skip": report_page.EMPTY,
    "provider": "'openai'",
    "day": "CAST(utc(started) AS DATE)",
    "line_item": "r.line_item",
    # "gpt-5, input_tokens" names the model; "Code interpreter" does not.
    "model": "CASE WHEN r.line_item LIKE '%, %' THEN trim(split_part(r.line_item, ',', 1)) END",
    "project": "r.project_id",
    "kind": "'cost'",
    "amount": "r.amount.value",
    "currency": "r.amount.currency",
    "quantity": "r.quantity",
    "unit": "r.quantity_unit",
}


FORMATS = (
    Format(
        name="openai_costs",
        label="OpenAI organization costs",
        recognise=lambda sample: any(
            r.get("object") == "organization.costs.result" for r in report_page.results(sample)
        ),
        fields=report_page.fields("start_time", "end_time"),
        rows=report_page.with_record_numbers(ROWS, "place"),
        columns=COLUMNS,
        table="billed",
        no_usage="amounts of money alone, each of which is a line of the bill",
        supersedes=True,
        documents=True,
        order=40,
        note="UTC days. The usage API agrees with these amounts only approximately; the costs are the invoice's truth.",
    ),
)
