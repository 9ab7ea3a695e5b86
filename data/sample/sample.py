"""`python -m data sample`: write the sample company's logs under the store and load them as any other log.

The folder is named after end date, size and seed, so the same wish writes the same files and loading
them again adds nothing. Invented rows never mix with real ones: see `load`.
"""

from __future__ import annotations

import filecmp
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from data.console import Progress
from data.errors import BadInput, LedgerError, Refused
from data.invented import FOLDER, IS_SAMPLE, loaded_batches
from data.ledger import Ledger
from data.loading.ingest import ingest
from data.loading.report import Report
from data.sample.bills import PROVIDER, bill_text, billed_span
from data.sample.company import read_company
from data.sample.logs import WRITERS
from data.sample.traffic import Wish, attempts_text, plan
from data.sql_text import literal
from data.state import State

MOST_ROWS = 100_000_000
ROWS_PER_FILE = 1_000_000  # a file is ingested in one transaction


def wish(rows: int | None = None, days: int | None = None, end: date | None = None, seed: int | None = None) -> Wish:
    """A checked wish with the company's defaults; history ends before `end`, by default today (UTC).

    Raises BadInput for numbers out of range.
    """
    company = read_company()
    wanted = Wish(
        company.rows if rows is None else rows,
        company.days if days is None else days,
        end or datetime.now(UTC).date(),
        company.seed if seed is None else seed,
    )
    if not 1 <= wanted.rows <= MOST_ROWS:
        raise BadInput(f"--rows is {wanted.rows:,}; give a number from 1 to {MOST_ROWS:,}.")
    if not 1 <= wanted.days <= 2000:
        raise BadInput(f"--days is {wanted.days:,}; give a number from 1 to 2,000.")
    if not date(2020, 1, 1) < wanted.end - timedelta(wanted.days) or wanted.end > datetime.now(UTC).date() + timedelta(
        1
    ):
        raise BadInput(
            f"The history would run from {wanted.end - timedelta(wanted.days)} to {wanted.end}; keep it between 2020"
            " and today."
        )
    return wanted


def folder(ledger: Ledger, wanted: Wish) -> Path:
    """Where the files of a wish are written."""
    return ledger.home / FOLDER / f"{wanted.end}-{wanted.rows}-calls-{wanted.days}-days-seed-{wanted.seed}"


def write(ledger: Ledger, wanted: Wish, progress: Progress = lambda stage, share, note: None) -> list[Path]:
    """Write the logs and the invoice and return their paths; files of an earlier run with the same wish are
    replaced."""
    company, target = read_company(), folder(ledger, wanted)
    cursor = ledger.cursor()
    try:
        target.mkdir(parents=True, exist_ok=True)
        plan(cursor, company, wanted)
        paths = []
        parts = [(log, *span) for log in WRITERS for span in _parts(wanted)]
        for done, (log, first, last) in enumerate(parts):
            path = target / f"{log}-from-{first}.jsonl"
            progress("inventing", done / len(parts), path.name)
            rows = WRITERS[log](attempts_text(company, wanted, log, first, last))
            with ledger.explain_ailments():
                cursor.execute(f"COPY ({rows}) TO {literal(path)} (FORMAT json)")
            paths.append(path)
        if months := billed_span(wanted):
            invoice = target / f"{PROVIDER}-costs-from-{months[0]}.json"
            progress("inventing", 1.0, invoice.name)
            fresh = invoice.with_suffix(".new")
            with ledger.explain_ailments():
                cursor.execute(f"COPY ({bill_text(company, wanted, *months)}) TO {literal(fresh)} (FORMAT json)")
            if invoice.exists() and filecmp.cmp(fresh, invoice, shallow=False):
                fresh.unlink()  # a report written anew would be read again
            else:
                fresh.replace(invoice)
            paths.append(invoice)
        return [path for path in paths if path.stat().st_size]
    except OSError as error:
        raise LedgerError(
            f"The sample cannot be written to {target} ({error.strerror}); check the folder's permissions and free"
            " space."
        ) from error
    finally:
        cursor.close()


def _parts(wanted: Wish) -> Iterator[tuple[date, date]]:
    """The history cut into equal ranges of days, so that no file grows past what one transaction should hold."""
    count = 1 + wanted.rows // ROWS_PER_FILE
    cuts = [wanted.end - timedelta(wanted.days * (count - number) // count) for number in range(count + 1)]
    return zip(cuts, cuts[1:], strict=False)


def refuse_mixing(ledger: Ledger, wanted: Wish) -> None:
    """Raise Refused when the ledger holds real rows, or a sample company that is not the wished one."""
    if real := loaded_batches(ledger, f"NOT {IS_SAMPLE}"):
        raise Refused(
            f"The ledger in {ledger.home} holds {real} batches of real logs; load the sample company into a store of"
            " its own with --home DIR."
        )
    if loaded_batches(ledger, f"{IS_SAMPLE} AND NOT contains(path, '/{folder(ledger, wanted).name}/')"):
        raise Refused(
            f"The ledger in {ledger.home} already holds a sample company of another date, size or seed; use --home DIR"
            " for a second one."
        )


def load(
    ledger: Ledger, state: State, wanted: Wish, progress: Progress = lambda stage, share, note: None
) -> list[Report]:
    """Write and ingest the sample company; running it again completes or repeats the same load.

    Raises Refused (see `refuse_mixing`) and whatever ingest raises.
    """
    refuse_mixing(ledger, wanted)
    return ingest(ledger, state, write(ledger, wanted, progress), progress=progress)
