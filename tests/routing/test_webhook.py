from __future__ import annotations

import json

import pytest

from data import console
from data.errors import BadInput, Refused
from routing import webhook
from routing.failures import CallFailed

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
    top, subparsers = console.parser("routing", "under test")
    webhook.register(subparsers)
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
