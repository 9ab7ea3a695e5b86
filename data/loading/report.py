"""What a load is said to have done: a line per file and the total, as a table or as JSON."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from data import caveats, console
from data.errors import BadInput
from data.ledger import Ledger
from data.loading.unread_usage import UnreadPath

COUNTS = ("read", "loaded", "duplicate", "rejected", "skipped")
NAMED = 10  # reasons and paths that a report names
MANY = 40  # files: above it a table has a line for each format, not for each file
ALREADY_LOADED = "already loaded"


@dataclass
class Report:
    """What became of one file. loaded + duplicate + rejected = read; skipped records carry no usage."""

    path: str
    format: str = ""
    read: int = 0
    loaded: int = 0
    duplicate: int = 0
    rejected: int = 0
    skipped: int = 0
    batch_id: str = ""
    snapshot: int = 0
    note: str = ""
    error: str = ""
    is_same_file: bool = False  # as another one of this load: the error says which
    unknown: bool = False  # no format recognises the content: a mapping may read it
    reasons: dict[str, int] = field(default_factory=dict)  # why records were rejected
    gone: int = 0  # bill lines that an earlier report had and this one has not any more
    skip_reasons: dict[str, int] = field(default_factory=dict)  # why records carry no usage of their own
    unread: list[UnreadPath] = field(default_factory=list)  # usage nobody read, in the rows loaded; most rows first
    unread_more: int = 0  # further paths that are not named

    @property
    def gone_words(self) -> str:
        """What the newer report took away, in a sentence."""
        many = self.gone != 1
        return (
            f"{self.gone:,} line{'s' * many} of an earlier report {'are' if many else 'is'} gone, since this one has"
            f" {'them' if many else 'it'} no more."
        )

    @property
    def was_loaded(self) -> bool:
        """Whether an earlier load has brought this very file."""
        return self.note == ALREADY_LOADED

    @property
    def came_to_nothing(self) -> bool:
        """Whether a file that was read for the first time has nothing that the ledger could take or has already."""
        return not (self.error or self.loaded or self.duplicate or self.gone or self.was_loaded)

    @property
    def nothing_loaded(self) -> str:
        """Why a file that was read added no row, in a sentence; "" where it added some or was refused."""
        if self.error or self.loaded or self.gone:
            return ""
        name = Path(self.path).name
        if self.was_loaded:
            return f"{name}: this file was loaded before; nothing is counted twice."
        parts = [
            f"{self.duplicate:,} already in the ledger" if self.duplicate else "",
            f"{self.rejected:,} rejected" if self.rejected else "",
            *(f"{count:,} skipped ({reason})" for reason, count in self.skip_reasons.items()),
        ]
        return f"{name}: nothing was loaded; {', '.join(filter(None, parts)) or 'it holds no records'}."


def print_reports(reports: list[Report], ledger: Ledger, *, as_json: bool) -> None:
    """Print what became of each file; raises BadInput when nothing came of any, so that a script sees it too."""
    total = {name: sum(getattr(r, name) for r in reports) for name in COUNTS}
    if as_json:
        console.emit_json(
            {
                "files": [_plain(report) for report in reports],
                **total,
                "format": _one_of([r.format for r in reports]),
                "batch_id": _one_of([r.batch_id for r in reports]),
                "snapshot": ledger.snapshot(),
                **caveats.summary(ledger),
            }
        )
    else:
        _print(reports, total)
        console.say(caveats.sentence(ledger))
    for report in reports:
        if report.error or as_json and report.came_to_nothing:
            print(report.error or report.nothing_loaded, file=sys.stderr)
    if all(r.error or r.came_to_nothing for r in reports):
        raise BadInput("Nothing was loaded.")


def _plain(report: Report) -> dict[str, object]:
    return {
        **{name: None if value == "" else value for name, value in vars(report).items()},
        "unread": [path._asdict() for path in report.unread],
        "nothing_loaded": report.nothing_loaded or None,
    }


def _print(reports: list[Report], total: dict[str, int]) -> None:
    used = [r for r in reports if not r.error]
    named = ("files", _by_format(used)) if len(used) > MANY else ("file", [(r.path, r) for r in used])
    if used and all(r.was_loaded for r in used) and len(used) > MANY:
        _say_what_was_loaded_before(used)
        return
    rows = [(name, r.format or "not loaded", *(f"{getattr(r, n):,}" for n in COUNTS)) for name, r in named[1]]
    sums = ("total", "", *(f"{total[name]:,}" for name in COUNTS))
    console.emit_table((named[0], "format", *COUNTS), [*rows, sums], right=COUNTS)
    for word, counts in (("rejected", [r.reasons for r in reports]), ("skipped", [r.skip_reasons for r in reports])):
        for reason, count in sum_counts(counts).most_common(NAMED):
            console.say(f"{word} {count:,}: {reason}")
    _say_what_was_loaded_before([r for r in used if r.was_loaded])
    for report in reports:
        if report.nothing_loaded and not report.was_loaded:
            console.say(report.nothing_loaded)
        if report.gone:
            console.say(f"{Path(report.path).name}: {report.gone_words}")
        for path, marked, amount in report.unread:
            console.say(f"unread usage: {path} in {marked:,} rows, sum {amount:,g}; these rows are marked unread_usage")
        if report.unread_more:
            console.say(f"unread usage: {report.unread_more:,} further paths")


def sum_counts(counts: Iterable[Mapping[str, int]]) -> Counter[str]:
    """The counts of all files together."""
    summed: Counter[str] = Counter()
    for one in counts:
        summed.update(one)
    return summed


def _by_format(reports: list[Report]) -> list[tuple[str, Report]]:
    """A line for each format: how many files, and their counts."""
    by_format: dict[str, list[Report]] = {}
    for report in reports:
        by_format.setdefault(report.format, []).append(report)
    summed = {name: {n: sum(getattr(r, n) for r in same) for n in COUNTS} for name, same in by_format.items()}
    return [(f"{len(by_format[name]):,}", Report("", name, **counts)) for name, counts in summed.items()]


def _say_what_was_loaded_before(reports: list[Report]) -> None:
    if len(reports) > MANY:
        console.say(f"{len(reports):,} files were loaded before; nothing is counted twice.")
        return
    for report in reports:
        console.say(report.nothing_loaded)


def _one_of(values: list[str]) -> str:
    distinct = sorted({v for v in values if v})
    return distinct[0] if len(distinct) == 1 else ", ".join(distinct)
