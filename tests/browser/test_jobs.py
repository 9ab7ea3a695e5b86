"""Jobs of a FinOps lead: each ends on its answer within ten clicks, as docs/jobs.md says."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.browser import finops_jobs
from tests.browser.finops_jobs import DOC, JOBS, MOST_CLICKS


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Iterator[tuple]:
    folder = tmp_path_factory.mktemp("jobs")
    with finops_jobs.company(folder / "home", folder / "server.txt") as found:
        yield found


@pytest.mark.parametrize("job", JOBS, ids=lambda job: job.question)
def test_a_job_ends_on_its_answer_within_ten_clicks(chromium, site, job):
    done = finops_jobs.walked(chromium, *site, job)
    told = dict(re.findall(r"^\| (.+?) \| (\d+) \|", DOC.read_text(), re.MULTILINE))
    assert done.clicks < MOST_CLICKS and done.answer
    assert told[job.question] == str(done.clicks), "renew it: python -m tests.browser.finops_jobs --write"
