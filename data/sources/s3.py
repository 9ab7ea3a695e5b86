"""Object storage that speaks S3: what lies under a prefix, page by page, and one object as a file.

Requests are signed (`aws_signature`). Buckets are named in the path, which every such store understands.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote, urlsplit
from xml.etree import ElementTree

from data.errors import BadInput
from data.sources.apis import by_token
from data.sources.client import Client

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


async def listing(client: Client, place: Place) -> AsyncIterator[list[Stored]]:
    """Every object under a prefix, a page at a time; Refused where the answers go round in circles."""

    async def ask(token: str) -> tuple[list[Stored], str]:
        words = {"continuation-token": token, "list-type": "2", "prefix": place.prefix}
        query = "&".join(f"{name}={quote(value, safe='-_.~')}" for name, value in words.items() if value)
        return await client.ask_for(f"/{place.bucket}?{query}", _page, "a list of objects")

    async for found in by_token(ask, "of objects; name a narrower prefix"):
        yield found


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
