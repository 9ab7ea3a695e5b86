"""What became of the files that were loaded: the batches, the records set aside, and how token counts were read."""

from __future__ import annotations

from datetime import datetime

import pandas as pd

from data.ledger import Ledger

SET_ASIDE_SHOWN = 1000


def batches(view: Ledger) -> pd.DataFrame:
    """Every file that was read, the newest first, with its counts; `file` is the last part of its path."""
    return view.sql(
        f"""SELECT ingested_at, regexp_extract(path, '[^/]*$') AS file, format, read, loaded, duplicate, rejected,
            skipped, note, batch_id
        FROM {view.name("batches")} ORDER BY ingested_at DESC, batch_id"""
    )


def last_load(view: Ledger) -> datetime | None:
    """When the last file was loaded (UTC), or None."""
    at = view.sql(f"SELECT max(ingested_at) AS at FROM {view.name('batches')}")["at"][0]
    return None if pd.isna(at) else pd.Timestamp(at).to_pydatetime()


def set_aside(view: Ledger) -> pd.DataFrame:
    """The first records that could not be used: `reason, batch_id, record_no, record`, keys masked."""
    return view.sql(
        f"""SELECT reason, batch_id, record_no, record FROM {view.name("rejected")}
        ORDER BY batch_id, record_no LIMIT {SET_ASIDE_SHOWN}"""
    )


def token_readings(view: Ledger) -> pd.DataFrame:
    """How token counts were read where the log does not say: `verdict`, `evidence` and `records` per model."""
    return view.sql(
        f"""SELECT source, provider, model, input_has_cache, output_has_reasoning, verdict, evidence,
            sum(records)::BIGINT AS records
        FROM {view.name("semantics")} GROUP BY ALL ORDER BY records DESC"""
    )
