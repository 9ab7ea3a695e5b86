"""What the columns of an unknown log mean, told from their names and from their values.

A guess needs a reason: the name says so, the values can be nothing else, or both. A name whose values do not
fit (a `time` that holds 0.8) is no guess. The operator sees the reason beside each and corrects what is wrong.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import datetime
from math import isfinite
from statistics import median
from typing import NamedTuple

from data.loading import column_names
from data.prices import model_names

# Our column -> what it means in the words of somebody who has never seen ours; in the order a reader asks for them.
MEANINGS = {
    "requested_at": "Time of the request",
    "model_raw": "Model",
    "input_tokens": "Input tokens (prompt)",
    "output_tokens": "Output tokens (answer)",
    "reported_cost_usd": "Cost of the request",
    "team": "Team that pays",
    "feature": "Feature, application or agent",
    "provider": "Provider",
    "status": "Status: success or error",
    "latency_ms": "Time to the last word",
    "cache_read_tokens": "Input tokens read from a cache",
    "cache_write_tokens": "Input tokens written to a cache",
    "reasoning_tokens": "Reasoning tokens",
    "total_tokens": "Total tokens",
    "project": "Project",
    "environment": "Environment: production or test",
    "user_id": "User",
    "customer_id": "Customer",
    "session_id": "Session or conversation",
    "event_key": "Unique number of the record",
    "call_id": "Request that retries belong to",
    "attempt": "Number of the attempt",
    "task_type": "Kind of task",
    "criticality": "Criticality",
    "data_class": "Data class",
    "http_status": "HTTP status",
    "error_class": "Kind of error",
    "ttft_ms": "Time to the first word",
    "operation": "Operation: chat, embedding, ...",
    "service_tier": "Service tier",
    "region": "Region",
    "host": "Host",
    "quality_score": "Quality, 0 to 1",
    "succeeded": "Task succeeded",
    "recorded_at": "Last change of the record",
}
ENOUGH = ("model_raw", "input_tokens", "output_tokens", "reported_cost_usd")  # beside the time, one of these

# Words of a name that say the meaning where the whole name is none of the usual ones.
WORDS = {
    "requested_at": "when time timestamp date at created started zeit datum zeitpunkt zeitstempel fecha horodatage",
    "model_raw": "llm model engine deployment modell modele modelo",
    "input_tokens": "in input prompt sent tokensin eingabe entree entrada",
    "output_tokens": "out output compl completion answer generated ausgabe sortie salida",
    "reported_cost_usd": "usd cost price spend amount dollars charge cents micros kosten preis cout coste prix precio",
    "team": "squad team dept department group crew unit tribe abteilung equipe equipo",
    "feature": "feature app application service agent product component anwendung",
    "provider": "provider vendor supplier anbieter fournisseur proveedor",
    "status": "status outcome ok state result",
    "latency_ms": "latency duration elapsed took runtime dauer duree duracion",
    "cache_read_tokens": "cached cache",
    "total_tokens": "total gesamt",
    "environment": "env environment stage umgebung",
    "user_id": "user owner employee email nutzer benutzer utilisateur usuario",
    "customer_id": "customer client tenant account kunde cliente",
    "session_id": "session conversation thread chat",
    "project": "project workspace projekt projet proyecto",
}
LONG_WORD = 5  # from this length on a word may begin a longer one, as in `Eingabetoken`
OTHER_MONEY = {"eur", "euro", "gbp", "chf", "cny", "rmb", "jpy", "inr", "cad", "aud"}  # no cost in US dollars
SECONDS, MILLISECONDS = {"s", "sec", "secs", "seconds", "sekunden", "secondes", "segundos"}, {"ms", "millis"}
COUNTS = (
    "input_tokens",
    "output_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "reasoning_tokens",
    "total_tokens",
)
FITS = {
    "requested_at": {"time"},
    "recorded_at": {"time"},
    "model_raw": {"model", "words", "id"},
    **dict.fromkeys(COUNTS, {"count"}),
    **dict.fromkeys(("reported_cost_usd", "latency_ms", "ttft_ms", "quality_score"), {"count", "number"}),
    "attempt": {"count"},
    "http_status": {"count"},
    "succeeded": {"status", "words", "count"},
    "status": {"status", "words", "count"},
}
ANY_TEXT = {"words", "id", "model", "status", "count"}
STATUS_WORDS = {
    "success",
    "ok",
    "error",
    "failed",
    "failure",
    "true",
    "false",
    "succeeded",
    "cancelled",
    "cached",
    "200",
}
TIME_FORMATS = (
    "%d.%m.%Y %H:%M:%S",
    "%d.%m.%Y %H:%M",
    "%d/%m/%Y %H:%M:%S",
    "%m/%d/%Y %H:%M:%S",
    "%d/%m/%Y %H:%M",
    "%m/%d/%Y %H:%M",
    "%m/%d/%Y %I:%M:%S %p",
    "%m/%d/%Y %I:%M %p",
    "%d.%m.%Y",
    "%d/%m/%Y",
    "%m/%d/%Y",
    "%Y/%m/%d %H:%M:%S",
    "%Y/%m/%d %H:%M",
    "%d-%m-%Y %H:%M:%S",
    "%d-%m-%Y %H:%M",
    "%d %b %Y %H:%M:%S",
    "%b %d, %Y %H:%M:%S",
)
SIGN, GROUP = "[-$€£ ]*", r"[1-9]\d{0,2}"
THOUSANDS = rf"{SIGN}{GROUP}(,\d{{3}})+(\.\d+)?"  # 1,234.5
DOTTED = rf"{SIGN}{GROUP}(\.\d{{3}})+"  # 1.234, or a fraction of three digits
COMMA = rf"{SIGN}({GROUP}(\.\d{{3}})+|\d+),\d+"  # 1.234,5
POINT = rf"{SIGN}({GROUP}(,\d{{3}})+|\d+)\.\d+"
MOSTLY = 0.9


class Guess(NamedTuple):
    """A source in the file and why it is taken for a meaning."""

    source: str
    reason: str


def guesses(sample: Iterable[dict]) -> dict[str, Guess]:
    """Our column -> the source that means it, with the reason; a source and a meaning are used once."""
    values = column_values(sample)
    if decimal_comma(values):
        values = {source: [_with_a_point(value) for value in known] for source, known in values.items()}
    kinds = {source: kind(known) for source, known in values.items()}
    usual = column_names.usual(values)
    scored = []
    for place, source in enumerate(values):
        for order, target in enumerate(MEANINGS):
            whole = usual.get(target) == source
            if target == "reported_cost_usd" and is_other_money(source):
                continue
            if kinds[source] not in FITS.get(target, ANY_TEXT) and not (whole and kinds[source] == "empty"):
                continue
            word = not whole and _says(source, target)
            sure = (target, kinds[source]) in {("requested_at", "time"), ("model_raw", "model")}
            if whole or word or sure:
                scored.append(
                    (-(4 * whole + 2 * word + sure), order, place, target, Guess(source, _reason(whole or word, sure)))
                )
    found: dict[str, Guess] = {}
    taken: set[str] = set()
    for *_, target, guess in sorted(scored):
        if target not in found and guess.source not in taken:
            found[target] = guess
            taken.add(guess.source)
    return found | _two_counts(found, taken, values, kinds)


def _reason(by_name: bool, by_value: bool) -> str:
    return "by its name and values" if by_name and by_value else "by its name" if by_name else "by its values"


def _two_counts(
    found: Mapping[str, Guess], taken: set[str], values: Mapping[str, list[str]], kinds: Mapping[str, str]
) -> dict[str, Guess]:
    """Where no name tells the tokens and two counts are left: the larger is the prompt, as in nearly every log."""
    left = [s for s, k in kinds.items() if k == "count" and s not in taken]
    if len(left) != 2 or found.keys() & set(COUNTS):
        return {}
    small, large = sorted(left, key=lambda source: median(_numbers(values[source])))
    reason = "a guess: the larger of two counts is the input"
    return {"input_tokens": Guess(large, reason), "output_tokens": Guess(small, reason)}


def column_values(sample: Iterable[dict]) -> dict[str, list[str]]:
    """Source -> its non-empty values as text, in the order of the records."""
    records = list(sample)
    found: dict[str, list[str]] = {source: [] for source in column_names.sources(records)}
    for source, known in found.items():
        for record in records:
            value: object = record
            for part in column_names.path_of(source):
                value = value.get(part) if isinstance(value, dict) else None
            if value is not None and not isinstance(value, (dict, list)) and str(value).strip():
                known.append(str(value).strip())
    return found


def kind(values: list[str]) -> str:
    """What the values are: time, model, status, count (whole, not negative), number, id (all distinct),
    words or empty."""
    if not values:
        return "empty"
    if _mostly(values, lambda v: v.lower() in STATUS_WORDS):
        return "status"
    numbers = _numbers(values)
    if len(numbers) >= MOSTLY * len(values):
        if all(1e9 <= n < 4e9 or 1e12 <= n < 4e12 for n in numbers):
            return "time"
        return "count" if all(n >= 0 and n == int(n) for n in numbers) else "number"
    if time_format(values) or _mostly(values, _is_time):
        return "time"
    if _mostly(sorted(set(values)), lambda v: model_names.match(None, None, v).found):
        return "model"
    return "id" if len(set(values)) == len(values) > 1 and not _mostly(values, str.isalpha) else "words"


def time_format(values: list[str]) -> str | None:
    """The one strptime text that reads every value, where the engine does not read them by itself."""
    if not values or _mostly(values, _is_time):
        return None
    fitting = [form for form in TIME_FORMATS if all(_parses(value, form) for value in values)]
    return fitting[0] if len(fitting) == 1 else None


def decimal_comma(values: Mapping[str, list[str]]) -> bool:
    """Whether numbers of the file are written as 1.234,5: some can be read in no other way, and none as 1,234.5."""
    written = [value for known in values.values() for value in known]
    comma = any(re.fullmatch(COMMA, value) and not re.fullmatch(THOUSANDS, value) for value in written)
    point = any(re.fullmatch(POINT, value) and not re.fullmatch(DOTTED, value) for value in written)
    return comma and not point


def _with_a_point(value: str) -> str:
    is_number = re.fullmatch(COMMA, value) or re.fullmatch(DOTTED, value)
    return value.replace(".", "").replace(",", ".") if is_number else value


def in_seconds(source: str, values: list[str]) -> bool:
    """Whether a wait is in seconds: its name says so, or says nothing and its values are fractions of small numbers."""
    words, numbers = _words(source), _numbers([_with_a_point(value) for value in values])
    if words & SECONDS or column_names.plain(source).endswith("seconds"):
        return True
    small = bool(numbers) and median(numbers) < 60 and any(n != int(n) for n in numbers)
    return small and not words & MILLISECONDS


def is_other_money(source: str) -> bool:
    """Whether the name says that amounts are in another currency than US dollars."""
    return bool(_words(source) & OTHER_MONEY) or any(sign in source for sign in "€£¥₹")


def _parses(value: str, form: str) -> bool:
    try:
        datetime.strptime(value, form)  # noqa: DTZ007 (only whether it reads)
    except ValueError:
        return False
    return True


def _is_time(value: str) -> bool:
    return bool(re.match(r"^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}.*)?$", value))


def _numbers(values: list[str]) -> list[float]:
    """Those of the values that are numbers, without pandas, which a load of a log need not wait for."""
    found = []
    for value in values:
        text = (value.replace(",", "") if re.fullmatch(THOUSANDS, value) else value).lstrip("$ ")
        with suppress(ValueError):
            if "_" not in text and isfinite(number := float(text)):
                found.append(number)
    return found


def _mostly(values: list[str], test) -> bool:
    return sum(map(bool, map(test, values))) >= MOSTLY * len(values)


def _says(source: str, target: str) -> bool:
    """Whether a word of the name (snake, kebab, dotted or camel case) is one of the target's."""
    words = set(WORDS.get(target, "").split())
    long = tuple(word for word in words if len(word) >= LONG_WORD)
    return any(word in words or word.startswith(long) for word in _words(source))


def _words(source: str) -> set[str]:
    split = re.sub(r"([a-z])([A-Z])", r"\1 \2", " ".join(column_names.path_of(source)))
    return set(re.findall(r"[a-z]+", column_names.without_accents(split)))
