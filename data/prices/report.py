"""What the Data page and the command line say about prices: gaps, disagreements, history."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pandas as pd

from data import console
from data.ledger import Ledger
from data.prices import catalogue as price_catalogue
from data.prices import model_names, second_catalogue
from data.prices.book import PriceBook
from data.prices.price_row import BEGINNING, DAY_SECONDS, FOREVER, NO_LIMIT, PriceRow, second_of_day
from data.prices.second_catalogue import PriceFile
from data.prices.service_tiers import SERVICE_TIERS
from data.schema import TOKENS
from data.state import State

NOTICEABLE = Decimal("0.005")  # prices closer than half a percent agree
COMPARED = ("fresh_input", "cache_read", "cache_write_5m", "cache_write_1h", "output")
LONG = 300_000  # total input at which the long-context prices are compared


def unpriced_models(view: Ledger) -> pd.DataFrame:
    """Models without a price, most used first.

    Columns: provider, model_raw, attempts, tokens, reported_cost_usd, first, last, host (an example).
    """
    tokens = " + ".join(f"coalesce({name}, 0)" for name in TOKENS)
    return view.sql(
        f"""SELECT provider, model_raw, count(*) AS attempts, sum({tokens})::BIGINT AS tokens,
            sum(reported_cost_usd) AS reported_cost_usd, min(requested_at) AS first, max(requested_at) AS last,
            any_value(host) AS host
        FROM {view.name("usage")} WHERE cost_basis = 'unpriced' GROUP BY ALL ORDER BY attempts DESC, model_raw"""
    )


def names(view: Ledger, book: PriceBook) -> pd.DataFrame:
    """Every logged name and what it is taken for (as `PriceBook.resolve`), with its attempts and cost."""
    used = view.sql(
        "SELECT provider, host, region, model_raw, count(*) AS attempts, sum(cost_usd) AS cost_usd "
        f"FROM {view.name('usage')} GROUP BY ALL ORDER BY attempts DESC"
    )
    keys = ["provider", "host", "region", "model_raw"]
    logged = used[keys].astype(object).where(used[keys].notna(), None)
    found = book.resolve(logged.itertuples(index=False, name=None))
    return pd.concat([found, used[["attempts", "cost_usd"]]], axis=1)


def timeline(book: PriceBook, provider: str | None, model: str, *, region: str | None = None) -> pd.DataFrame:
    """Every list and contract price of a model: the columns of `PriceRow`, `book` and `hours`, oldest first.

    `book` is list or contract; `hours` the UTC hours of a daily window, "" for the whole day;
    `valid_from` and `valid_to` are None where open. Tiers without a price of their own are left out.
    """
    match = book.match(provider, None, region, model)
    rows = [
        (kind, row)
        for kind, rows in (("list", book.list_rows(match)), ("contract", book.contract_rows(match)))
        for row in rows
    ]
    rows = [(kind, row) for kind, row in rows if not row.tier_assumed]
    frame = pd.DataFrame([(*row, kind) for kind, row in rows], columns=[*PriceRow._fields, "book"], dtype=object)
    frame["hours"] = [_hours(row) for _, row in rows]
    frame["service_tier"] = pd.Categorical(
        frame["service_tier"], (*SERVICE_TIERS, *sorted(set(frame["service_tier"]) - set(SERVICE_TIERS))), ordered=True
    )
    frame = frame.sort_values(["book", "service_tier", "valid_from", "second_from", "tokens_from"], ignore_index=True)
    for column, limit in (("valid_from", BEGINNING), ("valid_to", FOREVER)):
        frame[column] = frame[column].astype(object).where(frame[column] != limit, None)
    return frame


def disagreements(book: PriceBook, prices: PriceFile, at: datetime | None = None) -> pd.DataFrame:
    """Where the catalogue and a LiteLLM file differ at an instant (now), widest gap first.

    Columns: provider, model, litellm_key, what (a rate, ", long context" where only that differs),
    catalogue_usd, litellm_usd (per million tokens), ratio (the larger over the smaller; NaN when one is 0).
    """
    at = at or datetime.now(UTC).replace(tzinfo=None)
    found = []
    for key, entry in prices.entries.items():
        seller = model_names.canonical_provider(entry["litellm_provider"])
        match = book.match(seller, None, None, key)
        if match.provider == seller and match.price_provider in book.catalogue.providers:
            ours, theirs = (_at(rows, at) for rows in (book.list_rows(match), prices.rows(key)))
            stated = [rate for rate in COMPARED if second_catalogue.KEYS[rate][0] in entry]
            found += [
                (match.provider, match.model, key, *difference) for difference in _differences(ours, theirs, stated)
            ]
    columns = ["provider", "model", "litellm_key", "what", "catalogue_usd", "litellm_usd"]
    frame = pd.DataFrame(found, columns=columns, dtype=object).drop_duplicates(
        columns[:2] + columns[3:], ignore_index=True
    )
    frame["ratio"] = [_ratio(a, b) for a, b in zip(frame["catalogue_usd"], frame["litellm_usd"], strict=True)]
    return frame.sort_values(
        ["ratio", "model", "what"], ascending=[False, True, True], na_position="first", ignore_index=True
    )


def _at(rows: tuple[PriceRow, ...], at: datetime) -> dict[int, PriceRow]:
    return {size: row for size in (0, LONG) for row in rows if row.service_tier == "standard" and row.holds(at, size)}


def _differences(
    ours: dict[int, PriceRow], theirs: dict[int, PriceRow], stated: list[str]
) -> list[tuple[str, Decimal, Decimal]]:
    """(what, our price, theirs) for prices that both lists state; long-context ones only where the short ones agree."""
    if not ours or not theirs:
        return []
    pairs = {
        size: {
            rate: (getattr(ours[size], rate), getattr(theirs[size], rate))
            for rate in stated
            if _stated(ours[size], rate)
        }
        for size in ours
    }
    apart = {size: [rate for rate, pair in found.items() if _apart(*pair)] for size, found in pairs.items()}
    long = [rate for rate in apart[LONG] if rate not in apart[0]]
    return [(rate, *pairs[0][rate]) for rate in apart[0]] + [
        (f"{rate}, long context", *pairs[LONG][rate]) for rate in long
    ]


def _stated(row: PriceRow, rate: str) -> bool:
    """Whether a cache price is the catalogue's own; one that equals the input price stands for none."""
    return not rate.startswith("cache_") or getattr(row, rate) != row.fresh_input


def _apart(one: Decimal, other: Decimal) -> bool:
    return abs(one - other) > NOTICEABLE * max(one, other)


def _ratio(one: Decimal, other: Decimal) -> float:
    low, high = sorted((one, other))
    return float(high / low) if low else float("nan")


def register(commands: console.Commands) -> None:
    """Add `python -m data prices MODEL [--at DATE] [--provider P] [--litellm FILE]`."""
    sub = commands.add("prices", _run)
    sub.add_argument("model", metavar="MODEL")
    sub.add_argument("--provider", metavar="NAME", help="who sells it (default: taken from the model name)")
    sub.add_argument(
        "--at", metavar="DATE", type=_instant, help="only the prices of this day or instant (UTC, ISO 8601)"
    )
    sub.add_argument("--region", metavar="NAME", help="region or geography that changes the price")


def _instant(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no ISO 8601 date such as 2026-11-01 or 2026-11-01T17:00"
        ) from error
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment


def _run(args: argparse.Namespace) -> None:
    book = PriceBook.load(State.open(args.home))
    match = book.match(args.provider, None, args.region, args.model)
    frame = timeline(book, args.provider, args.model, region=args.region)
    if frame.empty:
        raise book.no_price(match, args.model)
    if args.at:
        frame = frame[[_holds(row, args.at) for row in frame.itertuples(index=False)]]
    comment = (
        price_catalogue.comment(match.price_provider, match.price_model or "")
        if match.price_provider in price_catalogue.providers()
        else ""
    )
    if args.json:
        console.emit_json(
            {
                "provider": match.provider,
                "model": match.model,
                "matched_by": match.matched_by,
                "note": comment,
                "prices": frame.to_dict("records"),
            }
        )
        return
    console.say(
        f"{match.model} at {match.provider} ({match.matched_by}), USD per million tokens; days and hours in UTC."
    )
    columns = ("price", "since", "until", "hours", "input tokens", "input", "cached", "write 5m", "write 1h", "output")
    console.emit_table(columns, [_line(row) for row in frame.itertuples(index=False)], right=columns[5:])
    for rule in dict.fromkeys(filter(None, (*frame["rule"], comment))):
        console.say(f"Note: {rule}")


def _holds(row: Any, at: datetime) -> bool:
    second = second_of_day(at)
    begun = row.valid_from is None or row.valid_from <= at
    return begun and (row.valid_to is None or at < row.valid_to) and row.second_from <= second < row.second_to


def _line(row: Any) -> tuple[str, ...]:
    days = (day and f"{day:%Y-%m-%d}" for day in (row.valid_from, row.valid_to))
    upper = "" if row.tokens_to == NO_LIMIT else f"up to {row.tokens_to - 1:,}"
    tokens = upper or (f"over {row.tokens_from - 1:,}" if row.tokens_from else "")
    rates = (f"{getattr(row, rate).normalize():f}" for rate in COMPARED)
    kind = "contract " if row.book == "contract" else ""
    return (f"{kind}{row.service_tier}", *days, row.hours, tokens, *rates)


def _hours(row: PriceRow) -> str:
    whole_day = (row.second_from, row.second_to) == (0, DAY_SECONDS)
    return "" if whole_day else f"{_clock(row.second_from)}-{_clock(row.second_to)}"


def _clock(second: int) -> str:
    return f"{second // 3600:02}:{second // 60 % 60:02}"
