"""Requests to AWS, and to stores that speak S3, signed with the keys of the environment; the secret is never sent.

Signature Version 4 (docs.aws.amazon.com, "Signature calculations for the Authorization header").
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
from collections.abc import Callable
from datetime import UTC, datetime

import httpx

from data.errors import BadInput
from data.store import KEY, KEY_ID, TOKEN, region

TARGET = "x-amz-target"  # which operation of a service a POST asks for


def signer(service: str, endpoint: str) -> Callable[[httpx.Request], httpx.Request]:
    """What signs each request to an endpoint of a service with the keys of the environment, as they are then."""
    where = region_of(endpoint)

    def sign(request: httpx.Request) -> httpx.Request:
        request.headers.update(signature(request, service, where, datetime.now(UTC)))
        return request

    return sign


def region_of(endpoint: str) -> str:
    """The region an endpoint names, else that of the environment."""
    named = re.search(r"\b(?:s3|logs)[.-]([a-z]{2}(?:-[a-z]+)+-\d)\.", endpoint)
    return named[1] if named else region()


def signature(request: httpx.Request, service: str, region: str, at: datetime) -> dict[str, str]:
    """The headers that sign a request; BadInput where the environment has no keys."""
    key_id, key = os.environ.get(KEY_ID), os.environ.get(KEY)
    if not (key_id and key):
        raise BadInput(f"The keys of AWS or of the object storage are missing; set {KEY_ID} and {KEY}.")
    stamp, day, digest = f"{at:%Y%m%dT%H%M%SZ}", f"{at:%Y%m%d}", hashlib.sha256(request.content).hexdigest()
    headers = {"host": request.url.netloc.decode(), "x-amz-content-sha256": digest, "x-amz-date": stamp}
    if token := os.environ.get(TOKEN):
        headers["x-amz-security-token"] = token
    if TARGET in request.headers:
        headers[TARGET] = request.headers[TARGET]
    names = ";".join(sorted(headers))
    path, _, query = request.url.raw_path.decode().partition("?")
    told = "".join(f"{name}:{headers[name]}\n" for name in sorted(headers))
    canonical = "\n".join((request.method, path, "&".join(sorted(query.split("&"))), told, names, digest))
    scope = f"{day}/{region}/{service}/aws4_request"
    said = "\n".join(("AWS4-HMAC-SHA256", stamp, scope, hashlib.sha256(canonical.encode()).hexdigest()))
    signing = f"AWS4{key}".encode()
    for word in (day, region, service, "aws4_request", said):
        signing = hmac.digest(signing, word.encode(), "sha256")
    given = f"Credential={key_id}/{scope}, SignedHeaders={names}, Signature={signing.hex()}"
    return {name: value for name, value in headers.items() if name != "host"} | {
        "Authorization": f"AWS4-HMAC-SHA256 {given}"
    }
