"""The router against a misbehaving server on real sockets: every class of failure, every reported bug."""

from __future__ import annotations

import asyncio
import gc
import time
import warnings
from decimal import Decimal
from pathlib import Path

import pytest
import yaml

from routing.calling.endpoints import Fleet
from routing.calling.failures import classify
from tests.routing.live import one_call, policy, provider, run
from tests.routing.scripted_server import ScriptedServer

# behaviour of the first model -> (class of its failure, attempts at it before the second model answers)
FAILURES = {
    "429-float": ("rate_limit", 2),
    "429-ms": ("rate_limit", 2),
    "429-past": ("rate_limit", 2),
    "429-nonsense": ("rate_limit", 2),
    "429-bare": ("rate_limit", 2),
    "429-long": ("rate_limit", 1),
    "500": ("server", 2),
    "503": ("server", 2),
    "500-never": ("server", 1),
    "408": ("timeout", 2),
    "hang-up": ("cut", 2),
    "cut-in-body": ("cut", 2),
    "not-a-completion": ("protocol", 2),
    "wrong-type": ("protocol", 2),
    "redirect": ("redirect", 1),
    "401": ("auth", 1),
    "404": ("not_found", 1),
    "too-long": ("context_length", 1),
    "filtered": ("content_filter", 1),
}


@pytest.mark.parametrize("behaviour", FAILURES)
def test_a_failing_model_is_classified_and_the_fallback_answers(behaviour):
    kind, tries = FAILURES[behaviour]
    with ScriptedServer() as server:
        reply, journal, _ = run(one_call(provider(server.url, behaviour, "ok"), [behaviour, "ok"]))
    assert reply.answer.text == "42"
    assert [a.model for a in reply.attempts] == [behaviour] * tries + ["ok"]
    assert {a.failure for a in reply.attempts[:-1]} == {kind}
    assert len(server.seen) == tries + 1
    assert all(detail["class"] == kind for event, detail in journal.notes if event == "call failed")


CASES = yaml.safe_load((Path(__file__).resolve().parents[1] / "cases" / "call_failures.yaml").read_text())


@pytest.mark.parametrize("case", CASES, ids=lambda c: f"{c['from']}-{c['status']}-{c['is']}")
def test_an_error_is_classed_by_its_cause(case):
    assert classify(case["status"], case["body"]) == case["is"]


def test_an_empty_account_does_not_fail_every_request_of_a_policy():
    """LiteLLM 37592: a 400 for want of money was taken for a fault of the request."""
    with ScriptedServer() as server:
        replies, fleet = run(many(provider(server.url, "no-money", "ok"), ["no-money", "ok"], 3))
    assert all(reply.answer.text == "42" for reply in replies)
    assert [body["model"] for body in server.seen] == ["no-money", "ok", "ok", "ok"]
    assert fleet.endpoints[0].breaker.state == "open"


def test_a_bad_request_is_ours_and_is_sent_nowhere_else():
    with ScriptedServer() as server:
        reply, _, _ = run(one_call(provider(server.url, "bad-request", "ok"), ["bad-request", "ok"]))
    assert reply.answer is None and reply.failure.kind == "bad_request" and len(server.seen) == 1


def test_retry_after_is_honoured():
    with ScriptedServer(lambda n, body: "429-seconds" if n == 1 else "ok") as server:
        reply, _, _ = run(one_call(provider(server.url, "m"), ["m"]))
    assert reply.answer.text == "42" and len(server.seen) == 2
    assert server.arrived[1] - server.arrived[0] >= 1.0


def test_retry_after_as_a_date_is_honoured():
    with ScriptedServer(lambda n, body: "429-date" if n == 1 else "ok") as server:
        reply, _, _ = run(one_call(provider(server.url, "m"), ["m"]))
    assert reply.answer.text == "42" and server.arrived[1] - server.arrived[0] >= 0.15


def test_a_long_retry_after_with_nothing_else_fails_at_once_and_says_when():
    with ScriptedServer() as server:
        reply, _, router = run(one_call(provider(server.url, "429-long"), ["429-long"], attempts=5))
    assert reply.answer is None and len(server.seen) == 1 and reply.failure.retry_after_s == 3600
    assert router.fleet.endpoints[0].breaker.wait_s() > 3500


def test_every_model_down_ends_within_the_shared_budget_of_attempts():
    with ScriptedServer() as server:
        reply, _, _ = run(one_call(provider(server.url, "500", "503", "ok"), ["500", "503", "ok"], attempts=3))
    assert reply.answer is None and len(server.seen) == 3 == len(reply.attempts)


def test_the_time_budget_ends_a_hanging_call_and_its_cost_stays_held():
    with ScriptedServer() as server:
        declared = provider(server.url, "hang", timeout_s=3000)
        reply, _, router = run(one_call(declared, ["hang"], seconds=1.0))
    assert reply.failure.kind == "timeout" and "time budget ended" in reply.attempts[0].message
    assert router.cap.held_usd == reply.attempts[0].reserved_usd > 0 and router.cap.spent_usd == 0


def test_connection_refused_and_tls_are_told_apart():
    with ScriptedServer() as server:
        good = provider(server.url, "ok", name="good")
        plain_behind_https = provider(server.url.replace("http:", "https:"), "tls", name="tls")
        nobody = provider("http://127.0.0.1:9/v1", "dead", name="dead")
        with warnings.catch_warnings():
            # httpcore 1.0.9 leaves the socket of a failed TLS handshake to the garbage collector.
            warnings.simplefilter("ignore", ResourceWarning)
            reply, _, _ = run(one_call([nobody, plain_behind_https, good], ["dead", "tls", "ok"], attempts=6))
            gc.collect()
    assert reply.answer.text == "42"
    assert [(a.model, a.failure) for a in reply.attempts] == [
        ("dead", "connect"),
        ("dead", "connect"),
        ("tls", "tls"),
        ("ok", None),
    ]
    assert all(a.cost_usd == 0 for a in reply.attempts[:3])


def test_after_the_first_byte_there_is_no_fallback_and_the_part_is_kept():
    with ScriptedServer() as server:
        declared = provider(server.url, "cut-in-stream", "ok", stream=True)
        reply, _, router = run(one_call(declared, ["cut-in-stream", "ok"]))
    assert reply.failure.kind == "partial" and reply.failure.partial.text == "The first half" and len(server.seen) == 1
    assert reply.attempts[0].cost_usd is None and router.cap.held_usd > 0


def test_before_the_first_byte_a_cut_stream_falls_back():
    with ScriptedServer() as server:
        declared = provider(server.url, "cut-before-content", "ok", stream=True)
        reply, _, _ = run(one_call(declared, ["cut-before-content", "ok"]))
    assert reply.answer.text == "42" and reply.answer.ttft_ms is not None


@pytest.mark.parametrize("model", ["ok", "usage-on-content"])
def test_streams_report_usage_on_a_chunk_of_its_own_or_on_the_last_content(model):
    with ScriptedServer() as server:
        reply, _, _ = run(one_call(provider(server.url, model, stream=True), [model]))
    assert reply.answer.tokens.known and server.seen[0]["stream_options"] == {"include_usage": True}


@pytest.mark.parametrize("behaviour", ["garbled-usage", "absurd-usage", "no-usage"])
def test_unusable_usage_is_unknown_not_zero_and_holds_the_reservation(behaviour):
    with ScriptedServer() as server:
        reply, _, router = run(one_call(provider(server.url, behaviour), [behaviour]))
    attempt = reply.attempts[0]
    assert reply.answer.text == "42" and attempt.cost_usd is None and not attempt.tokens.known
    assert router.cap.held_usd == attempt.reserved_usd and router.cap.spent_usd == 0


@pytest.mark.parametrize("behaviour", ["endless", "endless-line"])
def test_an_endless_body_is_cut_off(behaviour):
    with ScriptedServer() as server:
        declared = provider(server.url, behaviour, "ok", timeout_s=20, stream=behaviour == "endless-line")
        reply, _, _ = run(one_call(declared, [behaviour, "ok"], seconds=20))
    assert reply.answer.text == "42" and reply.attempts[0].failure == "protocol"


def test_a_constraint_holds_at_the_last_gate_also_for_fallbacks():
    rules = policy(
        constraints=[{"when": {"data_class": ["customer"]}, "forbid": {"origin": ["CN"], "hosting": ["api"]}}],
        rules=[{"when": {}, "use": "500"}],
        fallback=["abroad", "ok"],
    )
    with ScriptedServer() as server:
        home = provider(server.url, "500", "ok", name="home", origin="US")
        abroad = provider(server.url, "abroad", name="abroad", origin="CN")
        reply, _, _ = run(one_call([home, abroad], [], rules=rules, attributes={"data_class": "customer"}))
    assert reply.answer.text == "42" and {body["model"] for body in server.seen} == {"500", "ok"}


def test_no_model_left_by_the_constraints_is_refused_with_the_reason_and_not_sent():
    rules = policy(
        constraints=[{"require": {"hipaa_eligible": True}}], rules=[{"when": {}, "use": "ok"}], fallback=["ok"]
    )
    with ScriptedServer() as server:
        reply, _, _ = run(one_call(provider(server.url, "ok"), [], rules=rules))
    assert reply.answer is None and not server.seen and "no declared endpoint may answer" in reply.refused


def test_a_cap_of_zero_lets_only_free_models_answer():
    with ScriptedServer() as server:
        paid, _, _ = run(one_call(provider(server.url, "ok"), ["ok"], cap="0"))
        free = {"model": "ok", "input_usd_per_mtok": 0, "output_usd_per_mtok": 0}
        answered, _, _ = run(one_call(provider(server.url, models=[free]), ["ok"], cap="0"))
    assert "spend cap" in paid.refused and answered.answer.text == "42" and len(server.seen) == 1


def test_an_unknown_price_is_refused_under_a_dollar_cap_only():
    with ScriptedServer() as server:
        declared = provider(server.url, models=[{"model": "ok"}])
        capped, _, _ = run(one_call(declared, ["ok"], cap="5"))
        open_ended, _, _ = run(one_call(declared, ["ok"], cap=None))
    assert (
        "has no price" in capped.refused and open_ended.answer.text == "42" and open_ended.attempts[0].cost_usd is None
    )


async def many(declared, chain, count, **more):
    """`count` calls one after another over one fleet."""
    fleet = Fleet([declared], {}, clock=time.monotonic, environ={})
    replies = [(await one_call(declared, chain, fleet=fleet, **more))[0] for _ in range(count)]
    await fleet.close()
    return replies, fleet


def test_the_breaker_works_with_one_endpoint_per_model():
    """LiteLLM 40405: a dead primary cost three attempts in every request of the outage."""
    with ScriptedServer() as server:
        replies, _ = run(many(provider(server.url, "500", "ok"), ["500", "ok"], 11))
    asked = [body["model"] for body in server.seen]
    assert all(reply.answer for reply in replies) and asked.count("500") <= 6


def test_every_attempt_counts_for_the_breaker_not_every_request():
    """LiteLLM 32574, PR 34836: five failures in a row open the circuit although only three requests failed."""
    with ScriptedServer() as server:
        _, fleet = run(many(provider(server.url, "500"), ["500"], 2, attempts=3, seconds=4))
    assert len(server.seen) == 5 and fleet.endpoints[0].breaker.state == "open"


def test_bad_answers_of_ours_do_not_open_the_circuit():
    with ScriptedServer() as server:
        _, fleet = run(many(provider(server.url, "too-long"), ["too-long"], 12))
    assert fleet.endpoints[0].breaker.state == "closed" and len(server.seen) == 12


def test_in_flight_counts_return_to_zero_whatever_happens():
    async def scenario():
        declared = provider(server.url, "500", "hang", "ok", "cut-in-body", timeout_s=0.3, concurrency=20)
        fleet = Fleet([declared], {}, clock=time.monotonic, environ={})
        calls = [
            asyncio.create_task(one_call(declared, [model], fleet=fleet, seconds=1))
            for model in ("500", "hang", "ok", "cut-in-body") * 5
        ]
        await asyncio.sleep(0.1)
        for call in calls[::3]:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)
        await fleet.close()
        return fleet

    with ScriptedServer() as server:
        fleet = run(scenario())
    assert [e.in_flight.count for e in fleet.endpoints] == [0, 0, 0, 0]


def test_context_fallback_goes_to_a_larger_window_only():
    with ScriptedServer() as server:
        priced = {"input_usd_per_mtok": 1, "output_usd_per_mtok": 1}
        offers = [
            {"model": "too-long", "context_window": 8192, **priced},
            {"model": "small", "context_window": 4096, **priced},
            {"model": "ok", "context_window": 100_000, **priced},
        ]
        reply, _, _ = run(one_call(provider(server.url, models=offers), ["too-long", "small", "ok"]))
    assert [a.model for a in reply.attempts] == ["too-long", "ok"]


def test_concurrency_is_bounded_per_endpoint():
    async def scenario():
        declared = provider(server.url, "slow", concurrency=3)
        fleet = Fleet([declared], {}, clock=time.monotonic, environ={})
        await asyncio.gather(*[one_call(declared, ["slow"], fleet=fleet) for _ in range(9)])
        await fleet.close()

    with ScriptedServer() as server:
        run(scenario())
    assert server.most_in_flight == 3


def test_the_money_of_every_attempt_is_counted():
    with ScriptedServer() as server:
        reply, _, router = run(one_call(provider(server.url, "ok"), ["ok"]))
    tokens = reply.answer.tokens
    assert (
        router.cap.spent_usd == reply.attempts[0].cost_usd == (tokens.fresh_input + 2 * tokens.output) / Decimal(10**6)
    )
    assert router.cap.reserved_usd == 0
