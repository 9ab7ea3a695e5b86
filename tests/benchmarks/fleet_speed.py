"""A day of a million requests through sixteen replicas: must take less than 30 s.

python -m tests.benchmarks.fleet_speed
"""

from __future__ import annotations

import time

import numpy as np

from simulations.hosting.arrivals import Requests, requests_in_order
from simulations.hosting.deployment import Deployment, RequestShape
from simulations.hosting.fleet import Objective, service_rates
from simulations.hosting.serving_queue import replay


def day(count: int, hours: int = 24) -> Requests:
    """`count` requests over a day or fewer hours, long-tailed sizes."""
    rng = np.random.default_rng(0)
    return requests_in_order(
        rng.uniform(0, 3600 * hours, count),
        rng.lognormal(7, 1, count).clip(1, 16_000),
        np.zeros(count),
        rng.lognormal(5, 0.8, count).clip(1, 4000),
    )


def main() -> None:
    """Time the replay and print what it found."""
    rates, _ = service_rates(
        Deployment.from_names("llama-3.1-70b", "h100", 4, "tp4", "fp8"), RequestShape(2048, 0, 250), Objective(3000, 60)
    )
    requests = day(1_000_000)
    start, cpu = time.perf_counter(), time.process_time()
    seen = replay(requests, rates, 16)
    seconds, cpu_seconds = time.perf_counter() - start, time.process_time() - cpu
    print(
        f"1,000,000 requests, 16 replicas: {seconds:.1f} s, of CPU {cpu_seconds:.1f} s (30 / CPU ="
        f" {30 / cpu_seconds:.1f})",
        {k: round(v) for k, v in seen.percentiles().items()},
    )


if __name__ == "__main__":
    main()
