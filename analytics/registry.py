"""Every dimension, declared once: name, label, meaning, expression; and dimensions and measures looked up by name.

Queries, labels, tooltips, the command line, docs/measures.md and the tests all read this and `analytics.measures`.
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

from analytics.attributes import Dimension, Dimensions, column_of, hour_of, hour_start_of, time_of, work_of
from analytics.measures import MEASURES, Measure
from data import rollups
from data.dimensions import PREFIX, free_dimensions
from data.errors import BadInput

if TYPE_CHECKING:
    from data.ledger import Ledger

HOUR = "clock_hour"  # the one dimension whose values are times of a day

DIMENSIONS = Dimensions(
    (
        Dimension("day", "Day", "day in the reporting time zone", True, time_of("D"), is_time=True),
        Dimension("week", "Week", "ISO week, named by its Monday", True, time_of("W"), is_time=True),
        Dimension("month", "Month", "month, named by its first day", True, time_of("M"), is_time=True),
        Dimension(
            HOUR, "Hour", "hour in the reporting time zone, named by its start", False, hour_start_of, is_time=True
        ),
        Dimension("hour", "Hour of day", "0 to 23 in the reporting time zone", False, hour_of),
        *(
            Dimension(name, label, meaning, name in rollups.KEYS, column_of(name))
            for name, label, meaning in (
                ("provider", "Provider", "who made the price"),
                ("model", "Model", "canonical model name"),
                ("team", "Team", "who pays"),
                ("feature", "Feature", "product feature or agent"),
                ("environment", "Environment", "production, staging, development"),
                ("project", "Project", "project or workspace"),
                ("customer_id", "Customer", "whom the work was done for"),
                ("user_id", "User", "end user or developer"),
                ("task_type", "Task type", "coding, reasoning, extraction, summarisation, classification, chat, other"),
                ("criticality", "Criticality", "high, normal or low"),
                ("data_class", "Data class", "public, internal, customer or regulated"),
                ("status", "Status", "success, error, cached or cancelled"),
                ("error_class", "Error class", "why an attempt failed"),
                ("cost_basis", "Cost basis", "contract, reported, list, prepaid, unpriced or unmetered"),
                (
                    "service_tier",
                    "Service tier",
                    "standard, batch, flex, priority, fast, ultrafast, provisioned; another word as logged",
                ),
                ("operation", "Operation", "chat, embedding, image, audio, ..."),
                ("host", "Host", "who served it, where that is not the provider"),
                ("region", "Region", "region that changes the price"),
                ("source", "Log format", "format the row was read from"),
                ("model_raw", "Model as logged", "the log's own model name"),
            )
        ),
        Dimension("work", "Kind of work", "provider, model, team, ... data class: all eight", False, work_of),
        Dimension("key_alias", "API key", "name of the key, from the log's tags", False, column_of("key_alias")),
    )
)


def with_free(view: Ledger) -> list[Dimension]:
    """Every dimension that is no time: the declared ones, then those of the ledger's operator."""
    own = [DIMENSIONS[PREFIX + one.name] for one in free_dimensions(view)]
    return [*(one for one in DIMENSIONS.values() if not one.is_time), *own]


def dimension(name: str) -> Dimension:
    """Look a dimension up; raises BadInput that names the nearest ones."""
    return _lookup(DIMENSIONS, name, "dimension")


def measure(name: str) -> Measure:
    """Look a measure up; raises BadInput that names the nearest ones."""
    return _lookup(MEASURES, name, "measure")


def _lookup(known: dict, name: str, kind: str):
    if name in known:
        return known[name]
    near = get_close_matches(name, known, n=3, cutoff=0.4) or sorted(known)
    raise BadInput(f"There is no {kind} {name!r}; did you mean {', '.join(near)}?")
