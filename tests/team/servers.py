"""A PostgreSQL and an object store on loopback for the tests of the team store, gone when the tests are."""

from __future__ import annotations

import importlib.util
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

import psycopg

PASSWORD = "canary-of-the-catalogue"
KEY = "canary-of-the-bucket"
USER = "postgres"  # whom Debian's package makes; PostgreSQL refuses to run as root


def free_port() -> int:
    """A port of the machine itself that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def programs() -> Path | None:
    """Where PostgreSQL's programs are; None where it is not installed."""
    found = shutil.which("initdb")
    folders = [Path(found).parent] if found else []
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((folder for folder in folders if (folder / "initdb").exists()), None)


class Postgres:
    """A cluster of its own: few connections, nothing synced to disk."""

    def __init__(self, bin_folder: Path) -> None:
        self._bin, self.port = bin_folder, free_port()
        self._folder = Path(tempfile.mkdtemp(prefix="baton-pg-"))
        if os.getuid() == 0:
            shutil.chown(self._folder, USER)
        word = self._folder / "word"
        word.write_text(PASSWORD)
        word.chmod(0o644)
        self._run(
            "initdb", "-D", "data", "-U", "baton", "-A", "scram-sha-256", "--pwfile=word", "--no-sync", "-E", "UTF8"
        )
        word.unlink()
        self.start()

    def start(self) -> None:
        settings = (
            f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off"
            " -c max_connections=40 -c superuser_reserved_connections=2 -c shared_buffers=16MB -c autovacuum=off"
        )
        self._run("pg_ctl", "-D", "data", "-w", "-o", settings, "-l", "log", "start")

    def stop(self, how: str = "fast") -> None:
        """`immediate` is a death in mid-work."""
        self._run("pg_ctl", "-D", "data", "-w", "-m", how, "stop")

    def remove(self) -> None:
        self.stop("immediate")
        shutil.rmtree(self._folder, ignore_errors=True)

    def create(self, database: str) -> str:
        """A database of this name, empty; returns its address."""
        with self.connected("postgres") as db:
            db.execute(f'CREATE DATABASE "{database}"')
        return f"postgresql://baton@127.0.0.1:{self.port}/{database}"

    def connected(self, database: str) -> psycopg.Connection:
        return psycopg.connect(
            host="127.0.0.1", port=self.port, user="baton", password=PASSWORD, dbname=database, autocommit=True
        )

    def bytes_of(self, database: str) -> bytes:
        """All that lies on the disk for a database, without the write-ahead log."""
        with self.connected(database) as db:
            db.execute("CHECKPOINT")
            [(number,)] = db.execute("SELECT oid FROM pg_database WHERE datname = current_database()").fetchall()
        return b"".join(path.read_bytes() for path in sorted((self._folder / f"data/base/{number}").iterdir()))

    def _run(self, program: str, *words: str) -> None:
        as_user = ["runuser", "-u", USER, "--"] if os.getuid() == 0 else []
        command = [*as_user, str(self._bin / program), *words]
        done = subprocess.run(command, cwd=self._folder, capture_output=True, text=True, stdin=subprocess.DEVNULL)
        assert done.returncode == 0, f"{program}: {done.stderr or done.stdout}"


class Objects:
    """An object store with one bucket. It takes any keys: who may read what is not tried here."""

    BUCKET = "baton-files"

    def __init__(self) -> None:
        self.port = free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        self._server = subprocess.Popen(
            [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self._wait()
        self.call("PUT", f"/{self.BUCKET}")

    def call(self, method: str, path: str) -> bytes:
        signed = {"Authorization": "AWS4-HMAC-SHA256 Credential=baton/20260101/us-east-1/s3/aws4_request"}
        request = urllib.request.Request(self.address + path, method=method, headers=signed)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.read()

    def remove(self) -> None:
        self._server.kill()
        self._server.wait()

    def _wait(self) -> None:
        for _ in range(600):
            try:
                self.call("GET", "/moto-api/")
                return
            except (urllib.error.URLError, ConnectionError):
                assert self._server.poll() is None, "the object store ended"
                time.sleep(0.1)
        raise AssertionError("the object store does not answer")


def objects_installed() -> bool:
    return importlib.util.find_spec("moto") is not None
