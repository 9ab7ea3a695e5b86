"""Bedrock's invocation logs in CloudWatch: FilterLogEvents over a log group, an hour at a time.

Source: CloudWatch Logs API reference, FilterLogEvents (API version 2014-03-28). A page may be empty and another one
follow; events come late by minutes, so the last hours are asked for again.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

from data.errors import Refused
from data.sources.apis import ODD_SHAPE, Row, Window, by_token, refuse_others
from data.sources.aws_signature import TARGET
from data.sources.client import Client

FORM = "bedrock"
STEP = timedelta(hours=1)
PAGE = 10_000  # events, as many as the API gives at once
ASKED = {TARGET: "Logs_20140328.FilterLogEvents", "content-type": "application/x-amz-json-1.1"}
RECORDS = '{ $.schemaType = "ModelInvocationLog" }'  # not the line by which Bedrock tries its permission
BUSY = ("ThrottlingException", "LimitExceededException", "ServiceUnavailableException")
NO_KEY = (
    *("UnrecognizedClientException", "InvalidSignatureException", "ExpiredTokenException", "InvalidClientTokenId"),
    *("AccessDeniedException", "MissingAuthenticationToken", "IncompleteSignature", "SignatureDoesNotMatch"),
)
NO_GROUP = "ResourceNotFoundException"


async def pages(client: Client, group: str, window: Window) -> AsyncIterator[list[Row]]:
    """Every page of a log group's records in a window; Refused where the answers go round in circles, have another
    shape or are about another time."""
    start, end = (int(at.replace(tzinfo=UTC).timestamp() * 1000) for at in window)
    asked: dict[str, Any] = {"logGroupName": group, "startTime": start, "endTime": end - 1, "limit": PAGE}
    asked["filterPattern"] = RECORDS

    async def ask(token: str) -> tuple[list[Row], str]:
        body = json.dumps(asked | ({"nextToken": token} if token else {})).encode()
        answer, _text = await client.post(body, ASKED, _status)
        return _events(answer, window), answer.get("nextToken") or ""

    async for found in by_token(ask, "for one window; nothing of it is kept"):
        yield found


def instant_of(event: Row) -> datetime:
    """When an event was, naive UTC."""
    return datetime.fromtimestamp(event["timestamp"] / 1000, UTC).replace(tzinfo=None)


def _events(answer: Row, window: Window) -> list[Row]:
    found = answer.get("events")
    if not isinstance(found, list) or not all(map(_is_event, found)):
        raise Refused(ODD_SHAPE)
    refuse_others(map(instant_of, found), window)
    return found


def _is_event(event: object) -> bool:
    return isinstance(event, dict) and isinstance(event.get("timestamp"), int) and isinstance(event.get("message"), str)


def _status(status: int, answer: dict[str, Any]) -> int:
    """A refusal's HTTP status by its own words: CloudWatch answers 400 to nearly everything."""
    kind = str(answer.get("__type", "")).rpartition("#")[2]
    if kind == NO_GROUP:
        raise Refused("has no log group of that name in this region")
    return 429 if kind in BUSY else 403 if kind in NO_KEY else status
