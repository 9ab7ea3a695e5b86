"""A working day in eight hours: spans received, three sources pulled, an outage, a late correction, a receiver killed
(SIGKILL) with what it had acknowledged, a death in mid-send; the ledger equals the truth, each alert is sent once."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path

import httpx
import pytest

from analytics.alerts.rule import RULES
from analytics.alerts.watch import watch
from analytics.budgets.budget import check_budget, save
from data.sources.otlp_body import line_of
from data.sources.pull import pull_due
from data.sources.receive_command import Loading
from data.sources.source import SOURCES
from data.sources.spool import Spool
from tests.conftest import ROOT
from tests.data.otlp_requests import encoded, spans
from tests.data.scripted_source import KEY, provider
from tests.data.test_pull import KEY_ENV, call, truth

MORNING = datetime.fromisoformat("2026-11-18T09:00")
CHAT = "BATON_ALERT_SLACK"


def receive_and_die(home: Path, first: int) -> None:
    """A receiver in a process of its own takes ten spans and is killed before it has loaded any."""
    words = [sys.executable, "-m", "data", "receive", "--port", "0", "--every", "3600", "--home", str(home)]
    with subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        try:
            url = process.stdout.readline().split(" at ")[1].split("/v1")[0]
            body, headers = encoded(spans(first, 10), protobuf=True, zipped=True)
            assert httpx.post(f"{url}/v1/traces", content=body, headers=headers, timeout=60).status_code == 200
        finally:
            process.send_signal(signal.SIGKILL)


@pytest.mark.heavy
def test_the_ledger_equals_the_truth_and_each_alert_is_sent_once(ledger, state, tmp_path, monkeypatch):
    monkeypatch.setenv(KEY_ENV, KEY)
    heard: list[str] = []
    save(state, check_budget(name="company", amount=0.5))
    RULES.save(state, "spent", {"kind": "budget", "channels": [CHAT]})
    RULES.save(state, "quiet", {"kind": "silence", "limit": 0.05, "channels": [CHAT], "filters": {}})

    async def sleep(seconds: float) -> None:
        pass

    def dies(channel: str, title: str, body: str) -> None:
        raise KeyboardInterrupt

    with provider() as far:
        since = {"base_url": far.url, "key_env": KEY_ENV, "since": "2026-11-11"}
        SOURCES.save(state, "bill", {"kind": "openai_costs", **since})
        SOURCES.save(state, "gateway", {"kind": "litellm", **since, "since": "2026-11-18"})
        SOURCES.save(state, "files", {"kind": "folder", "path": str(tmp_path / "calls-*.jsonl")})
        for hour in range(8):
            now = MORNING + timedelta(hours=hour)
            far.calls += [call(hour * 100 + n, now - timedelta(minutes=5 * n + 1), 0.1) for n in range(6)]
            if hour == 4:
                far.amounts[16] = {"gpt-5.2, renamed": 1.5}
            far.always = ("status", 503, {}) if hour in (2, 3) else None
            more = call(10_000 + hour, now - timedelta(minutes=2), 0.1)
            (tmp_path / f"calls-{hour}.jsonl").write_text(json.dumps(more) + "\n")
            if hour == 5:
                receive_and_die(ledger.home, hour * 100)
            held = Spool(ledger.home)  # a receiver that is started anew each time, as after a kill
            if hour != 5:
                held.write([("traces", line_of("traces", encoded(spans(hour * 100, 10))[0], "application/json", ""))])
            held.close_files()
            Loading(ledger, state, held, lambda *_: None).load()
            held.close()
            pull_due(ledger, state, "", now, sleep)
            view = ledger.at(ledger.snapshot())
            if hour == 0:
                with pytest.raises(KeyboardInterrupt):
                    watch(view, state, now, dies)
            watch(view, state, now + timedelta(minutes=10), lambda channel, title, body: heard.append(body))
    view = ledger.at(ledger.snapshot())
    counted = view.sql(f"SELECT source, count(*) n FROM {view.name('usage')} GROUP BY 1 ORDER BY 1")
    assert {row.source: row.n for row in counted.itertuples()} == {"litellm": 56, "otlp": 80}
    billed = view.sql(f"SELECT day, sum(amount) usd FROM {view.name('billed')} GROUP BY 1")
    expected = {day: usd for day, usd in truth(far, 18).items() if day >= 11}
    assert {row.day.day: float(row.usd) for row in billed.itertuples()} == expected
    told = "\n".join(heard)
    assert told.count("“company” is") == 1 and "nothing was pulled from bill" in told
    assert [body.startswith("Over:") for body in heard] == [False, False, True]
