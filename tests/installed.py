"""Baton packed as a wheel, and installed in an environment of its own that knows nothing of the repository."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from pages.installed import NAME
from tests.team.servers import free_port

ROOT = Path(__file__).resolve().parents[1]
LOG = ROOT / "tests/cases/litellm_spend_logs.jsonl"
QUIET = ("--quiet", "--disable-pip-version-check")
HIDDEN = ("PYTHONPATH", "VIRTUAL_ENV", "BATON_HOME")


def build_wheel(folder: Path) -> Path:
    """The wheel of the tree as it is."""
    command = [sys.executable, "-m", "pip", "wheel", *QUIET, "--no-deps", "--wheel-dir", str(folder), str(ROOT)]
    subprocess.run(command, check=True, cwd=folder)
    (wheel,) = folder.glob("*.whl")
    return wheel


class Installed:
    """A wheel installed under an interpreter, called from a folder that is not the repository's."""

    def __init__(self, python: str, wheel: Path, folder: Path) -> None:
        self.folder, self.program = folder, folder / "env" / "bin" / NAME
        folder.mkdir(parents=True, exist_ok=True)
        self.env = {name: value for name, value in os.environ.items() if name not in HIDDEN}
        subprocess.run([python, "-m", "venv", str(folder / "env")], check=True, cwd=folder, env=self.env)
        pip = [
            str(folder / "env" / "bin" / "pip"),
            "install",
            *QUIET,
            "--no-compile",
            "--root-user-action=ignore",
            str(wheel),
        ]
        subprocess.run(pip, check=True, cwd=folder, env=self.env)

    def call(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Call the program, in its folder."""
        command = [str(self.program), *words]
        return subprocess.run(command, cwd=self.folder, env=self.env, capture_output=True, text=True)

    def spent(self) -> float:
        """USD of the small log that ships with the tests, as the installed program reads it."""
        loaded = self.call("data", "ingest", str(LOG), "--home", "store")
        assert loaded.returncode == 0, loaded.stderr
        told = self.call("analytics", "spend", "--by", "provider", "--json", "--home", "store")
        assert told.returncode == 0, told.stderr
        return sum(row["cost_usd"] or 0 for row in json.loads(told.stdout)["rows"])

    def serves(self) -> bool:
        """Whether the dashboard comes up in Baton's own theme, and its page is there."""
        port = free_port()
        command = [str(self.program), "--server.port", str(port)]
        with (self.folder / "server.log").open("w") as log:
            server = subprocess.Popen(
                command, cwd=self.folder, env=self.env | {"BATON_HOME": "store"}, stdout=log, stderr=subprocess.STDOUT
            )
        try:
            for _ in range(1500):  # a busy machine takes its time
                try:
                    urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=2).read()
                    break
                except OSError:
                    assert server.poll() is None, (self.folder / "server.log").read_text()[-2000:]
                    time.sleep(0.2)
            page = urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=10)
            return page.status == 200 and b"streamlit" in page.read().lower()
        finally:
            server.terminate()
            server.wait()  # however busy the machine is; pytest's own limit holds
