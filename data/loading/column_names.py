"""What columns of unknown logs are usually called, and how a nested field is written.

A source is a column name, or a JSON pointer (RFC 6901) such as `/usage/prompt_tokens` for a nested field.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

# Names a column usually has, without case and punctuation; the first that is there is taken.
USUAL_NAMES = {
    "requested_at": (
        "timestamp requestedat requesttime starttime startedat createdat created time datetime eventtime ts date"
    ),
    "model_raw": "model modelname modelid responsemodel requestmodel deployment deploymentname engine",
    "provider": "provider providername vendor llmprovider modelprovider",
    "event_key": "eventid requestid generationid id uuid",
    "call_id": "callid correlationid",
    "session_id": "sessionid session conversationid threadid traceid runid",
    "input_tokens": (
        "inputtokens prompttokens tokensin requesttokens"
        " tokensprompt prompttokencount inputtokencount contexttokens inputlength"
    ),
    "cache_read_tokens": "cachereadtokens cachedtokens cachereadinputtokens cachedinputtokens tokenscached",
    "cache_write_tokens": "cachewritetokens cachecreationtokens cachecreationinputtokens",
    "output_tokens": (
        "outputtokens completiontokens tokensout responsetokens"
        " tokenscompletion completiontokencount outputtokencount generatedtokens"
        " outputlength"
    ),
    "reasoning_tokens": "reasoningtokens thinkingtokens thoughtstokens",
    "total_tokens": "totaltokens tokens",
    "reported_cost_usd": "costusd cost totalcost totalcostusd spend amountusd costincents costcents",
    "latency_ms": (
        "latencyms durationms latency duration responsetime responsetimems elapsedms latencys latencyseconds"
        " durationseconds"
    ),
    "ttft_ms": "ttftms ttft timetofirsttoken timetofirsttokenms",
    "status": "status outcome result success",
    "http_status": "httpstatus statuscode httpstatuscode responsestatus",
    "error_class": "errorclass errortype errorcode error",
    "team": "team teamname department costcenter",
    "project": "project projectid workspace",
    "feature": "feature app application appname service agent usecase",
    "environment": "environment env stage",
    "user_id": "userid user username email",
    "customer_id": "customerid customer tenant tenantid account",
    "task_type": "tasktype task",
    "criticality": "criticality priority",
    "data_class": "dataclass classification sensitivity",
    "region": "region location",
    "service_tier": "servicetier tier",
    "operation": "operation calltype endpoint",
    "quality_score": "qualityscore score",
    "succeeded": "succeeded accepted",
}


def sources(sample: Iterable[dict]) -> list[str]:
    """What may be pointed at: the column names and nested fields of the sample, in order of appearance."""
    found: dict[str, None] = {}

    def visit(value: object, path: tuple[str, ...]) -> None:
        if isinstance(value, dict) and value:
            for key, inner in value.items():
                visit(inner, (*path, str(key)))
        elif not isinstance(value, list):
            found[_source(path)] = None

    for record in sample:
        visit(record, ())
    return list(found)


def usual(columns: Iterable[str]) -> dict[str, str]:
    """Our column -> the source whose name says so; a source is used once."""
    by_name: dict[str, str] = {}
    for source in columns:
        path = path_of(source)
        for spelling in ("".join(path), path[-1]):
            by_name.setdefault(plain(spelling), source)
    chosen: dict[str, str] = {}
    for target, names in USUAL_NAMES.items():
        free = (by_name[n] for n in names.split() if n in by_name and by_name[n] not in chosen.values())
        if found := next(free, None):
            chosen[target] = found
    return chosen


def plain(name: str) -> str:
    """A name without case, accents and punctuation."""
    return re.sub(r"[^a-z0-9]", "", without_accents(name))


def without_accents(text: str) -> str:
    """Text in lower case without accents: `Coût` is `cout`."""
    return unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()


def path_of(source: str) -> tuple[str, ...]:
    """The keys a source descends through."""
    if not source.startswith("/"):
        return (source,)
    return tuple(part.replace("~1", "/").replace("~0", "~") for part in source[1:].split("/"))


def _source(path: tuple[str, ...]) -> str:
    if len(path) == 1 and not path[0].startswith("/"):
        return path[0]
    return "/" + "/".join(part.replace("~", "~0").replace("/", "~1") for part in path)
