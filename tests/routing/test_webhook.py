from __future__ import annotations

import json

import pytest

from data import console
from data.errors import BadInput, Refused
from routing.calling.failures import CallFailed
from routing.runs import webhook
from tests.routing.loopback_webhook import LoopbackWebhook

SECRET = "https://hooks.example.com/services/T0/B0/SECRET"


class Receiver:
    """Answers what it is told to, and remembers what it got."""

    def __init__(self, *answers):
        self.answers, self.got = list(answers), []

    def __call__(self, url, payload):
        self.got.append((url, payload))
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def test_a_hiccup_is_retried():
    receiver = Receiver(CallFailed("connect", "no route"), 503, 200)
    webhook.post({"text": "hi"}, SECRET, send=receiver, wait_s=0)
    assert receiver.got == [(SECRET, {"text": "hi"})] * 3


@pytest.mark.parametrize("answers, tries", [((404,), 1), ((500, 500, 500), 3), ((429, 429, 429), 3)])
def test_a_webhook_that_is_down_is_told_without_its_address(answers, tries):
    receiver = Receiver(*answers)
    with pytest.raises(Refused, match="the report is unharmed") as told:
        webhook.post({"text": "hi"}, SECRET, send=receiver, wait_s=0)
    assert len(receiver.got) == tries
    assert "SECRET" not in str(told.value)


def test_without_an_address_it_names_the_variable(monkeypatch):
    monkeypatch.delenv(webhook.URL_ENV, raising=False)
    with pytest.raises(BadInput, match="BATON_WEBHOOK_URL"):
        webhook.post({"text": "hi"})


def run(*argv):
    top, _ = console.parser("routing", "under test", {"webhook": (webhook.__name__, "under test")})
    return console.run(top, [str(word) for word in argv])


def test_the_command_posts_the_reports_own_message(tmp_path, monkeypatch, capsys):
    receiver = Receiver(200)
    monkeypatch.setattr(webhook.providers, "post_json", receiver)
    monkeypatch.setenv(webhook.URL_ENV, SECRET)
    report = tmp_path / "r.json"
    report.write_text(json.dumps({"week": "2026-W46", "message": {"text": "*Week*"}}))
    assert run("webhook", "--file", report) == 0
    assert receiver.got == [(SECRET, {"text": "*Week*"})]
    report.write_text("[]")
    assert run("webhook", "--file", report) == 1
    assert "is no review" in capsys.readouterr().err
    assert run("webhook", "--file", tmp_path / "none.json") == 1


@pytest.mark.parametrize(
    "statuses, code, tries",
    [([200], 0, 1), ([500, 200], 0, 2), ([429, 503, 204], 0, 3), ([500], 1, 3), ([404], 1, 1)],
    ids=str,
)
def test_the_command_against_a_real_endpoint(statuses, code, tries, tmp_path, monkeypatch, capsys):
    report = tmp_path / "r.json"
    report.write_text(json.dumps({"message": {"text": "*Week 2026-W46* & so on"}}))
    monkeypatch.setattr(webhook.time, "sleep", lambda _: None)
    with LoopbackWebhook(statuses) as chat:
        monkeypatch.setenv(webhook.URL_ENV, chat.url)
        assert run("webhook", "--file", report) == code
    assert chat.bodies == [{"text": "*Week 2026-W46* & so on"}] * tries and set(chat.types) == {"application/json"}
    err = capsys.readouterr().err
    assert ("the report is unharmed" in err) == bool(code) and "SECRET" not in err
    assert report.exists()


def test_an_endpoint_that_is_down_is_tried_three_times_and_told(monkeypatch, capsys):
    waits = []
    monkeypatch.setattr(webhook.time, "sleep", waits.append)
    with LoopbackWebhook([200]) as gone:
        pass
    with pytest.raises(Refused, match="cannot be reached.*the report is unharmed") as told:
        webhook.post({"text": "hi"}, gone.url)
    assert waits == [1.0, 2.0] and "SECRET" not in str(told.value)


@pytest.mark.parametrize(
    "url",
    [
        "not a url",
        "ftp://chat.example.com/SECRET",
        "http://10.1.2.3/SECRET",
        "https://10.1.2.3/SECRET",
        "https://me:SECRET@chat.example.com/x",
    ],
)
def test_an_address_that_cannot_be_used_names_the_variable_not_the_address(url):
    with pytest.raises(BadInput, match="BATON_WEBHOOK_URL cannot be used") as told:
        webhook.post({"text": "hi"}, url)
    assert "SECRET" not in str(told.value) and "10.1.2.3" not in str(told.value)
