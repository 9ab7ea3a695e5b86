"""Every writer on a disk that takes no more: no space, no room for another file, read-only, or files of limited size.

    unshare -rm nice -n 10 .venv/bin/python -m tests.data.small_disk FOLDER [--trials 2] [--seed 1] [--faults full ...]

Runs with mounts of its own: FOLDER becomes a small file system in memory. A writer that fails must say why in one
sentence and leave whole batches of before or after; with space again, the same work done again ends as if undisturbed.
"""

from __future__ import annotations

import argparse
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

from tests.data.bad_logs import one_sentence
from tests.data.killing import WRITERS, Scene, do, trust_extensions

FAULTS = ("full", "no inodes", "read-only", "limited files")
SIZE, FILES = "size=900m", "nr_inodes=100k"
WORDS = ("full", "written", "read-only", "may not grow", "copied", "limit")


class Disk:
    """A file system in memory, mounted on a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"{SIZE},{FILES}", "tmpfs", folder], check=True)

    def used(self) -> tuple[int, int]:
        """Kilobytes and files."""
        words = ["df", "-k", "--output=used,iused", str(self.folder)]
        told = subprocess.run(words, capture_output=True, text=True, check=True).stdout.split()
        return int(told[-2]), int(told[-1])

    @contextmanager
    def spoiled(self, fault: str, left: int) -> Iterator[None]:
        """For the length of a block, only so many kilobytes or files are left, or nothing can be written."""
        kilobytes, files = self.used()
        options = {
            "full": (f"size={kilobytes + left}k", SIZE),
            "no inodes": (f"nr_inodes={files + left}", FILES),
            "read-only": ("ro", "rw"),
        }[fault]
        self._remount(options[0])
        try:
            yield
        finally:
            self._remount(options[1])

    def _remount(self, options: str) -> None:
        subprocess.run(["mount", "-o", f"remount,{options}", str(self.folder)], check=True)


def limited(name: str, trial: str, scene: str, kilobytes: int) -> None:
    """A writer whose files may not grow further."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (kilobytes * 1024, kilobytes * 1024))
    do(name, trial, scene)


def everything_in(folder: Path) -> dict[str, bytes | None]:
    """Folders, and files with what is in them."""
    return {str(p.relative_to(folder)): p.read_bytes() if p.is_file() else None for p in folder.rglob("*")}


def tried(scene: Scene, disk: Disk, name: str, fault: str, chance: random.Random, number: int) -> str:
    """One writer under one fault; how it ended. Asserts what the docstring of this file promises.

    Where the writer left every byte as it was, its work done again is the undisturbed work, which is known.
    """
    was = disk.used()
    before, whole, _ = scene.undisturbed(name)
    grown = scene.grown.setdefault(name, tuple(now - then for now, then in zip(disk.used(), was, strict=True)))
    trial, writer = scene.trial(f"trial {number}", name), WRITERS[name]
    start = everything_in(trial)
    left = chance.randint(0, grown[fault == "no inodes"])
    about = nullcontext() if fault == "limited files" else disk.spoiled(fault, left)
    with about:
        if fault == "limited files":
            ended = scene.run(name, trial, None, limited, chance.randint(1, 300))
        else:
            ended = scene.run(name, trial)
    if ended == "refused":
        said = scene.refusal(name)
        assert one_sentence(said) and any(word in said for word in WORDS), f"{left} left: {said}"
    if ended == "done" or everything_in(trial) != start:
        scene.look(trial / writer.about, writer, before, whole)
        scene.finish(name, trial)
    shutil.rmtree(trial)
    return ended


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("folder", type=Path)
    arguments.add_argument("--trials", type=int, default=1, help="of each writer under each fault")
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--faults", nargs="+", choices=FAULTS, default=FAULTS)
    arguments.add_argument("--in-turn", action="store_true", help="each writer under the next of the faults alone")
    arguments.add_argument("--writers", nargs="+", choices=WRITERS, default=list(WRITERS))
    wish = arguments.parse_args()
    disk, ends, faults, number = Disk(wish.folder), Counter[str](), [], 0
    trust_extensions()
    with tempfile.TemporaryDirectory() as logs:
        scene = Scene(Path(logs), rows=200, trials=wish.folder)
        for turn, name in enumerate(wish.writers):
            for fault in wish.faults[turn % len(wish.faults) :][:1] if wish.in_turn else wish.faults:
                for trial in range(wish.trials):
                    number += 1
                    chance = random.Random(f"{wish.seed} {name} {fault} {trial}")
                    try:
                        ends[f"{fault}: {tried(scene, disk, name, fault, chance, number)}"] += 1
                    except Exception as error:
                        faults.append(f"FAULT {name}, {fault}, trial {trial}: {type(error).__name__}: {error}"[:1500])
                        print(faults[-1], flush=True)
    print(f"{number} trials, {len(faults)} faults; " + ", ".join(f"{n} {end}" for end, n in sorted(ends.items())))
    return bool(faults)


if __name__ == "__main__":
    sys.exit(main())
