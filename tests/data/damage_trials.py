"""Load damaged files as one folder and collect everything that is wrong with what came of them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from data.errors import BatonError
from data.loading.report import Report
from tests.data.bad_logs import Store, accounted, one_sentence, write
from tests.data.record_counts import ONE_TO_ONE, records_in

ALL = -1  # the number of a fault that no single file is known to have


@dataclass
class Trial:
    """What was read of the files, of which formats, and each fault with the number of its file."""

    sums: Counter[str] = field(default_factory=Counter)
    formats: Counter[str] = field(default_factory=Counter)
    faults: list[tuple[int, str]] = field(default_factory=list)

    def add(self, other: Trial, shift: int = 0) -> None:
        self.sums += other.sums
        self.formats += other.formats
        self.faults += [(number if number == ALL else number + shift, told) for number, told in other.faults]


def load_damaged(store: Store, folder: Path, files: list[bytes]) -> Trial:
    """Load the files and compare the reports with the files and with the ledger.

    Where the load itself breaks, the files are loaded again by halves, in stores of their own, until the one that
    breaks it is found.
    """
    for number, content in enumerate(files):
        write(folder / f"{number:05}.log", content)
    before = {table: store.count(table) for table in ("usage", "rejected", "billed")}
    try:
        reports = store.load(folder)
    except BatonError as refusal:
        told = [] if one_sentence(str(refusal)) else [(ALL, f"no sentence: {refusal}")]
        return Trial(Counter(files=len(files), refused=len(files)), faults=told)
    except Exception as error:
        return _by_halves(store, folder, files, error)
    trial = Trial(Counter(files=len(files)))
    if len(reports) != len(files):
        trial.faults.append((ALL, f"{len(reports)} reports of {len(files)} files"))
    for number, (content, report) in enumerate(zip(files, reports, strict=False)):
        trial.faults += [(number, f"{told}: {report}") for told in _wrong(content, report)]
        trial.formats[report.format] += bool(report.format)
        trial.sums.update(
            {name: getattr(report, name) for name in ("read", "loaded", "duplicate", "rejected", "skipped")}
        )
        trial.sums["refused"] += bool(report.error)
        trial.sums["counted"] += _counted(content, report) is not None
    added = {table: store.count(table) - was for table, was in before.items()}
    trial.faults += [(ALL, told) for told in _disagreements(store, added, trial.sums)]
    return trial


def _by_halves(store: Store, folder: Path, files: list[bytes], error: Exception) -> Trial:
    if len(files) == 1:
        return Trial(Counter(files=1), faults=[(0, f"{type(error).__name__}: {error}")])
    whole, middle = Trial(), len(files) // 2
    for name, shift, half in (("a", 0, files[:middle]), ("b", middle, files[middle:])):
        part = Store(store.home / name)
        whole.add(load_damaged(part, folder / name, half), shift)
        part.ledger.close()
    if not whole.faults:
        whole.faults.append((ALL, f"only together: {type(error).__name__}: {error}"))
    return whole


def _counted(content: bytes, report: Report) -> int | None:
    return records_in(content) if report.format in ONE_TO_ONE else None


def _wrong(content: bytes, report: Report) -> list[str]:
    held = _counted(content, report)
    claims = {
        "neither read nor refused, or both": bool(report.error) == bool(report.format),
        "refused in no sentence": report.error and not one_sentence(report.error),
        "loaded + duplicate + rejected is not what was read": not accounted(report),
        f"holds {held} records": held is not None and report.read + report.skipped != held,
    }
    return [told for told, wrong in claims.items() if wrong]


def _disagreements(store: Store, added: dict[str, int], sums: Counter[str]) -> list[str]:
    """Where the ledger and the reports, or the rows and the roll-up, say different things.

    A format that supersedes counts a replaced row as loaded although the ledger does not grow by it.
    """
    days = store.ledger.sql(f"""SELECT coalesce(sum(attempts), 0) AS n, coalesce(sum(cost_usd), 0) AS usd
                                FROM {store.ledger.name("spend_by_day")}""").iloc[0]
    rows = store.ledger.sql(f"""SELECT count(*) AS n, count(DISTINCT event_id) AS ids, coalesce(sum(cost_usd), 0) AS usd
                                FROM {store.ledger.name("usage")}""").iloc[0]
    claims = {
        f"added {added}, reported {dict(sums)}": added["usage"] + added["billed"] > sums["loaded"]
        or added["rejected"] != sums["rejected"],
        f"{rows['n']} rows, {rows['ids']} ids": rows["n"] != rows["ids"],
        f"rows {rows['n']} ${rows['usd']}, roll-up {days['n']} ${days['usd']}": rows["n"] != days["n"]
        or rows["usd"] != days["usd"],
    }
    return [told for told, wrong in claims.items() if wrong]
