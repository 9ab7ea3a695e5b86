"""The receiver: what is acknowledged is on the disk and loaded once; what is too much or wrong is refused in words."""

from __future__ import annotations

import asyncio
import gzip
import json
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from data.errors import LedgerError
from data.ledger import Ledger
from data.sources import otlp_body, receive_command, receiver, spool
from data.sources.otlp_body import SIGNALS, NotTaken, line_of
from data.sources.receive_command import Loading
from data.sources.receiver import Receiver
from data.sources.spool import Spool
from data.state import State
from tests.data.otlp_requests import encoded, spans
from tests.stores import new_ledger

ROOT = Path(__file__).resolve().parents[2]
ZIPPED = {"content-type": "application/json", "content-encoding": "gzip"}
TOKEN = "a-long-token-of-a-test"


def talk(home: Path, script, token: str = "", load=lambda: None, base: str = "http://127.0.0.1:4318"):
    """Run `script(client, spool)` against a receiver in this process."""

    async def run():
        held = Spool(home)
        one = Receiver(held, token, load, every_s=3600)
        try:
            async with one.app.router.lifespan_context(one.app):
                transport = httpx.ASGITransport(one.app)
                async with httpx.AsyncClient(transport=transport, base_url=base) as client:
                    return await script(client, held)
        finally:
            held.close()

    return asyncio.run(run())


def test_the_last_load_waits_for_the_one_under_way(tmp_path):
    """The end of a receiver in the middle of a round must not take its files from under it."""
    at_once, most, began = [0], [0], threading.Event()

    def load() -> None:
        at_once[0] += 1
        most[0] = max(most[0], at_once[0])
        began.set()
        time.sleep(0.2)
        at_once[0] -= 1

    async def run() -> None:
        one = Receiver(held, "", load, every_s=0.01)
        async with one.app.router.lifespan_context(one.app):
            await asyncio.to_thread(began.wait, 60)

    held = Spool(tmp_path)
    asyncio.run(run())
    held.close()
    assert most == [1]


async def post(client, body, headers, path="/v1/traces"):
    return await client.post(path, content=body, headers=headers)


def rows(ledger: Ledger) -> int:
    view = ledger.at(ledger.snapshot())
    return int(view.sql(f"SELECT count(*) n FROM {view.name('usage')}")["n"][0])


def test_every_encoding_is_taken_and_sent_twice_it_is_loaded_once(ledger, state, capsys):
    async def script(client, held):
        codes = []
        for protobuf in (False, True):
            for zipped in (False, True):
                body, headers = encoded(spans(1, 10), protobuf=protobuf, zipped=zipped)
                codes.append((await post(client, body, headers)).status_code)
        body, headers = encoded(spans(11, 5), protobuf=True)
        codes.append((await post(client, body, headers)).status_code)
        return codes

    assert talk(ledger.home, script) == [200] * 5
    held = Spool(ledger.home)
    Loading(ledger, state, held, lambda *_: None).load()
    assert rows(ledger) == 15 and not held.waiting() and not held.waiting_bytes
    assert capsys.readouterr().out.endswith(" UTC: 15 loaded, 30 duplicate, 0 rejected\n")
    held.close()


def test_logs_and_metrics_go_to_their_readers(ledger, state, shared_data):
    told = []
    held = Spool(ledger.home)
    for name in ("logs", "metrics"):
        text = (shared_data / "logs" / "more" / f"otlp_{name}.json").read_bytes()
        held.write([(name, line_of(name, text, "application/json", ""))])
    held.write([("traces", line_of("traces", *encoded(spans(1, 2))[:1], "application/json", ""))])
    held.close_files()
    Loading(ledger, state, held, lambda *_: told.append(1)).load()
    assert rows(ledger) == 2 and told == [1] and not held.waiting()
    held.close()


@pytest.mark.parametrize(
    ("body", "headers", "path", "code"),
    [
        (b"{", {"content-type": "application/json"}, "/v1/traces", 400),
        (b"[" * 100_000, {"content-type": "application/json"}, "/v1/traces", 400),
        (b'{"a": 1}', {"content-type": "application/json"}, "/v1/traces", 400),
        (b'{"resourceSpans": [1]}', {"content-type": "application/json"}, "/v1/traces", 400),
        (b"\xff\xfe garbage", {"content-type": "application/x-protobuf"}, "/v1/traces", 400),
        (b"no gzip", ZIPPED, "/v1/traces", 400),
        (
            gzip.compress(b"{}", mtime=0)[:-4],
            {"content-type": "application/json", "content-encoding": "gzip"},
            "/v1/traces",
            400,
        ),
        (b"{}", {"content-type": "application/json", "content-encoding": "br"}, "/v1/traces", 415),
        (b"{}", {"content-type": "text/plain"}, "/v1/traces", 415),
        (b"{}", {"content-type": "application/json"}, "/v1/profiles", 404),
        (b"x" * 3000, {"content-type": "application/json"}, "/v1/traces", 413),
        (
            gzip.compress(b" " * 9000, mtime=0),
            {"content-type": "application/json", "content-encoding": "gzip"},
            "/v1/traces",
            413,
        ),
        (b"{}", {"content-type": "application/json", "host": "evil.example"}, "/v1/traces", 401),
        (b"{}", {"content-type": "application/json"}, "/v1/metrics", 200),
    ],
)
def test_what_cannot_be_taken_is_refused_and_leaves_nothing(tmp_path, monkeypatch, body, headers, path, code):
    monkeypatch.setattr(receiver, "MOST_BYTES", 2000 if code == 413 else 200_000)
    monkeypatch.setattr(otlp_body, "MOST_UNZIPPED", 8000)

    async def script(client, held):
        answer = await post(client, body, headers, path)
        return answer.status_code, held.waiting_bytes

    said, kept = talk(tmp_path, script)
    assert said == code and bool(kept) == (code == 200)


def test_with_a_token_only_who_has_it_may_send(tmp_path):
    async def script(client, held):
        body, headers = encoded(spans(1, 1))
        wrong = await post(client, body, headers | {"authorization": "Bearer no"})
        right = await post(client, body, headers | {"authorization": f"Bearer {TOKEN}"})
        return (await post(client, body, headers)).status_code, wrong.status_code, right.status_code

    assert talk(tmp_path, script, TOKEN, base="https://baton.example.org") == (401, 401, 200)


def test_too_much_is_told_to_come_again(tmp_path, monkeypatch):
    async def script(client, held):
        body, headers = encoded(spans(1, 1))
        first = await post(client, body, headers)
        monkeypatch.setattr(spool, "MOST_BYTES", 10)
        full = await post(client, body, headers)
        monkeypatch.setattr(spool, "MOST_BYTES", 10**9)
        monkeypatch.setattr(held, "write", lambda batch: (_ for _ in ()).throw(OSError(28, "No space left on device")))
        broken = await post(client, body, headers)
        return [(one.status_code, one.headers.get("retry-after")) for one in (first, full, broken)]

    assert talk(tmp_path, script) == [(200, None), (429, "2"), (503, "2")]


def test_a_queue_that_is_full_refuses_and_loses_nothing_it_took(tmp_path, monkeypatch):
    monkeypatch.setattr(receiver, "WAITING", 1)
    monkeypatch.setattr(receiver, "AT_ONCE", 1)

    async def script(client, held):
        body, headers = encoded(spans(1, 1))
        answers = await asyncio.gather(*(post(client, body, headers) for _ in range(40)))
        held.close_files()
        lines = sum(path.read_bytes().count(b"\n") for path in held.waiting())
        return [one.status_code for one in answers], lines

    codes, lines = talk(tmp_path, script)
    assert set(codes) == {200, 503} and codes.count(200) == lines


def test_a_disk_that_takes_half_a_line_keeps_whole_ones(tmp_path, monkeypatch):
    held = Spool(tmp_path)
    held.write([("traces", b"whole\n")])
    with monkeypatch.context() as during, pytest.raises(OSError):
        during.setattr(os, "fsync", lambda number: (_ for _ in ()).throw(OSError(28, "full")))
        held.write([("traces", b"lost\n")])
    held.write([("traces", b"next\n")])
    held.close_files()
    assert [path.read_bytes() for path in held.waiting()] == [b"whole\nnext\n"]
    held.close()


def test_what_a_killed_process_left_open_keeps_its_whole_lines(tmp_path):
    folder = tmp_path / spool.FOLDER
    folder.mkdir()
    (folder / "traces-1.open").write_bytes(b"one\ntwo\nhal")
    (folder / "traces-2.open").write_bytes(b"half" * 600_000)
    held = Spool(tmp_path)
    assert [path.read_bytes() for path in held.waiting()] == [b"one\ntwo\n"] and held.waiting_bytes == 8
    with pytest.raises(LedgerError, match="Another receiver"):
        Spool(tmp_path)
    held.close()
    Spool(tmp_path).close()


@pytest.mark.heavy
def test_a_file_that_cannot_be_read_is_set_aside_and_takes_no_other_with_it(ledger, state, capsys):
    held = Spool(ledger.home)
    held.write([("traces", line_of("traces", encoded(spans(1, 3))[0], "application/json", ""))])
    held.close_files()
    (held.folder / "traces-1.jsonl").write_bytes(b"\x00\x01 not a line\n")
    held.waiting_bytes += 16
    Loading(ledger, state, held, lambda *_: None).load()
    assert rows(ledger) == 3 and not held.waiting()
    held.close()


@pytest.mark.heavy
def test_spans_that_end_before_they_start_are_told_or_counted_never_negative(ledger, state):
    held = Spool(ledger.home)
    held.write([("traces", line_of("traces", encoded(spans(1, 2, seconds=-5))[0], "application/json", ""))])
    held.close_files()
    Loading(ledger, state, held, lambda *_: None).load()
    view = ledger.at(ledger.snapshot())
    assert view.sql(f"SELECT count(*) n FROM {view.name('usage')} WHERE latency_ms < 0")["n"][0] == 0
    held.close()


def test_ids_of_protobuf_are_written_as_json_writes_them():
    body = spans(7, 1)
    text, headers = encoded(body, protobuf=True)
    (span,) = json.loads(line_of("traces", text, headers["content-type"], ""))["resourceSpans"][0]["scopeSpans"][0][
        "spans"
    ]
    assert (span["traceId"], span["spanId"]) == (f"{7:032x}", f"{7:016x}")
    with pytest.raises(NotTaken):
        line_of("logs", b"\x01", "application/x-protobuf", "")
    assert {signal.form for signal in SIGNALS.values()} == {"otlp", "agent_events", "otlp_metrics"}


@pytest.mark.parametrize(
    ("words", "environment", "said"),
    [
        (["--host", "0.0.0.0"], "", "need a token"),
        (["--host", "0.0.0.0"], "short", "under 16"),
        (["--every", "0"], "", "--every"),
        (["--port", "99999"], "", "--port"),
    ],
)
def test_it_is_not_opened_carelessly(tmp_path, monkeypatch, capsys, words, environment, said):
    from data import console
    from data.__main__ import commands

    monkeypatch.setenv(receive_command.TOKEN, environment)
    assert console.run(commands(["receive"]).top, ["receive", "--home", str(tmp_path), *words]) == 1
    assert said in capsys.readouterr().err


def send_until_it_dies(url: str, first: int, acknowledged: set[int], enough: threading.Event) -> None:
    """Send twenty spans a request, numbered from `first`; `enough` is set after forty answers, and it goes on."""
    answers = 0
    with httpx.Client(base_url=url, timeout=10) as client, suppress(httpx.HTTPError):
        while True:
            body, headers = encoded(spans(first, 20), protobuf=True, zipped=True)
            if client.post("/v1/traces", content=body, headers=headers).status_code == 200:
                acknowledged |= set(range(first, first + 20))
                answers += 1
            if answers == 40:
                enough.set()
            first += 20


@pytest.mark.kill
def test_a_kill_in_mid_stream_loses_nothing_acknowledged_and_doubles_nothing(tmp_path):
    new_ledger(tmp_path).close()
    acknowledged: set[int] = set()
    for trial in range(2):
        words = [sys.executable, "-m", "data", "receive", "--port", "0", "--every", "0.3", "--home", str(tmp_path)]
        process = subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        assert process.stdout
        url = process.stdout.readline().split(" at ")[1].split("/v1")[0]
        enough = threading.Event()
        sender = threading.Thread(target=send_until_it_dies, args=(url, trial * 100_000, acknowledged, enough))
        sender.start()
        try:
            assert enough.wait(120)
        finally:
            process.send_signal(signal.SIGKILL)
            process.communicate()
            sender.join()
    ledger, held = Ledger.open(tmp_path), Spool(tmp_path)
    Loading(ledger, State.open(tmp_path), held, lambda *_: None).load()
    held.close()
    view = ledger.at(ledger.snapshot())
    found = view.sql(f"SELECT count(*) n, count(DISTINCT event_id) ids FROM {view.name('usage')}").iloc[0]
    assert found["n"] == found["ids"] and found["n"] >= len(acknowledged) >= 1600
    assert found["n"] <= len(acknowledged) + 2 * 20  # the request under way may have reached the disk
