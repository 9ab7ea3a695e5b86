"""The fastest a replica may be driven while every user still gets tokens quickly enough."""

from __future__ import annotations

from data.errors import Refused
from simulations.hosting.capacity import capacity
from simulations.hosting.deployment import Deployment, RequestShape
from simulations.hosting.measured_curves import ServingMeasurement
from simulations.hosting.serving_point import ServingPoint

STEPS = 12  # halvings of the bracket: finer than a thousandth of it
MOST_IN_FLIGHT = 65536.0


def operating_point(
    deployment: Deployment,
    shape: RequestShape,
    tpot_ms: float,
    measurements: tuple[ServingMeasurement, ...] = (),
) -> ServingPoint:
    """The point of highest concurrency where nobody waits for a slot and every token comes within `tpot_ms`.

    Raises Refused when even one request alone is slower, and BadInput as `predict` does.
    """

    def at(concurrency: float) -> ServingPoint:
        return capacity(deployment, shape, concurrency, measurements=measurements)

    alone = at(1)
    if alone.tpot_ms > tpot_ms:
        raise Refused(
            f"One request alone on {deployment.count} x {alone.gpu} takes {alone.tpot_ms:.1f} ms per output token; "
            f"the objective is {tpot_ms:g} ms. "
            "Take more or faster GPUs a replica, a narrower precision, or a slower objective."
        )

    def good(point: ServingPoint) -> bool:
        return point.tpot_ms <= tpot_ms and point.concurrency / point.replicas <= point.batch * (1 + 1e-9)

    low, high = 1.0, 2.0
    while high < MOST_IN_FLIGHT and good(at(high)):
        low, high = high, high * 2
    for _ in range(STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if good(at(middle)) else (low, middle)
    return at(low)
