"""A writer on a disk that takes no more says why in one sentence, and finishes when it does again.

One of each kind here; all thirteen, and more trials: tests/data/small_disk.py.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.data.small_disk import FAULTS

pytestmark = [pytest.mark.kill, pytest.mark.timeout(1800)]
REPOSITORY = Path(__file__).parents[2]
ONE_OF_EACH_KIND = ("ingest", "documents", "backup", "reprice")  # a load, the state, a copy, rows written anew


@pytest.mark.parametrize("fault", FAULTS)
def test_a_writer_on_such_a_disk(fault, tmp_path):
    if subprocess.run(["unshare", "-rm", "true"], capture_output=True).returncode:
        pytest.skip("this machine does not allow mount namespaces (unshare -rm)")
    words = ["unshare", "-rm", sys.executable, "-m", "tests.data.small_disk", tmp_path, "--faults", fault]
    words += ["--writers", *ONE_OF_EACH_KIND]
    done = subprocess.run(words, capture_output=True, text=True, cwd=REPOSITORY)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "refused" in done.stdout, "nothing was refused, so nothing was tried"
