"""Every kind of wrong value is said in our words, with what is legal there."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field

from data.errors import BadInput
from data.yaml_text import validate


class Filled(BaseModel):
    above: float = Field(1, gt=0)
    least: int = Field(1, ge=2.0, le=8)
    below: float = Field(0, lt=1)
    finite: float = Field(0, allow_inf_nan=False)
    word: Literal["left", "right"] = "left"
    text: str = Field("a", min_length=1, max_length=3)
    flag: bool = False
    day: date | None = None
    at: datetime | None = None
    usd: Decimal = Decimal(0)
    some: tuple[str, ...] = Field(("a",), min_length=1)
    named: dict[str, float] = {}
    code: Annotated[str, Field(pattern="^[A-Z]{2}$")] = "AA"


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({"above": 0}, "t: above: give a number above 0 (got 0)."),
        ({"above": "much"}, "t: above: give a number (got 'much')."),
        ({"least": 1}, "t: least: give a number of at least 2 (got 1)."),
        ({"least": 9}, "t: least: give a number of at most 8 (got 9)."),
        ({"least": 2.5}, "t: least: give a whole number (got 2.5)."),
        ({"below": 1}, "t: below: give a number below 1 (got 1)."),
        ({"finite": float("inf")}, "t: finite: give a finite number (got inf)."),
        ({"word": "up"}, "t: word: use one of: left, right (got 'up')."),
        ({"text": ""}, "t: text: give a text (got '')."),
        ({"text": "long"}, "t: text: give at most 3 characters (got 'long')."),
        ({"text": 7}, "t: text: give a text (got 7)."),
        ({"flag": "perhaps"}, "t: flag: give true or false (got 'perhaps')."),
        ({"day": "soon"}, "t: day: give a day such as 2026-11-20 (got 'soon')."),
        ({"at": "soon"}, "t: at: give a time such as 2026-11-20T09:00 (got 'soon')."),
        ({"usd": "x"}, "t: usd: give a number (got 'x')."),
        ({"some": 3}, "t: some: give a list (got 3)."),
        ({"some": []}, "t: some: give at least 1 entry."),
        ({"named": 3}, "t: named: give names with values (got 3)."),
        ({"named": {"a": "b"}}, "t: named.a: give a number (got 'b')."),
        ({"code": "a"}, "t: code: it is not written as it must be (^[A-Z]{2}$) (got 'a')."),
    ],
)
def test_a_wrong_value_is_one_plain_sentence(told: dict[str, Any], words: str) -> None:
    with pytest.raises(BadInput) as said:
        validate(Filled, told, None, "t")
    assert str(said.value) == words
