"""Bad input: every file gets one clear sentence or keeps its good records, and what was there stays intact."""

from __future__ import annotations

import gzip
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from data.errors import BatonError, LedgerError, UnknownFormat, Unreadable
from data.loading.long_lines import without_long_lines
from data.store import Store as Place
from tests.data.bad_logs import Store, accounted, lines, one_sentence, record, write

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def template(tmp_path_factory) -> Path:
    """The folder of a store that holds three good rows."""
    folder = tmp_path_factory.mktemp("template")
    store = Store(folder / "home")
    store.load(write(folder / "before.jsonl", lines(*map(record, range(3)))))
    assert store.count("usage") == 3
    store.ledger.close()
    return folder / "home"


@pytest.fixture
def store(template: Path, tmp_path: Path) -> Store:
    """A copy of it, to be spoiled."""
    return Store(shutil.copytree(template, tmp_path / "home"))


GOOD = lines(*map(record, range(10, 14)))
REFUSED = {
    "an empty file": (b"", "empty"),
    "only blank lines": (b"\n\n  \n", "blank"),
    "a 10-character file": (b"0123456789", "ten.log|is"),
    "a shopping list": (b"milk\neggs\nbread\n", "log"),
    "a picture": (b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 20, "log|read"),
    "NUL bytes alone": (b"\0" * 4096, "log|read|blank"),
    "JSON of something else": (b'{"name": "milk", "price": 3}\n{"name": "eggs", "price": 4}\n', "fields seen"),
    "a truncated gzip": (gzip.compress(GOOD.encode() * 50)[:-40], "cut off"),
    "a gzip with a broken middle": (gzip.compress(os.urandom(2000))[:900] + b"garbage" * 50, "damaged|cut off"),
    "a zstd frame cut off": (b"\x28\xb5\x2f\xfd\x04\x00", "damaged|cut off|Truncated"),
    "a JSON document cut off": (b'[{"request_id": "a", "response_id"', "damaged|no log format|read"),
    "a Parquet file cut off": (b"PAR1" + b"\0" * 100, "Parquet"),
    "UTF-16 without its mark": (GOOD.encode("utf-16-be"), "save it as UTF-8"),
    "UTF-32": (GOOD.encode("utf-32"), "save it as UTF-8"),
    "a nest of a million brackets": (b"[" * 1_000_000, "read|damaged|log"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_file_that_is_no_log_is_refused_in_one_sentence(case, store, tmp_path):
    content, word = REFUSED[case]
    before = store.contents()
    with pytest.raises(BatonError, match=word) as refusal:
        store.load(write(tmp_path / "ten.log", content))
    assert one_sentence(str(refusal.value)), str(refusal.value)
    assert store.contents() == before


# A bad record among good ones: what it says when put aside, or None where the record is still usable.
BAD_RECORDS: dict[str, tuple[Any, str | None]] = {
    "NaN tokens": (lines(record(20)).replace("1020", "NaN", 1), ""),
    "negative tokens": (lines(record(20, prompt_tokens=-4)), "-4, not a count"),
    "half a token": (lines(record(20, prompt_tokens=10.5)), "10.5, not a count"),
    "tokens beyond counting": (lines(record(20, prompt_tokens=10**30)), "not a count"),
    "a date of 1970": (lines(record(20, request_created_at="1970-01-01T00:00:00Z")), "1970"),
    "a date of the year 9999": (lines(record(20, request_created_at="9999-12-31T00:00:00Z")), "9999"),
    "a date that is none": (lines(record(20, request_created_at="yesterday")), "time of the request"),
    "no date": (lines(record(20, request_created_at=None)), "time of the request"),
    "an absurd cost": (lines(record(20, costUSD=1e300)), None),  # it costs itself, not the row
    "a cost of infinity": (lines(record(20, costUSD="Infinity")), None),
    "a line cut short": (lines(record(20))[:60] + "\n", "JSON"),
    "a number instead of a record": ("17\n", "JSON"),
    "a list instead of a record": ("[1, 2]\n", "JSON"),
    "an object where a count belongs": (lines(record(20, prompt_tokens={"a": 1})), "not a count"),
    "duplicate keys": (lines(record(20)).replace("{", '{"prompt_tokens": 7, ', 1), None),
    "a NUL in a name": (lines(record(20, model="gpt-5.2\u0000")), None),
    "a raw NUL byte": (lines(record(20)).replace("gpt-5.2", "gpt\0-5.2"), ""),
    "invalid UTF-8": (lines(record(20)).encode().replace(b"support", b"supp\xff\xfert"), None),
    "a formula for a name": (lines(record(20, properties={"team": '=HYPERLINK("http://x","y")'})), None),
    "HTML for a name": (lines(record(20, properties={"team": "<img src=x onerror=alert(1)>"})), None),
    "a line of tabs": ("\t\t\n", "JSON"),
    "a line of separators": ("\x1f\x1e\x1f\x1e\n", "JSON"),
    "a record behind separators": ("\x1f\x1e\x1f\x1e" + lines(record(20)), "JSON"),
    "a record behind a record separator": ("\x1e" + lines(record(20)), None),
    "a lone surrogate": (lines(record(20)).replace("support", "supp\\ud800rt"), ""),
}


@pytest.mark.parametrize("case", BAD_RECORDS)
def test_a_bad_record_is_put_aside_and_the_rest_loads(case, store, tmp_path):
    bad, reason = BAD_RECORDS[case]
    bad = bad if isinstance(bad, bytes) else bad.encode()
    [report] = store.load(
        write(
            tmp_path / "mixed.jsonl",
            GOOD.encode()[: GOOD.index("\n") + 1] + bad + GOOD.encode()[GOOD.index("\n") + 1 :],
        )
    )
    assert (report.read, report.duplicate) == (5, 0) and accounted(report)
    assert report.loaded == (5 if reason is None else 4 if reason else report.loaded) and report.loaded >= 4
    assert store.count("usage") == 3 + report.loaded
    assert store.count("rejected") == report.rejected
    if reason:
        assert reason in store.reasons()[0]


@pytest.mark.parametrize("line", ["\t\t", "\x1f\x1f", "\x1f\x1e\x1f\x1e"])
def test_a_log_may_begin_with_a_line_of_nothing(line, store, tmp_path):
    [report] = store.load(write(tmp_path / "late.jsonl", line + "\n" + lines(record(40), record(41))))
    assert (report.loaded, report.rejected) == (2, 1)


def test_a_broken_line_among_lines_without_usage_is_put_aside(store, tmp_path):
    said = {"type": "user", "sessionId": "s", "timestamp": "2026-10-01T08:00:00Z", "message": {"role": "user"}}
    [report] = store.load(write(tmp_path / "session.jsonl", lines(said, "", json.dumps(said)[:50], said)))
    assert (report.format, report.skipped, report.rejected, report.read) == ("claude_code", 2, 1, 1)
    assert store.ledger.sql(f"SELECT record_no FROM {store.ledger.name('rejected')}")["record_no"].tolist() == [3]


def test_a_nul_in_an_id_does_not_break_the_next_load(store, tmp_path):
    usage = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
    body = {"object": "chat.completion", "created": 1790000000, "model": "gpt-4o\0", "usage": usage, "choices": []}
    for number, name in enumerate(("\0", "\0\0b")):
        [report] = store.load(
            write(tmp_path / f"{number}.jsonl", lines(body | {"id": name}, body | {"id": name, "choices": [1]}))
        )
        assert report.format == "openai" and (report.loaded, report.duplicate) == (1, 1)
    assert not store.ledger.sql(
        f"SELECT * FROM {store.ledger.name('usage')} WHERE contains(event_id || model_raw, chr(0))"
    ).size


def test_names_that_are_formulas_or_html_are_kept_as_they_are(store, tmp_path):
    names = ['=HYPERLINK("http://x","y")', "<img src=x onerror=alert(1)>", "Robert'); DROP TABLE usage;--"]
    store.load(
        write(
            tmp_path / "names.jsonl",
            lines(*(record(30 + n, properties={"team": name}) for n, name in enumerate(names))),
        )
    )
    teams = store.ledger.sql(f"SELECT DISTINCT team FROM {store.ledger.name('usage')}")["team"]
    assert set(names) <= set(teams)


def test_mixed_formats_in_one_folder_load_side_by_side(store, tmp_path):
    folder = tmp_path / "logs"
    write(folder / "helicone.jsonl", GOOD)
    write(
        folder / "deeper/spend.json",
        '[{"request_id": "a", "call_type": "acompletion", "spend": 0.01, "startTime": "2026-10-05 08:00:00", "endTime":'
        ' "2026-10-05 08:00:02", "model": "gpt-5.2", "custom_llm_provider": "openai", "prompt_tokens": 10,'
        ' "completion_tokens": 5, "total_tokens": 15, "status": "success", "metadata": "{}"}]',
    )
    write(folder / "notes.txt", "nothing to see\n")
    write(folder / "empty.jsonl", "")
    reports = {Path(r.path).name: r for r in store.load(folder)}
    assert {name: r.format for name, r in reports.items() if r.loaded} == {
        "helicone.jsonl": "helicone",
        "spend.json": "litellm",
    }
    assert one_sentence(reports["notes.txt"].error) and one_sentence(reports["empty.jsonl"].error)


def test_a_gzip_may_be_called_anything_and_have_several_members(store, tmp_path):
    [report] = store.load(
        write(tmp_path / "log.txt", gzip.compress(GOOD.encode()) + gzip.compress(lines(record(40)).encode()))
    )
    assert report.loaded == 5


@pytest.mark.parametrize(("place", "rows"), [(0, 3), (1, 2), (2, 3)], ids=["before", "within", "a line of them"])
def test_raw_nul_bytes_cost_the_line_they_are_in(place, rows, store, tmp_path):
    texts = [json.dumps(record(number)).encode() for number in range(20, 23)]
    texts = {
        0: [b"\0" * 300, *texts],
        1: [texts[0], texts[1][:9] + b"\0" * 300 + texts[1][9:], texts[2]],
        2: [texts[0], b"\0" * 300, *texts[1:]],
    }[place]
    [report] = store.load(write(tmp_path / "crash.jsonl", b"\n".join(texts)))
    assert (report.loaded, report.rejected) == (rows, 1)


@pytest.mark.parametrize(
    ("packed", "words"),
    [
        (lambda log: gzip.compress(log), "compressed twice"),
        (lambda log: b"PAR1" + log, "holds a Parquet file"),
        (lambda log: b"a.jsonl".ljust(257, b"\0") + b"ustar" + log, "a tar archive"),
        (lambda log: b"PK\x03\x04" + log, "another zip archive"),
    ],
    ids=["gzip", "parquet", "tar", "zip"],
)
def test_what_is_packed_within_a_compressed_file_is_named(packed, words, store, tmp_path):
    path = write(tmp_path / "log.gz", gzip.compress(packed(lines(record(1)).encode())))
    with pytest.raises(BatonError, match=words) as refused:
        store.load(path)
    assert one_sentence(str(refused.value))


def test_what_powershell_writes_is_read_too(store, tmp_path):
    [report] = store.load(write(tmp_path / "utf16.jsonl", GOOD.encode("utf-16")))
    assert report.loaded == 4


def test_one_line_of_a_hundred_megabytes_is_one_record(store, tmp_path):
    long = lines(record(50, request_body="x" * 100_000_000))
    [report] = store.load(write(tmp_path / "long.jsonl", GOOD + long))
    assert report.loaded == 5 and accounted(report)


@pytest.mark.parametrize("place", [0, 4])
def test_one_line_of_three_hundred_megabytes_costs_that_line(place, store, tmp_path):
    held = GOOD.splitlines(keepends=True)
    held.insert(place, lines(record(50, request_body="x" * 300_000_000)))
    [report] = store.load(write(tmp_path / "long.jsonl", "".join(held)))
    assert (report.read, report.loaded, report.rejected) == (5, 4, 1) and accounted(report)
    [aside] = store.ledger.sql(f"SELECT record_no, record FROM {store.ledger.name('rejected')}").itertuples()
    assert aside.record_no == place + 1 and "a line of 300,000,3" in aside.record and "req-50" in aside.record
    assert not list((store.home / "scratch").rglob("*.c*"))


@pytest.mark.parametrize(("size", "memory"), [(5, "120MB"), (60, "200MB"), (120, "200MB")])
def test_too_little_memory_is_said_as_such_and_nothing_is_changed(size, memory, template, tmp_path, monkeypatch):
    monkeypatch.setenv("BATON_MEMORY", memory)
    store = Store(shutil.copytree(template, tmp_path / "home"))
    long = lines(record(50, request_body="x" * size * 1_000_000))
    before = store.contents()
    with pytest.raises(BatonError, match="more memory than allowed; set BATON_MEMORY") as told:
        store.load(write(tmp_path / "long.jsonl", GOOD + long + GOOD.replace("req-1", "req-9")))
    assert one_sentence(str(told.value)) and store.contents() == before


@pytest.mark.parametrize(
    "content",
    [
        '{"data": [' + "1, " * 50 + "1]}",
        '{"data": [' + "1, " * 50 + "1]}\n\n",
        '[{"a": "' + "x" * 100 + '"},\n{"a": 1}]\n',
        '{\n"a": "' + "x" * 100 + '",\n"b": 1\n}\n',
        "a,b\n" + "x" * 100 + ",2\n",
    ],
)
def test_a_document_is_not_cut_where_its_lines_are_long(content, tmp_path):
    path = write(tmp_path / "document", content)
    without_long_lines(path, longest=50)
    assert path.read_text() == content and list(tmp_path.iterdir()) == [path]


def test_a_path_that_is_not_there_says_so(store, tmp_path):
    with pytest.raises(Unreadable, match="names no file") as refusal:
        store.load(tmp_path / "nowhere.jsonl")
    assert one_sentence(str(refusal.value))


@pytest.mark.parametrize("inside", [False, True], ids=["a file", "a file in a closed folder"])
def test_a_path_one_may_not_read_says_so(inside, store, tmp_path):
    secret = write(tmp_path / "closed/secret.jsonl", GOOD)
    (secret.parent if inside else secret).chmod(0)
    before = store.contents()
    with _not_root(tmp_path), pytest.raises(Unreadable, match="[Pp]ermission") as refusal:
        store.load(secret)
    (secret.parent if inside else secret).chmod(0o700)
    assert one_sentence(str(refusal.value))
    assert store.contents() == before


class _not_root:
    """Root may read everything: be nobody for a moment. Parents of `reachable` are opened for passing through."""

    def __init__(self, reachable: Path) -> None:
        self.opened = [p for p in (reachable, *reachable.parents) if os.geteuid() == 0 and not p.stat().st_mode & 1]

    def __enter__(self) -> None:
        self.modes = [p.stat().st_mode for p in self.opened]
        for path in self.opened:
            path.chmod(0o755)
        if os.geteuid() == 0:
            os.seteuid(65534)

    def __exit__(self, *exception: object) -> None:
        if os.getuid() == 0:
            os.seteuid(0)
        for path, mode in zip(self.opened, self.modes, strict=True):
            path.chmod(mode)


LOCK = """
import sqlite3, sys
catalogue = sqlite3.connect(sys.argv[1], isolation_level=None)
catalogue.execute("BEGIN IMMEDIATE")
print("locked", flush=True)
sys.stdin.read()
"""


def test_a_locked_catalogue_is_one_sentence(tmp_path, monkeypatch):
    attach = Place.attach_text
    monkeypatch.setattr(
        Place, "attach_text", lambda *a: attach(*a).replace("META_BUSY_TIMEOUT 30000", "META_BUSY_TIMEOUT 200")
    )
    store = Store(tmp_path / "home")
    store.load(write(tmp_path / "before.jsonl", lines(*map(record, range(3)))))
    before = store.contents()
    # Another process: SQLite's locks do not hold between two copies of SQLite in one.
    with subprocess.Popen(
        [sys.executable, "-c", LOCK, store.home / "catalog.sqlite"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout.readline() == b"locked\n"
        with pytest.raises(LedgerError, match="locked by another program") as refusal:
            store.load(write(tmp_path / "good.jsonl", GOOD))
        other.stdin.close()
    assert one_sentence(str(refusal.value))
    assert store.contents() == before
    assert store.load(tmp_path / "good.jsonl")[0].loaded == 4


def _in_namespace(script: str) -> subprocess.CompletedProcess:
    """Run a shell script with mounts of its own; skips where the machine does not allow that."""
    if subprocess.run(["unshare", "-rm", "true"], capture_output=True).returncode:
        pytest.skip("this machine does not allow mount namespaces (unshare -rm)")
    return subprocess.run(
        ["unshare", "-rm", "sh", "-ec", script], capture_output=True, text=True, cwd=REPOSITORY, timeout=120
    )


@pytest.mark.parametrize("fault, word", [("full", "full"), ("read-only", "read-only|cannot be written")])
def test_a_disk_that_takes_no_more_leaves_the_ledger_as_it_was(fault, word, tmp_path):
    mount = tmp_path / "disk"
    mount.mkdir()
    write(tmp_path / "before.jsonl", lines(*map(record, range(3))))
    write(tmp_path / "large.jsonl", lines(*(record(n, request_body=f"{n}" * 40) for n in range(1000, 60_000))))
    command = f"BATON_HOME={mount}/home {sys.executable} -m data"
    spoil = (
        f"mount -o remount,ro {mount}"
        if fault == "read-only"
        else f"mount -o remount,size=$(($(du -s -k {mount} | cut -f1) + 300))k {mount}"
    )
    heal = f"mount -o remount,rw,size=400m {mount}"
    done = _in_namespace(f"""
        mount -t tmpfs -o size=400m tmpfs {mount}
        {command} ingest {tmp_path}/before.jsonl --json > {tmp_path}/first.json
        {spoil}
        {command} ingest {tmp_path}/large.jsonl > {tmp_path}/second.txt 2> {tmp_path}/error.txt && exit 7
        {heal}
        {command} check --json > {tmp_path}/check.json
        {command} ingest {tmp_path}/large.jsonl --json > {tmp_path}/third.json
    """)
    assert done.returncode == 0, done.stderr
    message = (tmp_path / "error.txt").read_text().strip()
    assert one_sentence(message) and re.search(word, message), message
    assert json.loads((tmp_path / "check.json").read_text())["attempts"] == 3
    assert json.loads((tmp_path / "third.json").read_text())["loaded"] == 59_000


def test_a_refusal_names_the_likely_sources_and_never_all(store, tmp_path):
    near = write(
        tmp_path / "near.jsonl", b'{"request_id": "a", "startTime": "x", "spend": 1, "api_key": "k", "zz": 1}\n'
    )
    far = write(tmp_path / "far.jsonl", b'{"when": "2026-01-01", "llm": "gpt-4o", "in": 5}\n')
    with pytest.raises(UnknownFormat) as refusal:
        store.load(near)
    assert "looks most like LiteLLM" in str(refusal.value) and "--format litellm" in str(refusal.value)
    with pytest.raises(UnknownFormat) as refusal:
        store.load(far)
    assert "looks most like" not in str(refusal.value) and len(str(refusal.value)) < 250


@pytest.mark.parametrize("odd", ["[" * 100_000, "data:" * 5_000, "data: " + '{"a":' * 100_000])
def test_a_body_nested_without_end_is_no_log_and_no_traceback(odd, store, tmp_path):
    with pytest.raises(UnknownFormat):
        store.load(write(tmp_path / "deep.jsonl", json.dumps({"response": odd}) + "\n"))


@pytest.mark.parametrize("odd", ['{"error": "throttled"}', '{"data": null, "data": []}', '{"data": 3}'])
@pytest.mark.parametrize("shape", ["lines", "array"])
def test_an_answer_among_pages_that_is_no_page_is_put_aside(shape, odd, store, tmp_path):
    pages = [json.dumps({"data": [record(100 + n)]}) for n in range(60)] + [odd]
    content = "\n".join(pages) if shape == "lines" else "[" + ",".join(pages) + "]"
    [report] = store.load(write(tmp_path / "pages.json", content))
    assert (report.read, report.loaded, report.rejected) == (61, 60, 1), report
