"""The temporary tables that the steps of a load share are an agreement: `Load` writes it down, whole."""

from __future__ import annotations

import re

from data.loading.load import Load
from tests.test_house import ROOT

MADE = re.compile(r"TEMP (?:TABLE|VIEW) ([a-z_]+)")
OF_ITS_OWN = {"reprice.py"}  # no step of a load


def test_every_temporary_table_of_a_load_is_written_down_and_made():
    loading = [path for path in (ROOT / "data" / "loading").glob("*.py") if path.name not in OF_ITS_OWN]
    made = {name for path in loading for name in MADE.findall(path.read_text())}
    made |= {"resolved", "prices", "contract_prices"}  # by `PriceBook.attach`
    rows = re.findall(r"^ +\| (`.+?) \| `", Load.__doc__ or "", re.M)
    assert {name for row in rows for name in re.findall(r"`([a-z_]+)`", row)} == made
