"""Kill a writer with SIGKILL at a random moment, look at what is left, and finish its work by doing it again.

Children come from a fork server that has imported the product once, formats and catalogue too: a trial is mostly the
writer's work.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import pkgutil
import random
import shutil
import tarfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import NamedTuple

import duckdb

from data import backup, checks, dimensions, erasure, formats, upkeep, versions
from data.erasure_proof import look_through, texts_left
from data.errors import BatonError
from data.lake import ROLLUPS, TABLES
from data.ledger import Ledger
from data.loading import reprice
from data.loading.attribution_rules import RULES
from data.loading.ingest import ingest
from data.prices import contracts
from data.sample import sample
from data.schema import id_hash
from data.state import State
from tests.data.bad_logs import lines, record, write

OLD_STORE = Path(__file__).parents[1] / "cases" / "ledgers" / "before_the_house.tar.gz"
# What differs between two stores of the same contents: when and from where a file was loaded.
VOLATILE = {"batches": ("ingested_at", "path")}


class Writer(NamedTuple):
    """Work that changes a store: where it starts from (a folder of the scene), what it does to a trial's folder, and
    which store of that folder it is about."""

    start: str
    work: Callable[[Path, Path], None]
    about: str = "home"


def opened(home: Path) -> tuple[Ledger, State]:
    return Ledger.open(home), State.open(home)


def load_logs(trial: Path, scene: Path) -> None:
    ingest(*opened(trial / "home"), [scene / "logs"])


def load_more(trial: Path, scene: Path) -> None:
    """Files that overlap with what is there: some rows are new, some known, some say more."""
    ingest(*opened(trial / "home"), [scene / "more"])


def load_bills(trial: Path, scene: Path) -> None:
    """A newer report replaces a bucket of an older one."""
    ingest(*opened(trial / "home"), [scene / "bills" / "restated.json"])


def save_a_price(trial: Path, scene: Path) -> None:
    ledger, state = opened(trial / "home")
    contracts.OVERRIDES.save(state, "deal", {"provider": "openai", "discount": "0.5"})
    reprice.reprice(ledger, state)


def save_a_rule(trial: Path, scene: Path) -> None:
    ledger, state = opened(trial / "home")
    RULES.save(state, "ours", {"field": "model_raw", "op": "prefix", "pattern": "gpt", "set": "project", "value": "us"})
    reprice.reapply_meaning(ledger, state)


def add_a_dimension(trial: Path, scene: Path) -> None:
    ledger, state = opened(trial / "home")
    if not any(one.name == "batch" for one in dimensions.free_dimensions(ledger)):
        dimensions.add(ledger, state, "batch", "batch")


def load_the_sample(trial: Path, scene: Path) -> None:
    sample.load(*opened(trial / "home"), sample.wish(rows=300, days=40, end=date(2026, 11, 20)))


def migrate(trial: Path, scene: Path) -> None:
    opened(trial / "home")


def repair(trial: Path, scene: Path) -> None:
    checks.repair(Ledger.open(trial / "home"))


def back_up(trial: Path, scene: Path) -> None:
    if not (trial / "copy" / "catalog.sqlite").exists() or (trial / "copy" / "unfinished.copy").exists():
        backup.backup(trial / "home", trial / "copy")


def bring_back(trial: Path, scene: Path) -> None:
    if not (trial / "again" / "catalog.sqlite").exists() or (trial / "again" / "unfinished.copy").exists():
        backup.restore(trial / "home", trial / "again")


def save_documents(trial: Path, scene: Path) -> None:
    """Many documents, each with its entry in the trail in a transaction of its own."""
    state = State.open(trial / "home")
    for number in range(200):
        state.put("budget", f"team {number}", {"amount": str(number)})


def forget(trial: Path, scene: Path) -> None:
    """A name and all names of old rows are taken out, and no byte of that name is left."""
    ledger, state = opened(trial / "home")
    wish = erasure.Wish((FORGOTTEN_USER,), date(2026, 10, 10), date(2026, 10, 10))
    erasure.erase(ledger, state, wish)
    assert not texts_left(ledger, wish)
    assert not (found := look_through(ledger, wish.names).found), found


def maintain(trial: Path, scene: Path) -> None:
    """Everything that may be given up and removed is, at once."""
    upkeep.READERS = versions.ALL_FOR = timedelta(0)
    os.environ[versions.KEEP_VARIABLE] = "0"
    upkeep.maintain(*opened(trial / "home"), lambda *_: None)


FORGOTTEN_USER = "somebody who asked to be forgotten"
KNOWN = ("full", "hurt")  # starts that opening does not change
WRITERS = {
    "ingest": Writer("empty", load_logs),
    "ingest into a full store": Writer("full", load_more),
    "billed": Writer("full", load_bills),
    "reprice": Writer("full", save_a_price),
    "mapping": Writer("full", save_a_rule),
    "dimension": Writer("full", add_a_dimension),
    "sample": Writer("empty", load_the_sample),
    "migration": Writer("old", migrate),
    "repair": Writer("hurt", repair),
    "backup": Writer("full", back_up, "copy"),
    "restore": Writer("full", bring_back, "again"),
    "documents": Writer("full", save_documents),
    "forgetting": Writer("full", forget),
    "upkeep": Writer("full", maintain),
}


@dataclass
class Contents:
    """What a store holds: per batch a digest of its rows, digests of whole tables, documents, decisions."""

    batches: dict[str, tuple[int, str]] = field(default_factory=dict)
    tables: dict[str, tuple[int, str]] = field(default_factory=dict)
    documents: dict[str, str] = field(default_factory=dict)
    decisions: set[str] = field(default_factory=set)
    logged: set[str] = field(default_factory=set)  # batches that the trail names
    leftovers: list[str] = field(default_factory=list)  # files that nobody needs


def contents(home: Path, adds_up: bool = True) -> Contents:
    """Read a store whole. Asserts that nothing is there twice and that the audit trail holds, and where it should add
    up that rows, roll-ups and the index of ids say the same.

    One thread reads: the tables are small, and a second one would wait for them on a core of its own.
    """
    ledger, state = opened(home)
    ledger._root.execute("SET threads = 1")
    columns = ledger._columns("lake")
    held = Contents(documents=_documents(state))
    rows = ledger.sql(" UNION ALL ".join(BY_BATCH.format(table=table, of=of) for table, of in IDS.items()))
    assert rows["rows"].sum() == rows["ids"].sum(), rows
    held.batches = {f"{r.of} {r.batch_id}": (r.rows, r.digest) for r in rows.itertuples()}
    tables = ledger.sql(" UNION ALL ".join(_digest(table, columns[table]) for table in TABLES if table in columns))
    held.tables = {r.of: (r.rows, r.digest) for r in tables.itertuples()}
    if adds_up:
        attempts, days, usd, days_usd, unindexed = ledger.sql(SUMS).iloc[0]
        assert (attempts, usd, unindexed) == (days, days_usd, 0), (attempts, days, usd, days_usd, unindexed)
    held.leftovers = _leftovers(ledger)
    ledger.close()
    standing = state.audit_standing()
    assert standing.first_bad is None, standing.sentence
    held.logged = {
        batch for entry in state.audit() if entry.event == "logs loaded" for batch in entry.detail["batches"]
    }
    held.decisions = {
        f"{entry.event} {json.dumps(entry.detail, sort_keys=True)}"
        for entry in state.audit()
        if entry.event not in PER_RUN
    }
    return held


# What one run of a command did: two runs that finish a work say it in two parts, or the second has nothing left to say.
PER_RUN = (
    *("logs loaded", "mapping rules applied", "rows repriced", "store repaired"),
    *(backup.MADE, erasure.BEGUN, erasure.DONE),
)


IDS = {"usage": "event_id", "billed": "bill_id"}
BY_BATCH = """SELECT '{table}' AS of, batch_id, count(*) AS rows, count(DISTINCT {of}) AS ids,
    bit_xor(hash(t))::VARCHAR AS digest FROM lake.main.{table} t GROUP BY ALL"""
SUMS = f"""SELECT u.n, d.n, u.usd, d.usd, i.n FROM
    (SELECT count(*) AS n, coalesce(sum(cost_usd), 0) AS usd FROM lake.main.usage) u,
    (SELECT coalesce(sum(attempts), 0) AS n, coalesce(sum(cost_usd), 0) AS usd FROM lake.main.spend_by_day) d,
    (SELECT count(*) AS n FROM lake.main.usage WHERE {id_hash("event_id")} NOT IN
        (SELECT id_hash FROM lake.main.identities)) i"""


def _documents(state: State) -> dict[str, str]:
    with state.transaction() as db:
        return {f"{kind} {name}": body for kind, name, body in db.execute("SELECT kind, name, body FROM documents")}


def _digest(table: str, columns: dict[str, str]) -> str:
    """SQL for the rows of a table and their digest; for roll-ups, which may have a day in two parts, of their sums.

    Sums of floats are left out, which depend on the order of the rows.
    """
    kept = [name for name, kind in columns.items() if name not in VOLATILE.get(table, ()) and kind != "DOUBLE"]
    sums = [name for name in kept if columns[name] in ("BIGINT", "DECIMAL(38,12)")]
    rows = f"SELECT {'DISTINCT' * (table == 'identities')} {', '.join(kept)} FROM lake.main.{table}"
    if table in ROLLUPS:
        keys = ", ".join(name for name in kept if name not in sums)
        rows = f"SELECT {keys}, {', '.join(f'sum({name})' for name in sums)} FROM lake.main.{table} GROUP BY ALL"
    digest = "count(*) AS rows, coalesce(bit_xor(hash(t)), 0)::VARCHAR AS digest"
    return f"SELECT '{table}' AS of, {digest} FROM ({rows}) t"


def trust_extensions() -> None:
    """The hash of the extensions costs a quarter of a second at every open, and is no part of what is tried."""
    connect = duckdb.connect
    duckdb.connect = lambda *words, config=None, **more: connect(
        *words, config={**(config or {}), "allow_unsigned_extensions": "true"}, **more
    )


def do(name: str, trial: str, scene: str) -> None:
    """A writer's work in a process of its own; a refusal is written down in the scene."""
    os.setpgrp()
    trust_extensions()
    try:
        WRITERS[name].work(Path(trial), Path(scene))
    except BatonError as refusal:
        _refusal(Path(scene), name).write_text(str(refusal))
        raise SystemExit(3) from refusal


def _refusal(scene: Path, name: str) -> Path:
    return scene / f"refusal of {name}"


class Scene:
    """The logs, and the stores that writers start from; they work in folders under `trials`."""

    def __init__(self, folder: Path, rows: int = 900, trials: Path | None = None) -> None:
        self.folder, self.trials = folder, trials or folder
        self.grown: dict[str, tuple[int, ...]] = {}  # by writer: how much of a disk its work takes
        self.context = multiprocessing.get_context("forkserver")
        readers = (f"{formats.__name__}.{module.name}" for module in pkgutil.iter_modules(formats.__path__))
        self.context.set_forkserver_preload([__name__, "genai_prices.data_snapshot", *readers])
        self.befores: dict[str, Contents] = {}  # by start
        self.whole: dict[str, tuple[Contents, Contents, float]] = {}  # by writer: before, after, seconds
        self._make_logs(rows)
        (folder / "empty").mkdir()
        ledger, state = opened(folder / "full")
        ingest(ledger, state, [folder / "logs"])
        ingest(ledger, state, [folder / "bills" / "first.json"])
        state.put("budget", "company", {"amount": "5"})
        ledger.close()
        with tarfile.open(OLD_STORE) as archive:
            archive.extractall(folder / "old", filter="data")
        shutil.copytree(folder / "full", folder / "hurt")
        ledger = Ledger.open(folder / "hurt")
        with ledger.write() as cursor:
            cursor.execute("DELETE FROM lake.main.spend_by_day WHERE day < DATE '2026-10-10'")
            cursor.execute("DELETE FROM lake.main.identities WHERE requested_at >= DATE '2026-10-11'")
        ledger.close()

    def _make_logs(self, rows: int) -> None:
        logs, maker = self.folder / "logs", Ledger.open(self.folder / "maker")
        for path in sample.write(maker, sample.wish(rows=rows, days=60, end=date(2026, 11, 20))):
            write(logs / path.name, path.read_bytes())
        maker.close()
        tags = {"team": "support", "batch": "b1", "contact": FORGOTTEN_USER}
        write(logs / "more.jsonl", lines(*(record(n, properties=tags, user_id=FORGOTTEN_USER) for n in range(300))))
        write(self.folder / "more/one.jsonl", lines(*(record(n, completion_tokens=70) for n in range(200, 500))))
        write(self.folder / "more/two.jsonl", lines(*(record(n) for n in range(400, 700)), '{"cut": '))
        for name, amounts in (("first", (10, 5)), ("restated", (9, 7, 1))):
            results = [
                {
                    "object": "organization.costs.result",
                    "amount": {"value": usd, "currency": "usd"},
                    "line_item": f"item {number}",
                    "project_id": "p",
                }
                for number, usd in enumerate(amounts)
            ]
            bucket = {"object": "bucket", "start_time": 1793491200, "end_time": 1793577600, "results": results}
            write(self.folder / f"bills/{name}.json", json.dumps({"object": "page", "data": [bucket]}))

    def undisturbed(self, name: str) -> tuple[Contents, Contents, float]:
        """What a writer's store holds before and after it, and how long it takes."""
        if name not in self.whole:
            trial, before = self.trial(f"whole {name}", name), self._before(WRITERS[name].start)
            started = time.monotonic()
            ended = self.run(name, trial)
            seconds = time.monotonic() - started
            assert ended == "done", self.refusal(name)
            self.whole[name] = before, contents(trial / WRITERS[name].about), seconds
        return self.whole[name]

    def _before(self, start: str) -> Contents:
        """What the stores of a start hold, where opening them changes nothing."""
        if start not in self.befores:
            self.befores[start] = contents(self.folder / start, start != "hurt") if start in KNOWN else Contents()
        return self.befores[start]

    def trial(self, folder: str, name: str) -> Path:
        """A folder with the store that a writer starts from."""
        trial = self.trials / folder
        shutil.copytree(self.folder / WRITERS[name].start, trial / "home")
        return trial

    def refusal(self, name: str) -> str:
        """What the writer said last that was refused."""
        return _refusal(self.folder, name).read_text()

    def run(
        self,
        name: str,
        trial: Path,
        seconds: float | None = None,
        work: Callable[..., None] = do,
        *more: object,
    ) -> str:
        """Do a writer's work in a child; "done", "killed" after `seconds`, or "refused"."""
        child = self.context.Process(target=work, args=(name, str(trial), str(self.folder), *more))
        child.start()
        child.join(seconds)
        if child.exitcode is None:
            child.kill()
            child.join()
        assert child.exitcode in (0, 3, -9), f"{name} ended with {child.exitcode}"
        return {0: "done", 3: "refused", -9: "killed"}[child.exitcode]

    def kill(self, name: str, chance: random.Random, number: int, most: int = 5) -> list[str]:
        """One store: its writer killed up to `most` times, the store looked at each time, then the work finished.

        Returns for each kill how far it let the writer come.
        """
        before, whole, seconds = self.undisturbed(name)
        trial, writer = self.trial(f"trial-{number}", name), WRITERS[name]
        reached = []
        for _ in range(chance.randint(1, most)):
            ended = self.run(name, trial, chance.uniform(0, seconds))
            assert ended != "refused", self.refusal(name)
            if ended == "done":
                break
            reached.append(self.look(trial / writer.about, writer, before, whole))
        self.finish(name, trial)
        if writer.about != "home":
            assert not (wrong := differences(contents(trial / "home"), before)), wrong
        shutil.rmtree(trial)
        return reached

    def finish(self, name: str, trial: Path) -> None:
        """Do a writer's work again: the store then holds what it does undisturbed, and no file that nobody needs."""
        assert self.run(name, trial) == "done", self.refusal(name)
        found = contents(trial / WRITERS[name].about)
        assert not (wrong := differences(found, self.undisturbed(name)[1])), wrong
        assert not found.leftovers, found.leftovers

    def look(self, home: Path, writer: Writer, before: Contents, whole: Contents) -> str:
        """After a kill: whole batches of before or after and none else, decisions and documents likewise."""
        if not (home / "catalog.sqlite").exists() or (home / backup.UNFINISHED).exists():
            return "no store yet"
        found = contents(home, adds_up=writer.start != "hurt")
        for part in ("batches", "documents"):
            was, held, will = (getattr(c, part) for c in (before, found, whole))
            assert held.items() <= was.items() | will.items(), f"{part} that are neither of before nor of after"
            assert was.keys() & will.keys() <= held.keys(), f"{part} are gone"
        assert before.decisions <= found.decisions
        fresh = {key.split()[1] for key in found.batches.keys() - before.batches.keys()}
        assert writer.start == "old" or fresh <= found.logged, "a load that the trail does not know"
        if not differences(found, whole):
            return "all of it"
        return "a part of it" if differences(found, before) else "nothing of it"


def differences(one: Contents, other: Contents) -> list[str]:
    """What two stores do not have in common."""
    return [
        f"{part} {key}: {getattr(one, part).get(key)} for {getattr(other, part).get(key)}"
        for part in ("batches", "tables", "documents")
        for key in sorted(getattr(one, part).keys() | getattr(other, part).keys())
        if getattr(one, part).get(key) != getattr(other, part).get(key)
    ] + sorted(one.decisions ^ other.decisions)


def _leftovers(ledger: Ledger) -> list[str]:
    """What a killed process left in a store that nobody needs: spilled files, data files that no version knows."""
    catalogue, home = '"__ducklake_metadata_lake"', ledger.home
    known = ledger.sql(
        f"SELECT path FROM {catalogue}.ducklake_data_file UNION ALL SELECT path FROM {catalogue}.ducklake_delete_file"
    )["path"].map(lambda path: Path(path).name)
    strays = [p.name for p in (home / "files").rglob("*.parquet") if p.name not in set(known)]
    alive = f"spill-{os.getpid()}"
    spilled = [p.name for p in (home / "scratch").iterdir() if not p.name.startswith(alive)]
    return strays + spilled + [p.name for p in home.glob("*.copy")]
