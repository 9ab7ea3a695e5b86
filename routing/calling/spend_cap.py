"""The dollars a run may cost at most, reserved before each call and settled after it.

Charging after the answer overshoots as soon as two calls are in flight, so the worst case of a
call is put aside first. What a failed call may have cost stays held: it counts against the cap
although nobody has billed it yet.
"""

from __future__ import annotations

import asyncio
from decimal import Decimal

from data import wording
from data.errors import BadInput, Refused

ZERO = Decimal(0)


class Reservation:
    """Money put aside for one call; settled exactly once."""

    def __init__(self, cap: SpendCap, usd: Decimal) -> None:
        self._cap, self.usd = cap, usd
        self._open = True

    def settle(self, cost_usd: Decimal | None) -> None:
        """The call is over: its cost, 0 when it certainly cost nothing, None when nobody knows (it stays held)."""
        if self._open:
            self._open = False
            self._cap._settle(self.usd, cost_usd)


class SpendCap:
    """`limit_usd` None means no cap. `spent_usd` and `held_usd` may start above zero: a resumed run.

    `whose` names the limit in a refusal.
    """

    def __init__(
        self,
        limit_usd: Decimal | None,
        spent_usd: Decimal = ZERO,
        held_usd: Decimal = ZERO,
        whose: str = "The spend cap",
    ) -> None:
        if limit_usd is not None and not (limit_usd.is_finite() and limit_usd >= 0):
            raise BadInput(
                f"A spend cap of {limit_usd} USD is no amount; give a number of dollars, 0 for free models only."
            )
        self.limit_usd, self.spent_usd, self.held_usd = limit_usd, spent_usd, held_usd
        self.reserved_usd = ZERO
        self._whose = whose
        self._settled = asyncio.Event()

    @property
    def left_usd(self) -> Decimal | None:
        """What may still be reserved; None without a cap."""
        return None if self.limit_usd is None else self.limit_usd - self.spent_usd - self.held_usd - self.reserved_usd

    def try_reserve(self, worst_usd: Decimal | None) -> Reservation | None:
        """Put `worst_usd` aside, or None when it does not fit now. Under a cap an unknown price is refused."""
        if worst_usd is None:
            if self.limit_usd is not None:
                raise Refused("This model has no price, so no dollar cap can hold; give its price, or 0 if it is free.")
            worst_usd = ZERO
        if worst_usd < 0:
            raise BadInput(f"A call cannot cost {worst_usd} USD; correct the model's price.")
        if self.left_usd is not None and worst_usd > self.left_usd:
            return None
        self.reserved_usd += worst_usd
        return Reservation(self, worst_usd)

    async def reserve(self, worst_usd: Decimal | None) -> Reservation:
        """As `try_reserve`, waiting for calls in flight to settle. Refused when it can no longer fit at all."""
        while (reservation := self.try_reserve(worst_usd)) is None:
            # Only a known cost under a limit can fail to fit.
            assert self.limit_usd is not None and worst_usd is not None
            if worst_usd > self.limit_usd - self.spent_usd - self.held_usd:
                raise Refused(
                    f"{self._whose} of ${self.limit_usd} is reached: {wording.usd(self.spent_usd)} spent, "
                    f"{wording.usd(self.held_usd)} held for calls of unknown cost, and this call may cost "
                    f"{wording.usd(worst_usd)}. Raise it to go on."
                )
            self._settled.clear()
            await self._settled.wait()
        return reservation

    def _settle(self, reserved_usd: Decimal, cost_usd: Decimal | None) -> None:
        self.reserved_usd -= reserved_usd
        if cost_usd is None:
            self.held_usd += reserved_usd
        else:
            self.spent_usd += cost_usd
        self._settled.set()
