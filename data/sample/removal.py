"""The invented rows leave the store again, so that one that was looked around in can hold a real log."""

from __future__ import annotations

import shutil

from data import people, rollups
from data.errors import NoData
from data.invented import FOLDER, IS_SAMPLE, is_sample
from data.ledger import Ledger
from data.schema import identities
from data.state import State

OF_A_BATCH = ("usage", "billed", "rejected", "semantics")


def remove(ledger: Ledger, state: State) -> int:
    """Take the sample company's rows, bills and files away, in one data version; returns how many rows went.

    What was saved (budgets, actions, policies) stays. Raises NoData where no sample is.
    """
    people.require("maintenance")
    if not is_sample(ledger):
        raise NoData(f"The ledger in {ledger.home} holds no sample company; nothing was removed.")
    invented = f"batch_id IN (SELECT batch_id FROM lake.main.batches WHERE {IS_SAMPLE})"
    with ledger.write() as cursor:
        gone = int(cursor.execute(f"SELECT count(*) FROM lake.main.usage WHERE {invented}").fetchall()[0][0])
        for table in OF_A_BATCH:
            cursor.execute(f"DELETE FROM lake.main.{table} WHERE {invented}")
        cursor.execute(f"DELETE FROM lake.main.batches WHERE {IS_SAMPLE}")
        rollups.rebuild(cursor)
        cursor.execute("DELETE FROM lake.main.identities")
        cursor.execute(f"INSERT INTO lake.main.identities {identities('lake.main.usage')}")
        state.append_audit("sample company removed", {"rows": gone})
    shutil.rmtree(ledger.home / FOLDER, ignore_errors=True)
    return gone
