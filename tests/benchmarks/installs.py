"""Baton's wheel installed, called and served under every Python it names that this machine has.

    .venv/bin/python -m tests.benchmarks.installs [PYTHON ...]

Without names: python3.11 to python3.13 on the path, and pyenv's. Each gets an environment of its own; all must read
the tests' small log to the same dollars and serve the dashboard.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.installed import Installed, build_wheel

VERSIONS = ("3.11", "3.12", "3.13")


def interpreters() -> list[str]:
    """One interpreter of each version."""
    kept = sorted(Path.home().glob(".pyenv/versions/*/bin/python"))
    found = [shutil.which(f"python{version}") for version in VERSIONS]
    own = [next((str(p) for p in kept if p.parts[-3].startswith(f"{version}.")), None) for version in VERSIONS]
    return [one for pair in zip(found, own, strict=True) if (one := pair[1] or pair[0])]


def main() -> int:
    spent = set()
    with tempfile.TemporaryDirectory(prefix="baton-installs-") as folder:
        wheel = build_wheel(Path(folder))
        print(f"{wheel.name}, {wheel.stat().st_size / 2**20:.1f} MB", flush=True)
        for python in sys.argv[1:] or interpreters():
            told = subprocess.run([python, "--version"], capture_output=True, text=True).stdout.strip()
            installed = Installed(python, wheel, Path(folder) / told.replace(" ", "-"))
            usd = installed.spent()
            spent.add(round(usd, 9))
            print(f"{told}: {installed.call('--version').stdout.strip()}, {usd:.6f} USD, served {installed.serves()}")
    return len(spent) != 1


if __name__ == "__main__":
    sys.exit(main())
