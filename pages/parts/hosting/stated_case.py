"""Own machines by a stated sum: capital cost and yearly saving as somebody gives them, and the people it takes."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from data.facts.hosting import hosting_facts
from data.ledger import Ledger
from data.yaml_text import validate
from pages.parts.hosting import charts, panels
from pages.parts.hosting.answer import months_range
from pages.ui import drill, scenarios, shell
from pages.ui import format as fmt
from simulations.hosting.breakeven import breakeven
from simulations.hosting.breakeven_scenario import BreakevenScenario, Range

QUESTION = "When does a stated purchase pay back?"
SHIPPED = {
    "Example: $120K and two engineers": "breakeven_residency_staff",
    "Example: $120K alone": "breakeven_residency",
}


def show(view: Ledger, title: st.delta_generator.DeltaGenerator) -> None:
    """The whole case under the title: fields, tiles, the running cost, which figure decides."""
    name, scenario = scenarios.start(BreakevenScenario, SHIPPED, of_interest=_stated)
    top = st.container()
    st.subheader("The figures", anchor=False)

    def find() -> tuple[BreakevenScenario, dict[str, Any]]:
        typed = _figures(name, scenario)
        return typed, breakeven(typed)

    found = scenarios.answer(view, QUESTION, title, top, find)
    if found is None:
        return
    typed, result = found
    with title:
        shell.header(sentence(result), view, stated=True)
    with top:
        _tiles(result)
        _over_months(result)
    _which_figure_decides(result)
    with st.expander("Assumptions and their sources", icon=":material/fact_check:"):
        panels.sources(result)
    scenarios.figures(BreakevenScenario, name, typed, behind_fields=True)
    scenarios.keep(typed, None, key="stated")


def sentence(result: dict[str, Any]) -> str:
    """When it pays back with the people it takes, on capital cost alone, and the odds."""
    staffed, alone = result["payback_months"], result["payback_without_staff_months"]
    never = result["chance_never_pays_back"]
    if staffed is None:
        return f"The purchase does not pay back in {result['months']} months ({fmt.odds(never)} of futures)"
    first = f"The purchase pays back in {staffed:.1f} months"
    if alone is not None and round(alone, 1) != round(staffed, 1):
        first += f" with its people, {alone:.1f} on capital cost alone"
    return f"{first}; {fmt.odds(never)} chance that it never does"


def _stated(scenario: BreakevenScenario) -> bool:
    return scenario.bought is not None and scenario.bought.capex_usd is not None


def _figures(name: str, scenario: BreakevenScenario) -> BreakevenScenario:
    """The scenario as typed; a figure that is left as it was keeps its range."""
    key, bought, staff = scenarios.version(scenario), scenario.bought, scenario.staff
    assert bought is not None and bought.capex_usd is not None and bought.saving_usd_per_year is not None
    one, two = st.columns(3), st.columns(3)
    capex = _figure(one[0], "Capital cost, USD", bought.capex_usd, 1000.0, f"capex_{key}")
    saving = _figure(one[1], "Saving a year, USD", bought.saving_usd_per_year, 1000.0, f"saving_{key}")
    months = one[2].number_input("Months to look ahead", 12, 60, scenario.months, 6, key=f"months_{key}")
    salary = staff.salary_usd_per_year or Range(value=hosting_facts()["engineer_salary_usd_per_year"].value)
    people = {
        "engineers": _figure(two[0], "Engineers to set it up", staff.engineers or Range(value=0), 1.0, f"people_{key}"),
        "weeks": _figure(two[1], "for weeks each", staff.weeks or Range(value=0), 1.0, f"weeks_{key}"),
        "salary_usd_per_year": _figure(two[2], "Salary a year, USD, all in", salary, 10_000.0, f"salary_{key}"),
    }
    body = scenario.model_dump(mode="json", exclude_defaults=True)
    body |= {"months": int(months), "bought": {"capex_usd": capex, "saving_usd_per_year": saving}}
    body["staff"] = {**body.get("staff", {}), **people}
    bill = scenario.api.usd_per_month
    if bill is not None and saving["value"] / 12 > bill.value:
        body.pop("api")  # then the bill is not known: the saving is the part of it that ends
    return validate(BreakevenScenario, body, None, name)


def _figure(cell: Any, label: str, figure: Range, step: float, key: str) -> dict[str, Any]:
    typed = cell.number_input(label, 0.0, 1e12, float(figure.value), step, format="%.0f", key=key)
    return figure.model_dump(exclude_defaults=True) if typed == figure.value else {"value": typed}


def _tiles(result: dict[str, Any]) -> None:
    cells, odds = st.columns(4), result["payback"]
    irr = result["irr"]
    options = result["options"]
    _tile(
        cells[0],
        "Payback",
        _months(result["payback_months"]),
        months_range(odds["p10"], odds["p90"]),
        "capital cost and the people who set it up, against the stated saving; below it P10 to P90",
    )
    alone = _months(result["payback_without_staff_months"])
    _tile(cells[1], "On capital cost alone", alone, "nobody's time counted")
    _tile(
        cells[2],
        f"Saving over {result['months']} months",
        fmt.usd_short(options["api"]["total_usd"] - options["bought"]["total_usd"]),
        fmt.usd_range(result["p10"], result["p90"]),
        fmt.md("every figure in the middle; below it P10 to P90"),
    )
    _tile(
        cells[3],
        "Net present value",
        fmt.usd_short(result["npv_usd"]),
        f"return {fmt.MISSING if irr is None else fmt.share(irr)} a year",
        "the saving discounted to today, what the machines are still worth included; below it the internal rate",
    )


def _tile(cell: Any, label: str, value: str, below: str, words: str | None = None) -> None:
    cell.metric(label, value, delta=below, help=words, border=True, delta_color="off", delta_arrow="off")


def _months(value: float | None) -> str:
    return "never" if value is None else f"{value:.1f} months"


def _over_months(result: dict[str, Any]) -> None:
    st.subheader("Saved so far", anchor=False)
    cash = pd.DataFrame(result["cash_flow"])
    paid = result["payback_months"]
    meaning = (
        f"{fmt.usd(-cash['cumulative_saving_usd'].iloc[0])} to begin with; "
        + ("never back within the horizon" if paid is None else f"back after {paid:.1f} months")
        + f"; {fmt.usd(cash['cumulative_saving_usd'].iloc[-1])} after {result['months']}."
    )
    shell.chart(charts.running_saving(cash, paid, shell.palette()), alt=meaning, key="saved")
    st.caption(fmt.md(f"{meaning} {drill.COMPUTED}"))
    panels.behind(cash, "cash-flow")


def _which_figure_decides(result: dict[str, Any]) -> None:
    swings = pd.DataFrame(result["tornado"])
    if swings.empty:
        return
    st.subheader("Which figure decides", anchor=False)
    shell.chart(charts.npv_tornado(swings, shell.palette()), alt=result["measure_first"], key="sensitivity")
    st.caption(fmt.md(f"{result['measure_first']} {drill.COMPUTED}"))
