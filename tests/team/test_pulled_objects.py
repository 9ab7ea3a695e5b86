"""Folders in object storage, Bedrock's logs and tables of a lakehouse, pulled from a store of the tests' own."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime, timedelta
from itertools import count

import httpx
import pytest

from data.sources import aws_signature
from data.sources.progress import gaps
from data.sources.pull import Result, pull_due
from data.sources.source import SOURCES
from data.state import State
from tests.data.test_pull import call
from tests.stores import new_ledger
from tests.team.servers import KEY

NOW = datetime.fromisoformat("2026-11-11T05:00")
NUMBERS = count(1)


@pytest.fixture
def bucket(objects, monkeypatch):
    """(client, name): a bucket of its own."""
    boto3 = pytest.importorskip("boto3", reason="the object store's client is not installed")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "baton")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", KEY)
    client = boto3.client("s3", endpoint_url=objects.address, region_name="us-east-1")
    name = f"pulled-{next(NUMBERS)}"
    client.create_bucket(Bucket=name)
    return client, name


@pytest.fixture
def store(tmp_path, objects):
    """(pull, usage, save): one pull at a time, what the ledger has, and a way to save a source."""
    ledger, state = new_ledger(tmp_path / "home"), State.open(tmp_path / "home")

    def save(kind: str, path: str, **more: object) -> None:
        endpoint = {"base_url": objects.address} if path.startswith("s3://") else {}
        SOURCES.save(state, "logs", {"kind": kind, "path": path, **endpoint, **more})

    async def sleep(seconds: float) -> None:
        pass

    def pull(now: datetime = NOW) -> Result:
        (one,) = pull_due(ledger, state, "logs", now, sleep)
        return one

    def usage() -> int:
        view = ledger.at(ledger.snapshot())
        return int(view.sql(f"SELECT count(*) n FROM {view.name('usage')}")["n"][0])

    yield pull, usage, save
    ledger.close()


def lines(*numbers: int, day: int = 10) -> bytes:
    at = datetime.fromisoformat(f"2026-11-{day:02}")
    return "".join(json.dumps(call(n, at + timedelta(minutes=n))) + "\n" for n in numbers).encode()


@pytest.mark.parametrize("token", ["", "session-token"])
@pytest.mark.parametrize("path", ["/bucket/a b+c&d=e/ü~!'()*.gz", "/bucket?list-type=2&prefix=a%2Fb%20c%2B&x="])
def test_a_signature_is_the_one_of_the_stores_own_library(monkeypatch, path, token):
    auth = pytest.importorskip("botocore.auth", reason="the object store's client is not installed")
    from urllib.parse import quote

    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIA")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", KEY)
    monkeypatch.setenv("AWS_SESSION_TOKEN", token)
    sent = path if "?" in path else quote(path, safe="/-_.~")
    url = httpx.URL("https://s3.eu-central-1.amazonaws.com" + sent)
    ours = aws_signature.signature(
        httpx.Request("GET", url), "s3", "eu-central-1", datetime(2026, 11, 28, 6, tzinfo=UTC)
    )
    request = AWSRequest("GET", str(url), headers={"host": url.netloc.decode()})
    signer = auth.S3SigV4Auth(Credentials("AKIA", KEY, token or None), "s3", "eu-central-1")
    request.context["timestamp"] = ours["x-amz-date"]
    request.headers["X-Amz-Date"] = ours["x-amz-date"]
    request.headers["X-Amz-Content-SHA256"] = ours["x-amz-content-sha256"]
    if token:
        request.headers["X-Amz-Security-Token"] = token
    theirs = signer.signature(signer.string_to_sign(request, signer.canonical_request(request)), request)
    assert ours["Authorization"].endswith(f"Signature={theirs}")


def test_every_object_is_loaded_once_also_one_that_appears_late_or_is_written_anew(bucket, store, tmp_path):
    client, name = bucket
    pull, usage, save = store
    save("bucket", f"s3://{name}/logs/*.jsonl*")
    for key, body in {
        "logs/2026/a b+ü.jsonl": lines(1, 2),
        "logs/2026/b.jsonl.gz": gzip.compress(lines(3, day=8)),
        "logs/2026/notes.txt": b"no log",
        "other/c.jsonl": lines(99),
        "logs/_SUCCESS": b"x",
        "logs/2026/empty.jsonl": b"",
    }.items():
        client.put_object(Bucket=name, Key=key, Body=body)
    assert pull().problem == "" and usage() == 3
    assert (pull().read, usage()) == (0, 3)
    client.put_object(Bucket=name, Key="logs/2025/older.jsonl", Body=lines(4, day=7))
    client.put_object(Bucket=name, Key="logs/2026/b.jsonl.gz", Body=gzip.compress(lines(3, 5, day=8)))
    assert pull().loaded == 2 and usage() == 5
    assert [day.day for day in gaps(State.open(tmp_path / "home"), "logs", NOW)] == [9]
    assert not list((tmp_path / "home" / "pulled").glob("*"))


def test_what_is_no_log_or_damaged_is_told_and_takes_no_neighbour_with_it(bucket, store):
    client, name = bucket
    pull, usage, save = store
    save("bucket", f"s3://{name}/")
    client.put_object(Bucket=name, Key="good.jsonl", Body=lines(1))
    client.put_object(Bucket=name, Key="odd.jsonl", Body=b'{"hello": 1}\n')
    client.put_object(Bucket=name, Key="cut.jsonl.gz", Body=gzip.compress(lines(*range(50)))[:60])
    told = pull().problem
    assert usage() == 1 and "cannot be loaded" in told and "1 more object" in told
    told = pull().problem
    assert "cut off" in told and "more object" not in told  # what no format knows is told once
    client.put_object(Bucket=name, Key="cut.jsonl.gz", Body=gzip.compress(lines(1, 2)))
    assert pull().problem == "" and usage() == 2


def test_bedrocks_logs_are_read_where_they_are_written(bucket, store):
    client, name = bucket
    pull, usage, save = store
    base = "AWSLogs/111122223333/BedrockModelInvocationLogs/eu-west-1/2026/11/10/05"
    record = {
        "schemaType": "ModelInvocationLog",
        "schemaVersion": "1.0",
        "timestamp": "2026-11-10T05:00:00Z",
        "accountId": "111122223333",
        "region": "eu-west-1",
        "requestId": "r-1",
        "operation": "Converse",
        "modelId": "anthropic.claude-haiku-4-5-20251001-v1:0",
        "input": {"inputTokenCount": 100},
        "output": {"outputTokenCount": 10},
    }
    client.put_object(Bucket=name, Key=f"{base}/1.json.gz", Body=gzip.compress(json.dumps(record).encode()))
    client.put_object(Bucket=name, Key=f"{base}/data/big.json.gz", Body=gzip.compress(b'{"body": "large"}'))
    client.put_object(Bucket=name, Key="AWSLogs/111122223333/amazon-bedrock-logs-permission-check", Body=b"x")
    save("bedrock", f"s3://{name}/AWSLogs/")
    assert pull().problem == "" and usage() == 1
    # CloudWatch's export puts each line's own time before it.
    stamped = "2026-11-10T05:00:00.000Z " + json.dumps(record | {"requestId": "r-2"}) + "\n"
    client.put_object(Bucket=name, Key="export/task/stream/000000.gz", Body=gzip.compress(stamped.encode()))
    client.put_object(Bucket=name, Key="export/aws-logs-write-test", Body=b"Permission Check Successful")
    save("bucket", f"s3://{name}/export/")
    assert pull().problem == "" and usage() == 2


def test_a_bucket_that_is_not_there_and_keys_that_are_missing_are_one_sentence_each(bucket, store, monkeypatch):
    pull, usage, save = store
    save("bucket", "s3://no-such-bucket/")
    assert "does not take the question (it answered 404)" in pull().problem
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    assert "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY" in pull().problem and usage() == 0


def delta(folder, version: int, *rows: dict) -> None:
    """A commit of a Delta table, as its protocol has it: files of rows, and a line that adds each."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    (folder / "_delta_log").mkdir(parents=True, exist_ok=True)
    table = pa.Table.from_pylist(list(rows))
    pq.write_table(table, folder / f"part-{version}.parquet")
    kinds = {"string": "string", "double": "double", "int64": "long"}
    fields = [
        {"name": f.name, "type": kinds.get(str(f.type), "timestamp"), "nullable": True, "metadata": {}}
        for f in table.schema
    ]
    actions = [
        {"protocol": {"minReaderVersion": 1, "minWriterVersion": 2}},
        {
            "metaData": {
                "id": "11111111-2222-3333-4444-555555555555",
                "format": {"provider": "parquet", "options": {}},
                "schemaString": json.dumps({"type": "struct", "fields": fields}),
                "partitionColumns": [],
                "configuration": {},
                "createdTime": 0,
            }
        },
    ]
    size = (folder / f"part-{version}.parquet").stat().st_size
    added = {"path": f"part-{version}.parquet", "partitionValues": {}, "size": size, "modificationTime": 0}
    actions.append({"add": added | {"dataChange": True}})
    log = folder / "_delta_log" / f"{version:020}.json"
    log.write_text("\n".join(json.dumps(one) for one in (actions if version == 0 else actions[1:])) + "\n")


def row(number: int, at: datetime) -> dict:
    return call(number, at) | {"startTime": at.replace(tzinfo=UTC)}


@pytest.mark.parametrize("place", ["here", "in objects"])
@pytest.mark.parametrize("time", ["", "startTime"])
def test_a_delta_table_is_read_when_it_has_changed(bucket, store, tmp_path, place, time):
    client, name = bucket
    pull, usage, save = store
    folder = tmp_path / "table"

    def commit(version: int, *rows: dict) -> None:
        delta(folder, version, *rows)
        if place == "in objects":
            for path in folder.rglob("*.*"):
                client.put_object(Bucket=name, Key=f"t/{path.relative_to(folder)}", Body=path.read_bytes())

    commit(0, row(1, NOW), row(2, NOW - timedelta(days=1)))
    path = f"s3://{name}/t" if place == "in objects" else str(folder)
    save("delta", path, **({"time_column": time} if time else {}))
    assert pull() == Result("logs", 2, 2, 0, NOW if time else None, "") and pull().read == 0
    commit(1, row(3, NOW + timedelta(hours=1)), row(4, NOW - timedelta(hours=3)))
    done = pull()
    assert (done.problem, done.loaded, usage()) == ("", 2, 4)
    if time:
        assert done.watermark == NOW + timedelta(hours=1)


def test_a_delta_table_that_lost_a_column_or_is_not_there_is_refused(store, tmp_path):
    pull, usage, save = store
    save("delta", str(tmp_path / "table"), time_column="startTime")
    assert "has no Delta table at" in pull().problem
    delta(tmp_path / "table", 0, row(1, NOW))
    assert pull().loaded == 1
    delta(tmp_path / "table", 1, {k: v for k, v in row(2, NOW).items() if k != "spend"})
    assert "lost the column spend since the last pull" in pull().problem
    save("delta", str(tmp_path / "table"), time_column="when")
    assert "without the column when" in pull().problem and usage() == 1


def test_an_iceberg_table_is_read_when_it_has_changed(store, tmp_path):
    catalogs = pytest.importorskip(
        "pyiceberg.catalog.sql", reason="pyiceberg, which writes the table, is not installed"
    )
    import pyarrow as pa

    pull, usage, save = store
    home = tmp_path / "warehouse"
    home.mkdir()
    catalog = catalogs.SqlCatalog("c", uri=f"sqlite:///{home}/c.db", warehouse=f"file://{home}")
    catalog.create_namespace("n")
    first = pa.Table.from_pylist([row(1, NOW), row(2, NOW)])
    table = catalog.create_table("n.calls", first.schema)
    table.append(first)
    save("iceberg", str(home / "n" / "calls"), time_column="startTime")
    assert (pull().problem, usage()) == ("", 2) and pull().read == 0
    table.append(pa.Table.from_pylist([row(3, NOW + timedelta(hours=1))]))
    assert pull().loaded == 1 and usage() == 3
