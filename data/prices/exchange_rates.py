"""Dated exchange rates the operator gives, so that bills in another currency can be compared in dollars."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal

from pydantic import BaseModel, ConfigDict, Field

from data.documents import Documents
from data.errors import BadInput


class BilledRate(BaseModel):
    """One unit of a currency in USD, as of a day."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    usd_rate: Decimal = Field(gt=0, lt=10_000)
    on: date


def _known(name: str, rate: BilledRate) -> None:
    if not re.fullmatch(r"[A-Z]{3}", name) or name == "USD":
        raise BadInput(f"{name!r} is no foreign currency; use a code of three capitals such as EUR.")


RATES = Documents("billed_rate", BilledRate, check=_known)  # by ISO 4217 code
