"""The ledger against what providers billed, by provider and month, the difference explained as far as data allow."""

from __future__ import annotations

import argparse
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import ibis
import pandas as pd

from analytics.command_options import view_of
from analytics.scope import UNKNOWN
from data import console, lost_rows, wording
from data.ledger import Ledger
from data.prices.exchange_rates import RATES, BilledRate
from data.state import State

COLUMNS = ("provider", "month", "currency", "billed", "billed_usd", "ledger_usd", "difference_usd", "explanation")
DAY_COLUMNS = ("provider", "day", "currency", "billed", "billed_usd", "ledger_usd", "difference_usd")
CLOSE = 0.01

# Days first, so that a month also knows the day on which the two sides lie furthest apart. `logged_day` is a frame.
_DAYS = """
    WITH billed_day AS (
        SELECT coalesce(provider, '{unknown}') AS provider, day, currency, sum(amount) AS amount,
            string_agg(DISTINCT note, '; ') AS note
        FROM {billed} WHERE kind = 'cost' GROUP BY ALL
    )"""
_BY_MONTH = (
    _DAYS
    + """,
    bills AS (
        SELECT b.provider, date_trunc('month', b.day)::DATE AS month, currency, sum(amount) AS billed,
            count(*) AS days, string_agg(DISTINCT note, '; ') AS notes,
            arg_max({{'day': b.day, 'billed': amount, 'logged': coalesce(l.usd, 0)}}, abs(amount - coalesce(l.usd,
                0))) AS widest
        FROM billed_day b LEFT JOIN logged_day l ON b.provider = l.provider AND b.day = l.day GROUP BY ALL
    ),
    months AS (
        SELECT provider, date_trunc('month', day)::DATE AS month, sum(usd) AS ledger_usd, sum(list_usd) AS list_usd,
            sum(attempts) AS attempts,
            sum(unpriced) AS unpriced, count(*) AS logged_days
        FROM logged_day GROUP BY ALL
    )
    SELECT * FROM bills LEFT JOIN months USING (provider, month)"""
)
_BY_DAY = (
    _DAYS
    + """,
    bills AS (SELECT DISTINCT provider, date_trunc('month', day)::DATE AS month, currency FROM billed_day),
    logged AS (
        SELECT l.provider, l.day, currency, l.usd, l.attempts FROM logged_day l
        JOIN bills b ON l.provider = b.provider AND date_trunc('month', l.day)::DATE = b.month
    )
    SELECT provider, day, currency, amount AS billed, usd AS ledger_usd, attempts IS NOT NULL AS is_logged
    FROM billed_day FULL JOIN logged USING (provider, day, currency) ORDER BY day, provider, currency"""
)


def without_bill(view: Ledger) -> tuple[float | None, pd.DataFrame]:
    """The share of spend in a provider's month that has a bill (None without spend), and the months that have none.

    Columns provider, month, ledger_usd, dearest first. Months are UTC months, as bills are.
    """
    rows = view.usage
    usage = rows.group_by(provider=rows.provider.fill_null(UNKNOWN), month=rows.requested_at.date().truncate("M"))
    spent = view.frame(usage.aggregate(ledger_usd=rows.cost_usd.sum()))
    spent = spent[spent["ledger_usd"].map(lambda usd: not pd.isna(usd) and usd > 0)]
    billed = view.sql(
        f"""SELECT DISTINCT coalesce(provider, '{UNKNOWN}') AS provider, date_trunc('month', day)::DATE AS month
            FROM {view.name("billed")} WHERE kind = 'cost'"""
    )
    pairs = {*zip(billed["provider"], billed["month"], strict=True)}
    has_bill = [pair in pairs for pair in zip(spent["provider"], spent["month"], strict=True)]
    logged = spent.assign(has_bill=has_bill).sort_values(
        ["ledger_usd", "provider", "month"], ascending=[False, True, True], ignore_index=True
    )
    whole = float(logged["ledger_usd"].sum())
    lacking = logged[~logged["has_bill"].astype(bool)].drop(columns=["has_bill"]).reset_index(drop=True)
    return (1 - float(lacking["ledger_usd"].sum()) / whole if whole else None), lacking


def by_month(view: Ledger, state: State | None = None) -> pd.DataFrame:
    """COLUMNS, newest month first. Decimal money; `difference_usd` is billed less ledger, None where a side is missing.

    Bills in another currency are kept apart unless the state holds a dated rate for them (kind
    `billed_rate`). Months are UTC months on both sides, as bills are.
    """
    joined = _joined(view, _BY_MONTH)
    if joined is None:
        return pd.DataFrame(columns=list(COLUMNS))
    rates = RATES.all(state) if state else {}
    hurt = _months_with_lost_rows(view)
    rows = [_row(row, rates, row.month in hurt) for row in joined.itertuples(index=False)]
    return pd.DataFrame(rows, columns=list(COLUMNS)).sort_values(
        ["month", "provider"], ascending=[False, True], ignore_index=True
    )


def by_day(view: Ledger, state: State | None = None) -> pd.DataFrame:
    """The days of the months that have a bill: provider, day, currency, billed, billed_usd, ledger_usd, difference_usd
    (billed less ledger). A day that one side lacks is 0 there: the month is told by the other. None is the ledger's
    cost of a day whose attempts are all unpriced, or without rows in a month of which rows are lost or no cost is
    known; and every difference of a month of which `by_month` tells none.
    """
    joined = _joined(view, _BY_DAY)
    if joined is None:
        return pd.DataFrame(columns=list(DAY_COLUMNS))
    rates, rows = RATES.all(state) if state else {}, []
    hurt = _months_with_lost_rows(view)
    months = {(row.provider, row.month, row.currency): row for row in by_month(view, state).itertuples(index=False)}
    for row in joined.itertuples(index=False):
        month = months[row.provider, row.day.replace(day=1), row.currency]
        billed = Decimal(0) if pd.isna(row.billed) else Decimal(row.billed)
        is_unknown = row.is_logged or pd.isna(month.ledger_usd) or month.month in hurt
        ledger = Decimal(row.ledger_usd) if not pd.isna(row.ledger_usd) else None if is_unknown else Decimal(0)
        rate = _rate(row.currency, rates)
        usd = None if rate is None else billed * rate
        difference = None
        if usd is not None and ledger is not None and not pd.isna(month.difference_usd):
            difference = usd - ledger
        rows.append((row.provider, row.day, row.currency, billed, usd, ledger, difference))
    return pd.DataFrame(rows, columns=list(DAY_COLUMNS))


def by_provider(monthly: pd.DataFrame, lacking: pd.DataFrame) -> pd.DataFrame:
    """The same by provider, of `by_month` and the months without a bill (`without_bill`): billed_usd, ledger_usd and
    difference_usd of the months in which both are known, None where there is none of these; without_bill_usd of the
    months that have no bill; the dearest first."""
    told = monthly.dropna(subset=["difference_usd"])
    sums = {name: told.groupby("provider")[name].sum() for name in ("billed_usd", "ledger_usd", "difference_usd")}
    without = lacking.groupby("provider")["ledger_usd"].sum()
    rows = [
        (name, *(part.get(name) for part in sums.values()), without.get(name, Decimal(0)))
        for name in sorted({*monthly["provider"], *lacking["provider"]})
    ]
    rows.sort(key=lambda row: -((row[2] or 0) + Decimal(row[4])))
    return pd.DataFrame(rows, columns=["provider", *sums, "without_bill_usd"])


def _joined(view: Ledger, question: str) -> pd.DataFrame | None:
    """The answer of _BY_MONTH or _BY_DAY from the first month that has a bill; None where there is none."""
    first = view.sql(f"SELECT min(day) AS day FROM {view.name('billed')} WHERE kind = 'cost'")["day"][0]
    if pd.isna(first):
        return None
    text = question.format(billed=view.name("billed"), unknown=UNKNOWN)
    return view.sql(text, logged_day=_logged_days(view, pd.Timestamp(first).to_pydatetime().replace(day=1)))


def _logged_days(view: Ledger, since: datetime) -> pd.DataFrame:
    """provider, day (UTC), usd, list_usd, attempts, unpriced of what the ledger has since then."""
    rows = view.usage.filter(view.usage.requested_at >= ibis.literal(since))
    days = rows.group_by(provider=rows.provider.fill_null(UNKNOWN), day=rows.requested_at.date())
    return view.frame(
        days.aggregate(
            usd=rows.cost_usd.sum(),
            list_usd=rows.list_cost_usd.sum(),
            attempts=rows.count(),
            unpriced=rows.cost_usd.isnull().sum(),
        )
    )


def _rate(currency: str, rates: dict[str, BilledRate]) -> Decimal | None:
    """USD for one of a currency; None where nobody has said it."""
    return Decimal(1) if currency == "USD" else rates[currency].usd_rate if currency in rates else None


def _months_with_lost_rows(view: Ledger) -> set[date]:
    """The months of which rows or bill lines are lost with a damaged file, as their first days."""
    days = [lost.day for lost in lost_rows.lost_days(view)]
    days += [day.date() for span in lost_rows.lost_bills(view) for day in pd.date_range(*span)]
    return {day.replace(day=1) for day in days}


def _row(row: Any, rates: dict[str, BilledRate], hurt: bool) -> tuple:
    billed = Decimal(row.billed)
    rate = _rate(row.currency, rates)
    usd = billed * rate if rate is not None else None
    ledger = None if pd.isna(row.ledger_usd) else Decimal(row.ledger_usd)
    if hurt:
        told = "Rows of this month are lost with a damaged file: nothing is compared until its logs are loaded again."
        return row.provider, row.month, row.currency, billed, usd, ledger, None, told
    difference = usd - ledger if usd is not None and ledger is not None else None
    return row.provider, row.month, row.currency, billed, usd, ledger, difference, _explained(row, usd, ledger, rates)


def _explained(row: Any, usd: Decimal | None, ledger: Decimal | None, rates: dict[str, BilledRate]) -> str:
    """What is known about the difference, most telling first."""
    told = []
    if usd is None:
        return f"Billed in {row.currency}: kept apart until you give a dated rate."
    if row.currency != "USD":
        told.append(f"converted at {rates[row.currency].usd_rate} of {rates[row.currency].on}")
    if ledger is None:
        return _sentence(
            *told, "no log of this provider in this month: traffic that is not logged, or another provider name"
        )
    if usd and abs(usd - ledger) <= Decimal(CLOSE) * abs(usd):
        return _sentence(*told, "agrees within 1%")
    if row.unpriced:
        told.append(f"{int(row.unpriced):,} of {int(row.attempts):,} attempts have no known cost in the ledger")
    if row.days > row.logged_days:
        told.append(f"billed on {int(row.days)} days, logged on {int(row.logged_days)}: logs are missing")
    elif row.logged_days > row.days:
        told.append(f"logged on {int(row.logged_days)} days, billed on {int(row.days)}: the bill is not complete")
    if not pd.isna(row.list_usd) and row.list_usd and usd:
        listed = Decimal(row.list_usd)
        if abs(listed - usd) < abs(ledger - usd) / 2:
            told.append("the list price fits the bill better than the ledger's cost: check contract prices")
        elif usd < ledger:
            told.append(
                f"the bill is {wording.share(1 - usd / ledger)} below the ledger: a discount, credits, or batch prices"
                " the log does not show"
            )
    gap = Decimal(row.widest["billed"]) - Decimal(row.widest["logged"])
    if row.currency == "USD" and row.days > 1 and 2 * abs(gap) > abs(usd - ledger):
        told.append(
            f"most of it on {row.widest['day']:%-d %b %Y}: billed {wording.usd(row.widest['billed'])}, logged"
            f" {wording.usd(row.widest['logged'])}"
        )
    if isinstance(row.notes, str) and row.notes:
        told.append(row.notes)
    return _sentence(*(told or ["not explained by the data: compare by model and day"]))


def _sentence(*parts: str) -> str:
    text = "; ".join(parts)
    return f"{text[:1].upper()}{text[1:]}."


def register(commands: console.Commands) -> None:
    """`python -m analytics reconcile`."""
    commands.add("reconcile", _command)


def _command(args: argparse.Namespace) -> None:
    view = view_of(args)
    state = State.open(args.home)
    frame, (share, lacking) = by_month(view, state), without_bill(view)
    if args.json:
        told = {
            "billed_share": share,
            "without_bill": lacking.to_dict("records"),
            "providers": by_provider(frame, lacking).to_dict("records"),
            "days": by_day(view, state).to_dict("records"),
        }
        console.emit_json({"rows": frame.to_dict("records"), **told, "snapshot": view.snapshot()})
        return

    def money(value: Decimal | float | None) -> str:
        return wording.MISSING if value is None or pd.isna(value) else f"{value:,.2f}"

    rows = [
        (
            r.provider,
            f"{r.month:%Y-%m}",
            r.currency,
            money(r.billed),
            money(r.ledger_usd),
            money(r.difference_usd),
            r.explanation,
        )
        for r in frame.itertuples()
    ]
    console.emit_table(
        ["Provider", "Month", "Currency", "Billed", "Ledger USD", "Difference", "Explanation"],
        rows,
        right=["Billed", "Ledger USD", "Difference"],
    )
    if not rows:
        console.say("No bills yet; add one with `python -m data billed FILE`.")
        return
    console.say(f"{wording.share(share)} of spend has a bill; {wording.usd(lacking['ledger_usd'].sum())} have none.")
