"""One load: files of one kind on their way into the ledger, staged, priced and committed as one snapshot.

What is checked before the writers' lock may have changed when it is held, so it is checked again under it: whether
another process has loaded the same file meanwhile, and whether the price book has changed.
"""

from __future__ import annotations

from data import dimensions, lost_rows, rollups
from data.console import Progress
from data.formats import BILLED_COLUMNS, REPORT_PLACE
from data.ledger import Cursor, Ledger
from data.loading import identity, repeated_calls, report_buckets, staging, stand_ins, unread_usage
from data.loading.attribution_rules import RULES
from data.loading.identity import GOOD
from data.loading.narrowed_format import narrow
from data.loading.recognition import Item
from data.loading.report import NAMED, Report
from data.prices.book import PriceBook
from data.schema import BILLED
from data.sql_text import literal
from data.state import State

NAMED_BATCHES = 20  # in the audit trail, of one load
FEW = 100_000  # finished rows that are held in memory until they are written


class LoadedMeanwhile(Exception):
    """Another process has loaded one of the files since this load began; nothing was written."""


class Load:
    """A group of files of one format and kind, and the temporary tables on the cursor that only this load knows.

    | table or view | made by | what it holds |
    |---|---|---|
    | `misfits` | `staging.stage` | lines that are no records |
    | `parsed`, `staged`, `log_rows` | `staging.stage` | a row per record, as its format reads it, by `row_no` |
    | `kept_texts` | `staging.stage` | prompts and answers, where asked for |
    | `unread_rows` | `unread_usage.mark` | rows with usage that no column read |
    | `resolved`, `prices`, `contract_prices` | `PriceBook.attach` | the names of the rows and their prices |
    | `readings`, `cost_readings` | `token_readings.decide` | what input and output mean, per provider and model |
    | `instants`, `known` | `identity.choose_rows` | when rows of these ids may be; those that the ledger has |
    | `repeats`, `fresh_rows` | `identity.choose_rows` | repeated ids; the rows to load |
    | `settled` | `stand_ins.settle` | calls whose stand-ins give way |
    | `moments`, `other_calls`, `new_calls`, `twice` | `repeated_calls.mark` | calls that two logs may hold |
    | `report_lines`, `report_buckets`, `restated` | `report_buckets.replace` | lines of bills, by their report |
    | `line_spans`, `held` | `report_buckets.replace` | lines that a wider bucket holds |
    | `stored_lines`, `met` | `report_buckets.tell_days_apart` | stored lines of the days; those of other parts |
    | `earlier_lines` | `report_buckets.tell_days_apart` | stored lines of the days that come again |
    | `earlier_calls` | `staging.earlier_calls` | attempts the ledger has of calls that go on here |
    | `gone_rows` | `Load` | when the rows were that this load takes away |
    | `written_rows` | `Load` | the finished rows, where they are few |
    | `counts` | `Load` | read, loaded, rejected, skipped by file |
    """

    def __init__(
        self, ledger: Ledger, state: State, cursor: Cursor, group: list[Item], progress: Progress, again: int = 0
    ):
        """`again`: how many of the files were loaded before and are meant to be loaded anew."""
        self.ledger, self.state, self.cursor, self.group, self.progress = ledger, state, cursor, group, progress
        self.form, self.again, self.gone = group[0].form, again, 0
        self.book = PriceBook.load(state)
        batches = ", ".join(literal(item.batch_id) for item in group)
        self._batch = f"[{batches}][s.file_no]"
        self._own_batches = f"batch_id IN ({batches})"

    def stage(self, *, keep_text: bool) -> None:
        """Read the files; raises what they suffer."""
        many = f"{len(self.group)} file{'s' * (len(self.group) > 1)}"
        self.progress("reading", 0.0, f"{many} of {self.form.label}")
        files = [item.file for item in self.group]
        self.form = narrow(self.cursor, files, self.form)
        staging.stage(self.cursor, files, self.form, keep_text)

    def commit(self, *, keep_text: bool, audited: bool = True) -> list[Report]:
        """Price what was staged and write it; one report per file. Raises LoadedMeanwhile and LedgerError.

        The audit trail has it before it stands: a death in between leaves an entry, no load that nobody wrote down.
        """
        if self.form.table == "usage":
            self.progress("pricing", 0.0, self.form.label)
            staging.price(self.cursor, self.form, self.book)
        self.progress("writing", 0.0, self.form.label)
        with self.ledger.write(self.cursor):
            self._check_again()
            if self.form.days:
                report_buckets.tell_days_apart(self.cursor, self.form, self.group[0].file.path)
            fresh, replaced = identity.choose_rows(self.cursor, self.form)
            if self.form.table == "usage":
                self._write_usage(fresh, replaced, keep_text)
            else:
                self._write_bills(replaced)
            self._write_rejected()
            self._write_batches()
            lost_rows.mark_found(self.cursor)
            if audited:
                self._audit(keep_text)
        return self._reports()

    def _check_again(self) -> None:
        digests = ", ".join(literal(item.digest) for item in self.group)
        loaded = self.cursor.execute(
            f"SELECT count(*) FROM lake.main.batches WHERE format = '{self.form.name}' AND digest IN ({digests})"
        ).fetchall()
        if loaded[0][0] > self.again:
            raise LoadedMeanwhile
        for table in ("batches", "rejected", "semantics") if self.again else ():
            self.cursor.execute(f"DELETE FROM lake.main.{table} WHERE {self._own_batches}")
        book = PriceBook.load(self.state)
        if book is not self.book and self.form.table == "usage":
            self.book = book
            staging.price(self.cursor, self.form, book)

    def _write_usage(self, fresh: int, replaced: int, keep_text: bool) -> None:
        execute = self.cursor.execute
        execute("""CREATE OR REPLACE TEMP TABLE gone_rows AS SELECT requested_at FROM known
               WHERE event_id IN (SELECT event_id FROM fresh_rows WHERE replaces)""")
        if replaced:
            self._delete_replaced("usage", "event_id", f"{identity.at_instants(self.cursor, 'gone_rows')} AND ")
        settled = stand_ins.settle(self.cursor, self.form) if self.form.stand_ins else 0
        staging.earlier_calls(self.cursor, self.form)
        rows = staging.ledger_rows(
            self.form, self.book, RULES.all(self.state), self._batch, dimensions.columns(self.cursor)
        )
        if fresh > FEW:
            execute(f"INSERT INTO {rollups.USAGE} BY NAME {rows}")
            written = f"{rollups.USAGE} WHERE {self._written()}"
            marked = repeated_calls.mark(self.cursor, self.form, written, rollups.USAGE)
        else:  # what is read from memory again is not asked of the lake
            execute(f"CREATE OR REPLACE TEMP TABLE written_rows AS FROM {rollups.USAGE} LIMIT 0")
            execute(f"INSERT INTO written_rows BY NAME {rows}")
            written = "written_rows"
            marked = repeated_calls.mark(self.cursor, self.form, written, written)
            execute(f"INSERT INTO {rollups.USAGE} BY NAME FROM {written}")
        identity.remember(self.cursor)
        if replaced or settled or marked:
            rollups.fold(self.cursor, "gone_rows", written)
        else:
            rollups.add(self.cursor, written)
        execute(f"""INSERT INTO lake.main.semantics SELECT '{self.form.name}', provider, model_raw, input_has_cache,
                    output_has_reasoning, verdict, evidence, records, '{self.group[0].batch_id}' FROM readings""")
        if keep_text and self.form.text_columns:
            execute("""INSERT INTO lake.main.texts SELECT * FROM kept_texts
                   WHERE event_id IN (SELECT event_id FROM fresh_rows)""")

    def _written(self) -> str:
        """A condition on usage for exactly the rows that this load has written; batch and time let the engine skip
        files."""
        first, last = self.cursor.execute(f"SELECT min(requested_at), max(requested_at) FROM {GOOD}").fetchall()[0]
        if first is None:
            return "false"
        return f"""{self._own_batches} AND requested_at BETWEEN TIMESTAMP '{first}' AND TIMESTAMP '{last}'
            AND event_id IN (SELECT event_id FROM fresh_rows)"""

    def _write_bills(self, replaced: int) -> None:
        if "bucket" in self.form.columns:
            self.gone = report_buckets.replace(self.cursor, self.form)
        elif self.form.days:
            self.gone = report_buckets.replace_days(self.cursor)
        if replaced:
            self._delete_replaced("billed", "bill_id")
        given = ", ".join(f"s.{name}" for name in BILLED_COLUMNS if name not in REPORT_PLACE)
        self.cursor.execute(f"""INSERT INTO lake.main.billed SELECT {", ".join(column.name for column in BILLED)} FROM (
                SELECT s.event_id AS bill_id, '{self.form.name}' AS source, {self._batch} AS batch_id, s.record_no,
                    {given}, CASE WHEN u.row_no IS NOT NULL THEN ['unread_usage'] END AS caveats
                FROM log_rows s SEMI JOIN fresh_rows f ON s.row_no = f.row_no
                LEFT JOIN unread_rows u ON s.row_no = u.row_no)""")

    def _delete_replaced(self, table: str, key: str, among: str = "") -> None:
        self.cursor.execute(
            f"DELETE FROM lake.main.{table} WHERE {among}{key} IN (SELECT event_id FROM fresh_rows WHERE replaces)"
        )

    def _write_rejected(self) -> None:
        self.cursor.execute(f"""INSERT INTO lake.main.rejected
                SELECT {self._batch}, s.record_no, s.reject, left(masked(s.raw), 4000) FROM (
                    SELECT file_no, record_no, reject, raw FROM log_rows WHERE skip IS NULL AND reject IS NOT NULL
                    UNION ALL FROM misfits) AS s""")

    def _write_batches(self) -> None:
        self.cursor.execute(f"CREATE OR REPLACE TEMP TABLE counts AS {COUNTS}")
        # In the text: for parameters the engine's driver loads pandas.
        files = ", ".join(
            f"({number}, {literal(item.batch_id)}, {literal(item.file.path)}, {literal(item.digest)})"
            for number, item in enumerate(self.group, start=1)
        )
        self.cursor.execute(
            f"""INSERT INTO lake.main.batches SELECT f.batch_id, f.path, {literal(self.form.name)}, f.digest,
                    now()::TIMESTAMP, coalesce(read, 0), coalesce(loaded, 0), coalesce(read - loaded - rejected, 0),
                    coalesce(rejected, 0), coalesce(skipped, 0), {literal(self.form.note)}
                FROM (VALUES {files}) AS f(file_no, batch_id, path, digest)
                LEFT JOIN counts USING (file_no) ORDER BY file_no"""
        )

    def _audit(self, keep_text: bool) -> None:
        counts = self.cursor.execute(
            "SELECT file_no, loaded FROM counts WHERE loaded + rejected > 0 ORDER BY file_no"
        ).fetchall()
        if counts:
            told = {
                "batches": [self.group[number - 1].batch_id for number, _ in counts[:NAMED_BATCHES]],
                "files": len(counts),
                "rows": sum(loaded for _, loaded in counts),
                "texts_kept": keep_text,
                "snapshot": self.ledger.snapshot() + 1,  # the one that this transaction becomes
            }
            self.state.append_audit("logs loaded", told)

    def _reports(self) -> list[Report]:
        rows = self.cursor.execute("SELECT file_no, read, rejected, skipped, loaded FROM counts").fetchall()
        counts = {number: rest for number, *rest in rows}
        rejected, skipped = self._reasons("reject"), self._reasons("skip")
        unread = unread_usage.paths(self.cursor, self.form)
        snapshot, reports = self.ledger.snapshot(), []
        for number, item in enumerate(self.group, start=1):
            read, refused, passed_over, loaded = counts.get(number, (0, 0, 0, 0))
            paths = unread.get(number, [])
            reports.append(
                Report(
                    path=str(item.file.path),
                    format=self.form.name,
                    read=read,
                    loaded=loaded,
                    duplicate=read - loaded - refused,
                    rejected=refused,
                    skipped=passed_over,
                    batch_id=item.batch_id,
                    snapshot=snapshot,
                    note=self.form.note,
                    reasons=rejected.get(number, {}),
                    skip_reasons=skipped.get(number, {}),
                    unread=paths[:NAMED],
                    unread_more=max(len(paths) - NAMED, 0),
                )
            )
        reports[-1].gone = self.gone
        return reports

    def _reasons(self, column: str) -> dict[int, dict[str, int]]:
        """By file number, the commonest reasons why records were rejected or skipped, with their counts."""
        only = "skip IS NULL AND reject IS NOT NULL" if column == "reject" else "skip IS NOT NULL"
        misfits = "UNION ALL SELECT file_no, reject FROM misfits" if column == "reject" else ""
        rows = self.cursor.execute(
            f"""SELECT file_no, {column}, count(*) FROM (SELECT file_no, {column} FROM log_rows WHERE {only} {misfits})
                GROUP BY ALL ORDER BY 3 DESC, 2"""
        ).fetchall()
        found: dict[int, dict[str, int]] = {}
        for number, reason, count in rows:
            reasons = found.setdefault(number, {})
            if len(reasons) < NAMED:
                reasons[reason] = count
        return found


COUNTS = """
SELECT file_no, sum(read)::BIGINT AS read, sum(rejected)::BIGINT AS rejected, sum(skipped)::BIGINT AS skipped,
    sum(loaded)::BIGINT AS loaded
FROM (
    SELECT file_no, count(*) FILTER (skip IS NULL) AS read,
        count(*) FILTER (skip IS NULL AND reject IS NOT NULL) AS rejected,
        count(*) FILTER (skip IS NOT NULL) AS skipped, 0 AS loaded
    FROM log_rows GROUP BY 1
    UNION ALL SELECT file_no, count(*), count(*), 0, 0 FROM misfits GROUP BY 1
    UNION ALL SELECT file_no, 0, 0, 0, count(*) FROM fresh_rows GROUP BY 1
) GROUP BY 1"""
