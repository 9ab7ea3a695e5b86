"""Known causes against what Baton names: `python -m tests.benchmarks.planted_truth [--write]`.

Every plant of tests/analytics/planted.py is loaded into a fresh ledger, twice with other noise; bridge,
anomalies and savings are asked for the cause. `planted_incidents` adds chains, silent changes, silence and what
lies ahead; quiet years count the false alarms. --write renews docs/planted-truth.md.
"""

from __future__ import annotations

import sys
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

from analytics.anomalies import anomaly_search
from analytics.anomalies.model_behaviour import MEASURES
from analytics.bridges import bridge
from analytics.savings import savings
from analytics.scope import Scope
from data.state import State
from routing.policies.in_force import forbidden
from tests.analytics import planted
from tests.benchmarks import planted_incidents

PAGE = Path(__file__).resolve().parents[2] / "docs" / "planted-truth.md"
DAYS, SEEDS, QUIET_YEARS = 70, (1, 2), (11, 12)
# plant: (feature, driver, saving that must name the feature; None where no finding is meant for it)
TRUTH = {
    "price rise": ("answers", "price", None),
    "cache broke": ("replies", "cache", "missed cache"),
    "longer outputs": ("answers", "output", None),
    "longer inputs": ("contracts", "input", None),
    "retry storm": ("contracts", "retries", "failures"),
    "volume": ("replies", "volume", None),
    "mix shift": ("ranking", "mix", "cheaper model"),
}


class Outcome(NamedTuple):
    plant: str
    seed: int
    bridge: str
    bridge_hit: bool
    anomaly: str
    anomaly_hit: bool
    saving: str
    saving_hit: bool | None


def judged(plant: str, seed: int) -> Outcome:
    feature, driver, wanted = TRUTH[plant]
    with tempfile.TemporaryDirectory() as home:
        ledger = planted.build(Path(home), plant, days=DAYS, seed=seed)
        view, state = ledger.at(ledger.snapshot()), State.open(home)
        week = Scope.of(view, planted.END - timedelta(days=7), planted.END)
        main = bridge.between(view, week.before(), week).main
        found = anomaly_search.findings(view, week).anomalies
        named = [one for one in found if one.value == feature or _only_model_of(one.value, feature)]
        findings = savings.findings(view, week, state, forbidden(state)).findings
        saving = next((one for one in findings if one.kind == wanted), None)
        hit = None if wanted is None else bool(saving and feature in saving.cells["feature"].to_list())
        ledger.close()
    told = named[0].title if named else "nothing"
    return Outcome(
        plant,
        seed,
        main.label,
        main.name == driver,
        told,
        bool(named),
        saving.title if saving else "nothing" if wanted else "not meant for it",
        hit,
    )


def _only_model_of(value: str, feature: str) -> bool:
    models = {w.model for w in planted.COMPANY if w.feature == feature}
    return value in models and sum(w.model == value for w in planted.COMPANY) == 1


class Quiet(NamedTuple):
    """A year in which nothing happened: alarms in `series` over `days`, and silent changes told at nine month ends."""

    alarms: int
    series: int
    days: int
    changes: int


def false_alarms(seed: int) -> Quiet:
    """What is told of a year in which nothing happened."""
    with tempfile.TemporaryDirectory() as home:
        ledger = planted.build(Path(home), "quiet", days=365, scale=0.5, seed=seed)
        view = ledger.at(ledger.snapshot())
        seen = anomaly_search.findings(view, Scope.of(view, planted.END - timedelta(days=337), planted.END))
        ledger.close()
    return Quiet(len(seen.anomalies), seen.checked, 337, planted_incidents.quiet_changes(seed))


def table(outcomes: list[Outcome], told: list[planted_incidents.Told], quiet: list[Quiet]) -> str:
    mark = {True: "hit", False: "**miss**", None: "–"}
    lines = [
        "# Planted truth",
        "",
        (
            "Synthetic ledgers whose cause of change is known, and what Baton names. From a run of `python -m"
            " tests.benchmarks.planted_truth --write`;"
        ),
        (
            f"{DAYS} days of history, the cause holds in the last seven, two seeds of noise. The company is in"
            " tests/analytics/planted.py."
        ),
        "",
        "| planted | seed | bridge says | | anomalies say | | savings say | |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for o in outcomes:
        lines.append(
            f"| {o.plant} | {o.seed} | {o.bridge} | {mark[o.bridge_hit]} | {o.anomaly} | {mark[o.anomaly_hit]} |"
            f" {o.saving} | {mark[o.saving_hit]} |"
        )
    hits = [sum(1 for o in outcomes if getattr(o, name)) for name in ("bridge_hit", "anomaly_hit", "saving_hit")]
    meant = sum(o.saving_hit is not None for o in outcomes)
    lines += [
        "",
        f"Bridge {hits[0]} of {len(outcomes)}, anomalies {hits[1]} of {len(outcomes)}, savings {hits[2]} of {meant}.",
        "",
        *planted_incidents.table(told),
        "## False alarms in quiet years",
        "",
    ]
    measures = len(MEASURES) * len({(w.provider, w.model, w.task_type) for w in planted.COMPANY})
    for seed, year in zip(QUIET_YEARS, quiet, strict=True):
        lines += [
            f"- seed {seed}: {year.alarms} alarms in {year.series} series over {year.days} days"
            f" ({year.series * year.days:,} days looked at);",
            f"  {year.changes} silent changes told of {measures} measures of models, asked at nine month ends.",
        ]
    return "\n".join(lines) + "\n"


def main() -> None:
    outcomes = []
    for plant in TRUTH:
        for seed in SEEDS:
            outcomes.append(judged(plant, seed))
            print(*outcomes[-1], sep=" | ", flush=True)
    text = table(outcomes, planted_incidents.judged(SEEDS), [false_alarms(seed) for seed in QUIET_YEARS])
    print(text)
    if "--write" in sys.argv:
        PAGE.write_text(text)


if __name__ == "__main__":
    main()
