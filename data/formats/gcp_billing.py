"""Google Cloud billing export: rows of its BigQuery table for Vertex AI and the Gemini API, as JSON or CSV.

What is paid is `cost` and the (negative) credits beside it, in the account's own currency. Tokens come as `count`. A
thinking model has two output SKUs, both count. Charges that name no model (machines of Vertex AI, other services) are
passed over. Source: facts/formats2.md 13 (SKU names and units as several readers have them).
"""

from __future__ import annotations

from data.formats import Format, has

NAMES = {
    "service": ("service.description", "service_description"),
    "service_id": ("service.id", "service_id"),
    "sku": ("sku.description", "sku_description"),
    "sku_id": ("sku.id", "sku_id"),
    "started": ("usage_start_time",),
    "project": ("project.name", "project_name", "project.id", "project_id"),
    "region": ("location.region", "location_region", "location.location"),
    "amount": ("cost",),
    "currency": ("currency",),
    "quantity": ("usage.amount", "usage_amount"),
    "unit": ("usage.unit", "usage_unit"),
    "kind": ("cost_type",),
    "credit_total": ("credits_total", "credits_amount"),
    "labels": ("labels",),
    "credits": ("credits",),
}


def _column(key: str) -> str:
    """A column under its dotted name, the field it stands for, or its flat name."""
    found = []
    for name in NAMES[key]:
        found.append(f"""text_of(raw::JSON ->> '$."{name}"')""")
        if "." in name:
            found.append(f"text_of(raw::JSON ->> '$.{name}')")
    return f"coalesce({', '.join(found)}, NULL) AS {key}"


IS_SELLER = (
    "(service_id = 'C7E2-9256-1C43' OR regexp_matches(lower(service), 'vertex ai|gemini api|generative language'))"
)
WORDS = (
    "gemini|gemma|claude|llama|mistral|codestral|jamba|deepseek|qwen|imagen|veo|lyria|palm|chirp|embeddings?|tokens?"
    "|grounding|provisioned throughput"
)
NAMES_MODEL = f"regexp_matches(lower(sku), '\\b({WORDS})\\b')"
MODEL = """nullif(replace(lower(regexp_extract(sku,
    '(Gemini [0-9.]+(?: (?:Pro|Flash|Lite|Ultra|Nano|Image|Live|TTS))*)', 1)), ' ', '-'), '')"""
CREDITS = """coalesce(list_sum(list_transform(from_json(json_of(credits), '["JSON"]'),
    lambda c: TRY_CAST(c ->> 'amount' AS DECIMAL(38,12)))), TRY_CAST(credit_total AS DECIMAL(38,12)), 0)"""
SAME = ", ".join(
    f"coalesce({key}, '')" for key in ("started", "service", "sku", "sku_id", "project", "region", "kind", "labels")
)
ROWS = f"""
    SELECT *, row_number() OVER (PARTITION BY file_no, alike ORDER BY record_no) AS place, {CREDITS} AS credited
    FROM (SELECT *, CAST(utc(started) AS DATE) AS day, concat_ws(':', day, md5(concat_ws('|', {SAME}))) AS alike
          FROM (SELECT *, {", ".join(_column(key) for key in NAMES)} FROM records))"""

COLUMNS = {
    "event_key": "concat_ws(':', alike, place)",
    "alike": "alike",
    "place": "place",
    "provider": "'google'",
    "day": "day",
    "line_item": "sku",
    "model": MODEL,
    "project": "project",
    "kind": "'cost'",
    "amount": "coalesce((TRY_CAST(amount AS DECIMAL(38,12)) + credited)::VARCHAR, amount)",
    "currency": "currency",
    "quantity": "number(quantity)",
    "unit": """CASE WHEN unit = 'count' AND regexp_matches(lower(sku), 'input|output|cach|token') THEN 'tokens'
        ELSE unit END""",
    "note": """nullif(concat_ws(', ', CASE WHEN kind <> 'regular' THEN kind END,
        CASE WHEN credited <> 0 THEN 'credits of ' || credited::DOUBLE || ' taken off' END), '')""",
    "skip": f"""CASE WHEN NOT coalesce({IS_SELLER}, FALSE)
            THEN 'no charge of a language model: ' || coalesce(service, 'service not named')
        WHEN NOT coalesce({NAMES_MODEL}, FALSE) THEN 'no charge of a language model: ' || coalesce(sku, 'SKU not named')
        END""",
}

FORMATS = (
    Format(
        name="gcp_billing",
        label="Google Cloud billing export (Vertex AI and Gemini API)",
        recognise=lambda sample: (
            has(sample, "usage_start_time", "cost", "currency")
            and (
                has(sample, "sku.description") or any("sku.description" in r or "sku_description" in r for r in sample)
            )
        ),
        fields={"cost": "VARCHAR"},
        rows=ROWS,
        columns=COLUMNS,
        no_usage="a row is one charge; every other amount and quantity of it explains the billed one",
        table="billed",
        supersedes=True,
        days=True,
        order=40,
        note="Net of credits, in the billing account's currency, by UTC day.",
    ),
)
