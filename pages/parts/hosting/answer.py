"""What Self-host answers: the sentence, its tiles, the fleet in words."""

from __future__ import annotations

from typing import Any

from pages.parts.hosting.charts import NAMES
from pages.ui import format as fmt
from pages.ui import tiles
from simulations.hosting.breakeven_scenario import Replica
from simulations.hosting.serving_point import TTFT_BAND
from simulations.hosting.study import Study

DOING = {"rented": "Renting GPUs", "bought": "Buying GPUs", "host": "A host", "api": "The API"}


def title_of(study: Study, model: str) -> str:
    """The answer with its odds, in two lines; a host that is cheaper than all is named."""
    result = study.result
    totals = {name: option["total_usd"] for name, option in result["options"].items()}
    text = payback_words(result, model)
    if min(totals, key=lambda name: totals[name]) == "host":
        text += f"; a host saves {fmt.usd_short((totals['api'] - totals['host']) / result['months'])} a month"
    return text


def payback_words(result: dict[str, Any], model: str) -> str:
    """Whether and when it pays back, the likelier half first, whatever the middle of every figure says."""
    months, never = result["payback_months"], result["chance_never_pays_back"]
    doing, odds, span = DOING[result["option"]], fmt.odds(never), f"in {result['months']} months"
    if months is None:
        text = f"Own machines for {model} do not pay back {span}"
        return f"{text} ({odds} of futures)" if never >= 0.5 else f"{text} as it stands, but in most futures they do"
    when = "is cheaper at once" if months == 0 else f"pays back in {months:.0f} months"
    if never > 0.5:
        return f"{doing} for {model} probably never pays back ({odds} of futures); as it stands it {when}"
    return f"{doing} for {model} {when}; {odds} chance that it never does"


def kpis(study: Study) -> None:
    """Payback, saving, fleet, tokens."""
    result, cells = study.result, tiles.row()
    option = result["options"][result["option"]]
    months = result["payback_months"]
    odds = result["payback"]
    cells[0].metric(
        "Payback",
        months_words(months),
        delta=months_range(odds["p10"], odds["p90"]),
        delta_color="off",
        delta_arrow="off",
        help="Every figure in the middle; below it P10 to P90 of the sampled futures.",
    )
    saved = result["options"]["api"]["total_usd"] - option["total_usd"]
    cells[1].metric(
        f"Saving over {result['months']} months",
        fmt.usd_short(saved),
        delta=fmt.usd_range(result["p10"], result["p90"]),
        delta_color="off",
        delta_arrow="off",
        help=fmt.md(
            "Against the API as today, every figure in the middle; below it P10 to P90 of the sampled "
            f"futures (P50 {fmt.usd_short(result['p50'])})."
        ),
    )
    cells[2].metric(
        "GPUs paid for",
        fmt.count(option["gpus"]),
        delta=f"{fmt.share(option['utilisation'])} used",
        delta_color="off",
        delta_arrow="off",
        help="Mean work over what the paid replicas could serve at the objective.",
    )
    cells[3].metric(
        "Per 1M tokens, own",
        fmt.usd(option["usd_per_mtok_reserved"]),
        delta=f"API {fmt.usd(result['options']['api']['usd_per_mtok_reserved'])}",
        delta_color="off",
        delta_arrow="off",
        help="All paid hours over the tokens served, input and output together.",
    )


FIRST_TOKEN = "{:g} to {:g} times the predicted (P10 to P90)".format(*TTFT_BAND)


def months_words(value: float | None) -> str:
    return "never" if value is None else "at once" if value == 0 else f"{value:.0f} months"


def months_range(low: float | None, high: float | None) -> str:
    """12 to 36 months, at once to never; one of both where they are the same."""
    first, last = months_words(low), months_words(high)
    if first == last:
        return first
    return f"{first.removesuffix(' months') if last.endswith(' months') else first} to {last}"


def replica_of(study: Study) -> Replica:
    assert study.scenario.replica is not None, "a study fills the replica in"
    return study.scenario.replica


def fleet_words(study: Study, paid: int) -> str:
    """Why that many replicas: the work alone, the promise on waiting, the spare."""
    replica, load, seen = replica_of(study), study.fleet.load, study.fleet.latencies.percentiles()
    busy, hours = (
        int(replica.load_replicas or 0),
        f"first token P95 {fmt.milliseconds(seen['ttft_p95_ms'])}, each further one "
        f"{fmt.milliseconds(seen['tpot_p95_ms'])}",
    )
    kept = (
        f"{busy} keep the promise in the busiest hours ({hours})"
        if busy >= study.fleet.replicas
        else f"{busy} carry the base load, bursts go to the API"
    )
    work = f"The work alone fills {load.mean():.2f} replicas in a mean hour and {load.max():.2f} in the busiest minute"
    told = f"{work}. {kept}, {paid - busy} spare: {paid} paid for, {replica.gpus} GPUs each. "
    return told + f"The wait for a first token is a queue's estimate, no promise: measured ones were {FIRST_TOKEN}."


def cost_words(result: dict[str, Any]) -> str:
    """What each option has cost after the months asked for."""
    totals = ", ".join(f"{NAMES[name]} {fmt.usd_short(o['total_usd'])}" for name, o in result["options"].items())
    sold = " What bought machines are still worth comes off in the last month." if "bought" in result["options"] else ""
    return f"After {result['months']} months: {totals}.{sold}"


def volume_words(result: dict[str, Any], most: float) -> str:
    """From what volume on own machines pay; `most` is the largest multiple of today's traffic that was tried."""
    found = result["breakeven_volume"]
    if not found or found["multiple"] is None:
        return f"No volume up to {most:g} times today's makes it pay."
    tokens = fmt.short(found["tokens_per_month"])
    return f"It pays from {found['multiple']:.2g} times today's traffic ({tokens} tokens a month)."
