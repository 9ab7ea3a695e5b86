"""The currency of a record whose format takes its cost for dollars: the one that its text names."""

from __future__ import annotations

from dataclasses import replace

from data.formats import Format
from data.sql_text import literal

# A prompt's own quotes are escaped and do not match.
CURRENCY_KEY = r'"(?:(?:cost|price|billing|spend|usage)_?)?[cC]urrency(?:_?[cC]ode)?"\s*:\s*"([A-Za-z]{3})"'


def with_named_currency(form: Format) -> Format:
    """The format; a cost of a record that names another currency is none in dollars: the row is priced by the book,
    and says that a number was not read."""
    own = form.columns.get("reported_cost_usd")
    if form.table != "usage" or not own:
        return form
    named = f"regexp_extract_all(raw, {literal(CURRENCY_KEY)}, 1)"
    foreign = f"list_filter({named}, lambda code: upper(code) <> 'USD')[1]"
    told = f"CASE WHEN contains(raw, 'urrency') THEN {foreign} || ' ' || ({own})::VARCHAR END"
    return replace(form, columns={**form.columns, "reported_cost_usd": f"coalesce({told}, {own})"})
