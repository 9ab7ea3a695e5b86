"""genai-prices' data file (`prices/new_data/v2/data.json` of its repository): read whole, or refused in a sentence.

The package's own reader makes the objects. What Baton then relies on is checked on top: prices that are numbers from
0 to LARGEST_PRICE, no provider twice, patterns of names that end in reasonable time, bounded numbers of everything.
"""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import fields, is_dataclass
from datetime import date, time
from decimal import Decimal
from typing import Any

from data.errors import BadInput

LARGEST_FILE = 32 * 2**20  # bytes; the real one has 0.4 MB
LARGEST_PRICE = Decimal(10**6)  # USD per million units: a dollar a token
MOST_MODELS, MOST_DATED = 20_000, 100  # the real one has 2,300 models, and a dozen dated prices of one at most
LONGEST_PATTERN, MOST_REPEATS = 300, 3
WANTED = "give genai-prices' prices/new_data/v2/data.json"


def read(content: bytes) -> dict[str, Any]:
    """genai-prices' providers by id; BadInput says what is wrong with the file. Nothing of it is kept here."""
    if len(content) > LARGEST_FILE:
        raise BadInput(f"The price file has {len(content):,} bytes; one has at most {LARGEST_FILE:,}.")
    try:
        raw = json.loads(content, parse_float=Decimal)
    except (ValueError, RecursionError) as error:
        told = "nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise BadInput(f"The price file is not JSON ({told}); {WANTED}.") from error
    if not isinstance(raw, list) or not raw:
        raise BadInput(f"The price file is no list of providers; {WANTED}.")
    listed = _made(raw)
    found = {provider.id: provider for provider in listed}
    if len(found) < len(listed):
        raise BadInput("The price file names a provider twice; " + WANTED + ".")
    for provider in listed:
        _check(provider)
    models = sum(len(provider.models) for provider in listed)
    if not models:
        raise BadInput(f"The price file has no model; {WANTED}.")
    if models > MOST_MODELS:
        raise BadInput(f"The price file has {models:,} models; at most {MOST_MODELS:,} are read.")
    return found


def write(providers: Iterable[Any]) -> bytes:
    """A file that `read` makes the same prices of. How answers are taken apart is left out: nobody here asks."""
    return json.dumps([_plain(provider) for provider in providers]).encode()


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return float(value)  # written with as few digits as it takes, which are the price's own
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, re.Pattern):
        return value.pattern
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    if is_dataclass(value):
        held = {field.name.rstrip("_"): getattr(value, field.name) for field in fields(value)}
        return {name: _plain(one) for name, one in held.items() if one is not None and name != "extractors"}
    return {name: _plain(one) for name, one in vars(value).items() if one is not None} if _is_object(value) else value


def _is_object(value: Any) -> bool:
    return value is not None and not isinstance(value, str | int | float | bool)


def _made(raw: list[Any]) -> list[Any]:
    """The package's objects."""
    from genai_prices import types
    from pydantic import ValidationError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a unit that this version of the package does not know prices nothing
            return types._providers_from_raw(raw)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"][:6])
        raise BadInput(f"The price file cannot be used: {where}: {first['msg']}; {WANTED}.") from error
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise BadInput(f"The price file cannot be used ({type(error).__name__}); {WANTED}.") from error


def _check(provider: Any) -> None:
    for pattern in _patterns((provider.model_match, provider.provider_match)):
        _check_pattern(provider.id, pattern)
    for model in provider.models:
        called = f"{provider.id}/{model.id}"
        for pattern in _patterns(model.match):
            _check_pattern(called, pattern)
        entries = [*(model.prices if isinstance(model.prices, list) else ()), *(model.price_variants or ())]
        if len(entries) > MOST_DATED:
            raise BadInput(f"The price file has {len(entries):,} prices of {called}; at most {MOST_DATED} are read.")
        if isinstance(model.prices, list) and not model.prices:
            raise BadInput(f"The price file has no price of {called}; {WANTED}.")
        for prices in [one.prices for one in entries] or [model.prices]:
            _check_prices(called, prices)


def _check_prices(called: str, prices: Any) -> None:
    for unit, price in vars(prices).items():
        tiers = getattr(price, "tiers", ())
        steps = [getattr(price, "base", price), *(tier.price for tier in tiers)]
        for one in steps:
            if one is not None and not (isinstance(one, Decimal) and one.is_finite() and 0 <= one < LARGEST_PRICE):
                raise BadInput(
                    f"The price file says {one} for {unit} of {called}; a price is a number from 0 to {LARGEST_PRICE:,}"
                    " USD per million."
                )
        if len(tiers) > MOST_DATED or any(tier.start < 0 for tier in tiers):
            raise BadInput(f"The price file has steps of {unit} of {called} that cannot be; {WANTED}.")


def _patterns(match: Any) -> Iterator[str]:
    """The regular expressions in a rule by which the catalogue knows a name."""
    if isinstance(match, (list, tuple)):
        for one in match:
            yield from _patterns(one)
    elif is_dataclass(match):
        for field in fields(match):
            value = getattr(match, field.name)
            if field.name == "regex":
                yield value
            else:
                yield from _patterns(value)


def _check_pattern(called: str, pattern: Any) -> None:
    """A pattern with a repeat inside a repeat may take for ever on a name of a log."""
    text = pattern.pattern if isinstance(pattern, re.Pattern) else str(pattern)
    try:
        tree = re._parser.parse(text)  # type: ignore[attr-defined]
    except (re.error, RecursionError, OverflowError) as error:
        raise BadInput(f"The price file has a pattern of {called} that is none; {WANTED}.") from error
    if len(text) > LONGEST_PATTERN or _repeats(tree) > MOST_REPEATS:
        raise BadInput(f"The price file has a pattern of {called} that may take for ever to match; {WANTED}.")


def _repeats(tree: Any) -> int:
    """How many open-ended repeats a parsed pattern has; one inside another counts as too many."""
    count = 0
    for operation, argument in tree:
        inner = sum(_repeats(one) for one in _subpatterns(argument))
        if "REPEAT" in str(operation) and argument[1] > LONGEST_PATTERN:
            count += 1 + (MOST_REPEATS if inner else 0)
        elif "REPEAT" in str(operation) and argument[1] > 1 and inner:
            count += MOST_REPEATS + 1
        count += inner
    return count


def _subpatterns(argument: Any) -> Iterator[Any]:
    """The patterns inside of one operation of a parsed pattern, however it holds them."""
    if hasattr(argument, "pattern") or type(argument).__name__ == "SubPattern":
        yield argument
    elif isinstance(argument, (list, tuple)):
        for one in argument:
            yield from _subpatterns(one)
