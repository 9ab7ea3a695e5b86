"""Every writer on a disk that takes no more says why in one sentence, and finishes when it does again.

In one process, which makes its stores once; each writer under one of the faults. All of them: tests/data/small_disk.py.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.data.killing import WRITERS
from tests.data.small_disk import FAULTS

pytestmark = [pytest.mark.kill, pytest.mark.timeout(1800)]
REPOSITORY = Path(__file__).parents[2]


def test_every_writer_on_such_a_disk(tmp_path):
    if subprocess.run(["unshare", "-rm", "true"], capture_output=True).returncode:
        pytest.skip("this machine does not allow mount namespaces (unshare -rm)")
    words = ["unshare", "-rm", sys.executable, "-m", "tests.data.small_disk", tmp_path, "--in-turn"]
    done = subprocess.run(words, capture_output=True, text=True, cwd=REPOSITORY)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(WRITERS)} trials, 0 faults" in done.stdout
    for fault in FAULTS:
        assert f"{fault}: refused" in done.stdout, "nothing was refused, so nothing was tried"
