"""Object storage that speaks S3: what lies under a prefix, page by page, and one object as a file.

Requests are signed with the keys of the environment (Signature Version 4, docs.aws.amazon.com, "Signature calculations
for the Authorization header"); the secret itself is never sent. Buckets are named in the path, which every such store
understands.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote, urlsplit
from xml.etree import ElementTree

import httpx

from data.errors import BadInput, Refused
from data.sources.apis import MOST_PAGES
from data.sources.client import Client
from data.store import KEY, KEY_ID, TOKEN, region

NOTHING = hashlib.sha256(b"").hexdigest()  # of the body of a request that has none
WILD = re.compile(r"[*?\[]")


class Stored(NamedTuple):
    """An object as it was listed; `mark` changes when it is written anew."""

    key: str
    size: int
    modified: datetime
    mark: str


class Place(NamedTuple):
    """`s3://bucket/prefix`; a pattern (`*`, `?`) stands for whole keys, `*` also for slashes."""

    bucket: str
    pattern: str

    @classmethod
    def of(cls, path: str) -> Place:
        """BadInput for what is no such path."""
        at = urlsplit(path)
        if at.scheme != "s3" or not at.netloc or "@" in at.netloc or at.fragment:
            raise BadInput(f"{path} is no place in object storage; write it as s3://bucket/prefix, without keys in it.")
        return cls(at.netloc, path.partition("://")[2].partition("/")[2])

    @property
    def prefix(self) -> str:
        """What every key begins with."""
        return WILD.split(self.pattern)[0]

    @property
    def is_pattern(self) -> bool:
        """Whether it names keys by wildcards, not by their beginning."""
        return bool(WILD.search(self.pattern))


def signer(region: str) -> Callable[[httpx.Request], httpx.Request]:
    """What signs each request with the keys of the environment, as they are then."""

    def sign(request: httpx.Request) -> httpx.Request:
        request.headers.update(signature(request.url, region, datetime.now(UTC)))
        return request

    return sign


def region_of(endpoint: str) -> str:
    """The region an endpoint names, else that of the environment."""
    named = re.search(r"\bs3[.-]([a-z]{2}(?:-[a-z]+)+-\d)\.", endpoint)
    return named[1] if named else region()


def signature(url: httpx.URL, region: str, at: datetime) -> dict[str, str]:
    """The headers that sign a GET; BadInput where the environment has no keys."""
    key_id, key = os.environ.get(KEY_ID), os.environ.get(KEY)
    if not (key_id and key):
        raise BadInput(f"The keys of the object storage are missing; set {KEY_ID} and {KEY}.")
    stamp, day = f"{at:%Y%m%dT%H%M%SZ}", f"{at:%Y%m%d}"
    headers = {"host": url.netloc.decode(), "x-amz-content-sha256": NOTHING, "x-amz-date": stamp}
    if token := os.environ.get(TOKEN):
        headers["x-amz-security-token"] = token
    names = ";".join(sorted(headers))
    path, _, query = url.raw_path.decode().partition("?")
    told = "".join(f"{name}:{headers[name]}\n" for name in sorted(headers))
    canonical = "\n".join(("GET", path, "&".join(sorted(query.split("&"))), told, names, NOTHING))
    scope = f"{day}/{region}/s3/aws4_request"
    said = "\n".join(("AWS4-HMAC-SHA256", stamp, scope, hashlib.sha256(canonical.encode()).hexdigest()))
    signing = f"AWS4{key}".encode()
    for word in (day, region, "s3", "aws4_request", said):
        signing = hmac.digest(signing, word.encode(), "sha256")
    given = f"Credential={key_id}/{scope}, SignedHeaders={names}, Signature={signing.hex()}"
    return {name: value for name, value in headers.items() if name != "host"} | {
        "Authorization": f"AWS4-HMAC-SHA256 {given}"
    }


async def listing(client: Client, place: Place) -> AsyncIterator[list[Stored]]:
    """Every object under a prefix, a page at a time; Refused where the answers go round in circles."""
    token, seen = "", set()
    for _ in range(MOST_PAGES):
        words = {"continuation-token": token, "list-type": "2", "prefix": place.prefix}
        query = "&".join(f"{name}={quote(value, safe='-_.~')}" for name, value in words.items() if value)
        found, token = await client.ask_for(f"/{place.bucket}?{query}", _page, "a list of objects")
        yield found
        if not token:
            return
        if token in seen:
            raise Refused("sends the same page again and again; nothing of it is kept")
        seen.add(token)
    raise Refused(f"has more than {MOST_PAGES:,} pages of objects; name a narrower prefix")


async def save(client: Client, place: Place, stored: Stored, target: Path) -> None:
    """Write an object to a file, as long as it was listed."""
    await client.save(f"/{place.bucket}/{quote(stored.key, safe='/-_.~')}", target, stored.size)


def _page(body: bytes) -> tuple[list[Stored], str] | None:
    try:
        root = ElementTree.fromstring(body)
        if not root.tag.endswith("ListBucketResult"):
            return None
        space = root.tag.removesuffix("ListBucketResult")
        found = [_stored(entry, space) for entry in root.iter(f"{space}Contents")]
    except (ElementTree.ParseError, ValueError, LookupError):
        return None
    more = root.findtext(f"{space}IsTruncated") == "true"
    token = root.findtext(f"{space}NextContinuationToken") or ""
    return None if more and not token else (found, token if more else "")


def _stored(entry: ElementTree.Element, space: str) -> Stored:
    key, size, modified, mark = (entry.findtext(space + name) or "" for name in ("Key", "Size", "LastModified", "ETag"))
    at = datetime.fromisoformat(modified.replace("Z", "+00:00")).astimezone(UTC).replace(tzinfo=None)
    return Stored(key, int(size), at, mark or modified)
