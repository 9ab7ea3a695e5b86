"""A drill and a rerouting in words and as plain values: what commands and pages say of them."""

from __future__ import annotations

from typing import Any

from data import wording
from simulations.outages.drill import Drill
from simulations.outages.queues import Queue
from simulations.outages.rerouting import Rerouted, Rerouting


def drill_as_json(found: Drill) -> dict[str, Any]:
    """A drill as plain values; requests are logical calls, money is USD of the outage's hours."""
    return {
        "name": found.outage.name,
        "out": found.outage.what,
        "since_utc": found.hours.since,
        "until_utc": found.hours.until,
        "policy": found.policy,
        "requests": found.requests,
        "touched": found.touched,
        "taken": found.taken,
        "failed": found.failed,
        "unserved": found.unserved,
        "turned_away": found.turned_away,
        "extra_usd": found.extra_usd,
        "extra_never_warm_usd": found.extra_never_warm_usd,
        "unpriced": found.unpriced,
        "by_model": found.by_model.to_dict("records"),
        "refusals": found.refusals.to_dict("records"),
        "queues": [queue._asdict() for queue in found.carried.queues],
    }


def drill_sentences(found: Drill) -> list[str]:
    """The drill in words: who fails, who answers, dollars, limits."""
    hours, more = found.hours, "more" if found.extra_usd >= 0 else "less"
    words = [
        f"{found.outage.what} out from {hours.since:%Y-%m-%d %H:%M} to {hours.until:%Y-%m-%d %H:%M} UTC under "
        f"“{found.policy}”: {found.touched:,.0f} of {found.requests:,} requests ask it first, "
        f"{found.failed:,.0f} fail, {found.taken:,.0f} are answered by others",
        f"the answered cost {wording.usd(abs(found.extra_usd))} {more}; "
        f"{wording.usd(found.extra_never_warm_usd)} more if no prompt cache stays warm",
    ]
    words += [f"{r.requests:,.0f} may not go to {r.target}: {r.reason}" for r in found.refusals.itertuples()]
    return words + [queue_words(queue) for queue in found.carried.queues]


def queue_words(queue: Queue) -> str:
    """What one model met, in words."""
    load = f"{queue.model}: {queue.peak:,.0f} requests in the busiest minute, {queue.peak_own:,.0f} without the outage"
    if queue.limit is None:
        return f"{load}; its rate limit is unknown and taken as none"
    return (
        f"{load}; above its {queue.limit:,.0f} a minute in {queue.minutes_over:,} minutes, {queue.waited:,.0f} "
        f"wait, at most {queue.longest_wait_minutes:.1f} minutes"
    )


def rerouting_sentences(wish: Rerouting, found: Rerouted) -> list[str]:
    """The rerouting in words."""
    causes = ", ".join(f"{name} {count:,}" for name, count in found.causes.items())
    taken = found.after_failure + found.held_back
    words = [
        f"{found.requests:,} requests first asked {wish.what}; "
        f"{wording.share(found.failed / found.requests)} failed on the first try ({causes or 'none'}), "
        f"{found.never:,} never succeeded",
        f"{taken:,} go to {wish.to}: {found.after_failure:,} after a failure, {found.held_back:,} held back by the "
        f"limiter, which rests {found.rests:,} times; {found.answered:,} of them never succeeded before",
    ]
    if found.forbidden:
        words.append(f"{found.forbidden:,} may not go there and stay as they are")
    if found.usd_then is None or found.usd_then_cold is None:
        words.append(f"{wish.to} has no price, so the dollars are unknown")
    else:
        words.append(
            f"these cost {wording.usd(found.usd_now)} in the log, {wording.usd(found.usd_then)} at {wish.to}, "
            f"{wording.usd(found.usd_then_cold)} without a warm cache"
        )
    if found.still_failing is None:
        words.append(f"how often {wish.to} fails is unknown: this log never asked it")
    else:
        words.append(f"{found.still_failing:,.0f} of them would fail there at its own rate in this log")
    return words
