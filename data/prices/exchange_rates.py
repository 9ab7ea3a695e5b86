"""Dated exchange rates the operator gives, so that bills in another currency can be compared in dollars."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from data.errors import BadInput


class BilledRate(BaseModel):
    """One unit of a currency in USD, as of a day."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    usd_rate: Decimal = Field(gt=0, lt=10_000)
    on: date


def save(state: Any, name: str, body: dict[str, Any], actor: str = "") -> BilledRate:
    """Check and keep the rate of a currency (ISO 4217 code); raises BadInput naming the field."""
    if not re.fullmatch(r"[A-Z]{3}", name) or name == "USD":
        raise BadInput(f"{name!r} is no foreign currency; use a code of three capitals such as EUR.")
    try:
        rate = BilledRate.model_validate(body)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(map(str, first["loc"])) or "rate"
        raise BadInput(
            f"Rate of {name}: {field}: {first['msg']}; give USD for one {name} and the day it holds for."
        ) from error
    state.put("billed_rate", name, rate.model_dump(mode="json"))
    state.append_audit("exchange rate saved", {"name": name, **rate.model_dump(mode="json")}, actor)
    return rate


def forget(state: Any, name: str, actor: str = "") -> None:
    """Remove a rate: bills in that currency are kept apart again."""
    state.delete("billed_rate", name)
    state.append_audit("exchange rate removed", {"name": name}, actor)
