"""Other list prices: compared in dollars first, accepted or refused, seen by every process, taken back."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from data import people
from data.errors import BadInput, LedgerError, NoData, Refused, Unreadable
from data.loading.ingest import ingest
from data.loading.price_effect import ELSEWHERE, NO_PRICE, price_effect
from data.loading.reprice import reprice
from data.people import Person
from data.prices import catalogue, catalogue_file, catalogue_rows, editions, refresh
from data.prices.book import PriceBook
from data.sources.price_download import download
from data.state import State
from tests.conftest import ROOT
from tests.data.small_ledger import rows

NOVEMBER = date(2026, 11, 20)
AT = datetime.combine(NOVEMBER, datetime.min.time())
OPENAI = {
    "id": "openai",
    "name": "OpenAI",
    "api_pattern": "https://api\\.openai\\.com",
    "model_match": {"starts_with": "gpt-"},
    "models": [],
}


def model(name: str, **prices: object) -> dict:
    return {"id": name, "match": {"equals": name}, "prices": prices}


def book(*models: dict, **changed: object) -> bytes:
    """genai-prices' file with one provider."""
    return json.dumps([{**OPENAI, "models": list(models)} | changed]).encode()


CHEAPER = book(model("gpt-5.2", input_mtok=1, output_mtok=7), model("brand-new", input_mtok=1, output_mtok=1))


def proposal(content: bytes = CHEAPER) -> refresh.Proposal:
    return refresh.read(content, NOVEMBER, "data.json")


@pytest.fixture
def log(ledger, state, tmp_path):
    """Of 40 days: gpt-5.2 every day, gpt-4o on one, a model in no list, and one whose cost the log reports."""

    def call(number: int, name: str, **more: object) -> dict:
        day = datetime(2026, 11, 20, 12, tzinfo=UTC) - timedelta(days=number % 40)
        told = {"request_id": f"r{number}", "response_id": f"r{number}", "request_created_at": day.isoformat()}
        counts = {"prompt_tokens": 1_000_000, "completion_tokens": 1_000_000, "total_tokens": 2_000_000}
        return told | {"response_status": 200, "provider": "OPENAI", "model": name} | counts | more

    calls = [call(number, "gpt-5.2") for number in range(40)]
    calls += [call(40, "gpt-4o"), call(80, "brand-new"), call(120, "gpt-5.2", cost=5.0)]
    path = tmp_path / "log.jsonl"
    path.write_text("".join(json.dumps(one) + "\n" for one in calls))
    ingest(ledger, state, [path])
    return ledger


def accept(ledger, state, content: bytes = CHEAPER) -> None:
    wanted = proposal(content)
    refresh.accept(ledger, state, wanted, editions.choice(ledger.home).in_force, {})


def costs(view) -> list[Decimal]:
    return [row["cost_usd"] for row in rows(view, "cost_usd")]


def test_the_difference_is_of_28_days_in_dollars_and_nothing_is_written(log, state):
    before, version = costs(log), log.snapshot()
    effect = price_effect(log, state, proposal().catalogue)
    told = {row.model: row for row in effect.rows.itertuples(index=False)}
    assert (effect.start, effect.last) == (date(2026, 10, 24), NOVEMBER)
    changed = told["gpt-5.2"]
    assert changed.attempts == 29 and changed.price_before.startswith("fresh input 1.75, ")
    assert "output 14" in changed.price_before and "output 7" in changed.price_after
    # 28 attempts at the list (1.75 + 14 each, then 1 + 7); what the log reports for one more stays
    reported = costs(log)[42]
    assert (changed.before_usd, changed.after_usd) == (28 * Decimal("15.75") + reported, 28 * Decimal(8) + reported)
    assert changed.change_usd == 28 * (Decimal(8) - Decimal("15.75"))
    assert changed.list_change_usd == 29 * (Decimal(8) - Decimal("15.75"))
    assert told["gpt-4o"].price_after == NO_PRICE and told["gpt-4o"].after_usd is None
    assert told["brand-new"].price_before == NO_PRICE and told["brand-new"].before_usd is None
    assert told["brand-new"].after_usd == 2
    assert effect.after_usd - effect.before_usd == sum(effect.rows["change_usd"])
    assert (effect.unpriced_before, effect.unpriced_after) == (1, 1)
    assert "prices of 3 models differ" in effect.sentence and "At list prices" in effect.sentence
    assert (costs(log), log.snapshot(), editions.choice(log.home).before) == (before, version, None)


def test_a_price_that_differs_on_other_days_alone_is_told_as_that(log, state):
    listed = catalogue.of_package().models["openai", "gpt-5.2"].prices
    same = {name: float(price) for name, price in vars(listed).items() if price is not None}
    dated = [{"prices": {"input_mtok": 9, "output_mtok": 9}}]
    dated += [{"constraint": {"start_date": "2026-11-19"}, "prices": same}]
    effect = price_effect(log, state, proposal(book({**model("gpt-5.2"), "prices": dated})).catalogue)
    row = effect.rows.set_index("model").loc["gpt-5.2"]
    assert row["price_before"] == row["price_after"] == ELSEWHERE and row["change_usd"] == 26 * (18 - Decimal("15.75"))


def test_accepted_prices_hold_for_new_rows_and_for_old_ones_once_they_are_repriced(log, state, tmp_path):
    before, trail = costs(log), len(state.audit())
    effect = price_effect(log, state, proposal().catalogue)
    refresh.accept(log, state, proposal(), effect.before, effect.told)
    entry = state.audit(1)[0]
    assert len(state.audit()) == trail + 1 and entry.event == refresh.ACCEPTED
    assert entry.detail["usd"] == [str(effect.before_usd), str(effect.after_usd)]
    assert costs(log) == before
    quote = PriceBook.load(state).quote("openai", "gpt-5.2", AT, output=1_000_000)
    assert (quote.cost_usd, quote.source_version) == (7, proposal().edition.version)
    assert reprice(log, state).rows == 43  # also what the log reports has another list price beside it
    assert costs(log)[:40] == [8] * 40 and costs(log)[41] == 2
    refresh.take_back(log, state)
    assert state.audit(1)[0].event == refresh.TAKEN_BACK
    reprice(log, state)
    assert costs(log) == before
    refresh.take_back(log, state)  # and what was taken back is there again
    assert editions.choice(log.home).in_force == proposal().edition


def test_another_process_sees_new_prices_without_a_restart(ledger, state):
    asked = """
import sys
import threading
from datetime import datetime
from data.prices.book import PriceBook
from data.state import State
for line in sys.stdin:
    at = datetime.fromisoformat("2026-11-20")
    quote = PriceBook.load(State.open()).quote("openai", "gpt-5.2", at, output=1_000_000)
    print(quote.cost_usd.normalize(), flush=True)
"""
    environment = {**os.environ, "BATON_HOME": str(ledger.home), "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        [sys.executable, "-c", asked], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    ) as other:
        assert other.stdin and other.stdout

        def price() -> str:
            assert other.stdin and other.stdout
            print(file=other.stdin, flush=True)
            return other.stdout.readline().strip()

        seen = [price()]
        accept(ledger, state)
        seen.append(price())
        refresh.take_back(ledger, state)
        seen.append(price())
        other.stdin.close()
    assert seen == ["14", "7", "14"]


def test_an_open_book_keeps_the_catalogue_it_was_made_with(ledger, state):
    held = PriceBook.load(state)
    accept(ledger, state)
    at = AT
    assert held.quote("openai", "gpt-5.2", at, output=1_000_000).cost_usd == 14
    assert PriceBook.load(state).quote("openai", "gpt-5.2", at, output=1_000_000).cost_usd == 7
    assert not PriceBook.load(state).match("openai", None, None, "gpt-4o").found
    assert held.match("openai", None, None, "gpt-4o").found


def test_what_was_compared_with_other_prices_is_compared_again(ledger, state):
    seen = editions.choice(ledger.home).in_force
    accept(ledger, state)
    trail = len(state.audit())
    with pytest.raises(BadInput, match="Meanwhile"):
        refresh.accept(ledger, state, proposal(book(model("gpt-5.2", input_mtok=2))), seen, {})
    with pytest.raises(BadInput, match="in force already"):
        accept(ledger, state)
    assert len(state.audit()) == trail


def test_a_refusal_is_noted_and_changes_nothing(ledger, state):
    refresh.refuse(state, proposal(), editions.choice(ledger.home).in_force, {"usd": ["1", "2"]})
    assert state.audit(1)[0].event == refresh.REFUSED and state.audit(1)[0].detail["usd"] == ["1", "2"]
    assert not (ledger.home / editions.FOLDER).exists()
    with pytest.raises(NoData, match="none to go back to"):
        refresh.take_back(ledger, state)


def test_prices_are_refreshed_by_an_admin_alone(ledger, state):
    accept(ledger, state)
    trail, held = len(state.audit()), editions.choice(ledger.home)
    other = proposal(book(model("gpt-5.2", input_mtok=2)))
    with people.acting_as(Person("olga", "operator")):
        for change in (
            lambda: refresh.accept(ledger, state, other, held.in_force, {}),
            lambda: refresh.refuse(state, other, held.in_force, {}),
            lambda: refresh.take_back(ledger, state),
        ):
            with pytest.raises(Refused, match="takes the role admin"):
                change()
    assert (len(state.audit()), editions.choice(ledger.home)) == (trail, held)


def test_what_is_not_written_down_is_not_in_force(ledger, state, monkeypatch):
    def fail(*_: object) -> None:
        raise LedgerError("trail")

    monkeypatch.setattr(State, "append_audit", fail)
    with pytest.raises(LedgerError, match="trail"):
        accept(ledger, state)
    assert editions.choice(ledger.home).in_force == editions.of_package()


WRONG = {
    "no JSON": (b"{", "is not JSON"),
    "nested": (b"[" * 100_000, "is not JSON"),
    "binary": (b"\xff\xfe\x00", "is not JSON"),
    "no list": (b"{}", "no list of providers"),
    "nothing": (b"[]", "no list of providers"),
    "LiteLLM's": (b'{"gpt-4o": {"input_cost_per_token": 1e-6}}', "no list of providers"),
    "no provider": (b"[1]", "cannot be used"),
    "no id": (b'[{"name": "x", "models": []}]', "cannot be used: 0"),
    "no model": (book(), "has no model"),
    "negative": (book(model("m", input_mtok=-1)), "says -1 for input_mtok of openai/m"),
    "huge": (book(model("m", input_mtok=10**9)), "for input_mtok of openai/m"),
    "a word": (book(model("m", input_mtok="dear")), "cannot be used"),
    "not a number": (b'[{"id": "a", "name": "a", "api_pattern": "a", "models": [{"id": "m", "match": {"equals": "m"},'
                     b' "prices": {"input_mtok": NaN}}]}]', "cannot be used|says NaN"),
    "dear step": (book(model("m", input_mtok={"base": 1, "tiers": [{"start": 5, "price": -3}]})), "says -3"),
    "no price": (book({**model("m"), "prices": []}), "no price of openai/m"),
    "twice": (json.dumps(json.loads(CHEAPER) * 2).encode(), "names a provider twice"),
    "pattern": (book({**model("m", input_mtok=1), "match": {"regex": "("}}), "pattern of openai/m that is none"),
    "slow pattern": (book({**model("m", input_mtok=1), "match": {"regex": "(a+)+$"}}), "may take for ever"),
    "slow provider": (book(model("m", input_mtok=1), model_match={"or": [{"regex": "(x*)*y"}]}), "may take for ever"),
    "slow row": (book({**model("m", input_mtok=1), "match": {"regex": ".*a.*b.*c.*d"}}), "may take for ever"),
    "day": (book({**model("m"), "prices": [{"constraint": {"start_date": "soon"}, "prices": {}}]}), "cannot be used"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_a_file_that_is_no_price_book_is_refused_in_a_sentence_and_not_kept(ledger, tmp_path, name):
    content, reason = WRONG[name]
    path = tmp_path / "data.json"
    path.write_bytes(content)
    with pytest.raises(BadInput, match=reason) as refused:
        refresh.read_file(path)
    assert "\n" not in str(refused.value) and len(str(refused.value)) < 400
    assert not (ledger.home / editions.FOLDER).exists()


def test_a_file_of_tomorrow_and_a_file_that_is_not_there_are_refused(tmp_path):
    with pytest.raises(BadInput, match="not known yet"):
        refresh.read(CHEAPER, datetime.now(UTC).date() + timedelta(days=1), "x")
    with pytest.raises(Unreadable, match="cannot be read"):
        refresh.read_file(tmp_path / "none.json")


@pytest.mark.parametrize("damage", ["gone", "changed", "note"])
def test_a_book_that_was_damaged_is_told_and_can_be_left(ledger, state, damage):
    accept(ledger, state)
    folder = ledger.home / editions.FOLDER
    file = folder / f"{proposal().edition.sha256}.json"
    if damage == "gone":
        file.unlink()
    elif damage == "changed":
        file.write_bytes(CHEAPER.replace(b"7", b"8"))
    else:
        (folder / editions.IN_FORCE).write_text('{"in_force": 3}')
    catalogue._of_file.cache_clear()  # as in a process that starts now
    with pytest.raises(BadInput, match="--undo|remove it to go back") as told:
        PriceBook.load(state)
    assert str(folder) in str(told.value)
    if damage != "note":
        assert refresh.take_back(ledger, state) == editions.of_package()
        assert PriceBook.load(state).match("openai", None, None, "gpt-4o").found


def test_the_file_that_the_package_ships_changes_nothing():
    package = catalogue.of_package()
    assert editions.of_package().as_of, "note the day of this version in catalogue_releases of price_notes.yaml"
    assert refresh.of_package().catalogue is package and refresh.of_package().content == b""


def test_prices_are_downloaded_from_where_they_are_kept(ledger):
    answers = [(503, b""), (200, CHEAPER), (200, b"<html>"), *[(500, b"")] * 6]

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = answers.pop(0) if self.path == "/prices/data.json" else (404, b"")
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}/prices/data.json"
        found = download(address, sleep=_at_once)
        assert found.edition.origin == address and found.content == CHEAPER
        with pytest.raises(BadInput, match="is not JSON"):
            download(address, sleep=_at_once)
        with pytest.raises(Refused, match="was asked 6 times: it answered 500"):
            download(address, sleep=_at_once)
        server.shutdown()
    assert not answers and not (ledger.home / editions.FOLDER).exists()


async def _at_once(_seconds: float) -> None:
    """No waiting."""


def test_the_packages_prices_survive_being_written_as_a_file():
    package = catalogue.of_package()
    again = catalogue.Catalogue(package.edition, catalogue_file.read(catalogue.package_file()))

    def laid_out(book: catalogue.Catalogue) -> dict[tuple[str, str], list[Any]]:
        with catalogue.using(book):
            return {one: list(catalogue_rows.rows(*one)) for one in catalogue.models()}

    assert laid_out(again) == laid_out(package)


def test_an_update_of_the_package_changes_no_price_before_it_is_accepted(log, state, monkeypatch):
    """`pip install -U genai-prices` between two loads: the store goes on with what it priced by."""
    old, before = editions.of_package(), costs(log)
    newer = proposal().catalogue.providers
    monkeypatch.setattr(editions, "of_package", lambda: editions.Edition("genai-prices 99.0", NOVEMBER))
    monkeypatch.setattr(catalogue, "of_package", lambda: catalogue.Catalogue(editions.of_package(), newer))
    catalogue.package_file.cache_clear()
    editions._choice.cache_clear()
    try:
        held = editions.choice(log.home).in_force
        assert (held.version, held.origin) == (old.version, editions.BEFORE_UPDATE) and held.sha256
        quote = PriceBook.load(state).quote("openai", "gpt-5.2", AT, output=1_000_000)
        assert (quote.cost_usd, quote.source_version) == (14, old.version)
        assert reprice(log, state).rows == 0 and costs(log) == before
        effect = price_effect(log, state, refresh.of_package().catalogue)
        assert effect.before == held and effect.after.version == "genai-prices 99.0" and effect.rows["change_usd"].any()
        refresh.accept(log, state, refresh.of_package(), effect.before, effect.told)
        assert editions.choice(log.home).in_force == editions.of_package()
        assert PriceBook.load(state).quote("openai", "gpt-5.2", AT, output=1_000_000).cost_usd == 7
        refresh.take_back(log, state)
        assert editions.choice(log.home).in_force.sha256 == held.sha256
    finally:
        catalogue.package_file.cache_clear()
        editions._choice.cache_clear()
