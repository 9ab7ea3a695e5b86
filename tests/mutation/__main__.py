"""Would the tests notice? `python -m tests.mutation SUBJECT ... [--sample N] [--seed S] [--write]`.

Makes a seeded sample of small wrong versions of the modules where a wrong number hurts, runs on each the tests that
enter the changed function (tests/cases/mutation.yaml says which files cover which), and lists those that all tests
let through. One that changes nothing that could be seen is named there with its reason and is not counted. --write
renews the subject's line in docs/testing.md.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import shutil
import tempfile
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

import yaml

from tests.mutation.mutants import mutants
from tests.mutation.running import ROOT, covered, survives

TABLE = ROOT / "tests" / "cases" / "mutation.yaml"
PAGE = ROOT / "docs" / "testing.md"
# Imported once, before forking; none of Baton's own modules, which each mutant imports anew.
LIBRARIES = (
    "numpy",
    "pandas",
    "scipy.stats",
    "scipy.optimize",
    "ibis",
    "duckdb",
    "pydantic",
    "httpx",
    "hypothesis",
    "yaml",
)
LINE = re.compile(r"^\| ([a-z -]+) \| (\d+) \| (\d+) \| (\d+) \| (\d+) \| [\d %]+ \| (\d+) \|$", re.M)


class Result(NamedTuple):
    """One subject: mutants there are, tried, caught, of no effect, and the names of those let through."""

    subject: str
    of: int
    tried: int
    caught: int
    equivalent: int
    let_through: list[str]

    @property
    def score(self) -> float:
        return self.caught / max(self.tried - self.equivalent, 1)


def main() -> None:
    table = yaml.safe_load(TABLE.read_text())
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument("subject", nargs="*", choices=[[], *table["subjects"]], help="default: all of them")
    parser.add_argument("--sample", type=int, default=15, metavar="N", help="mutants a subject (default 15)")
    parser.add_argument("--seed", type=int, default=1, help="of the sample (default 1)")
    parser.add_argument("--write", action="store_true", help="renew the subjects' lines in docs/testing.md")
    asked = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"
    for name in LIBRARIES:
        import_module(name)
    blank = _blank_store()
    try:
        for subject in asked.subject or table["subjects"]:
            result = run(subject, table, asked.sample, asked.seed, blank)
            print(_told(result), flush=True)
            if asked.write:
                _write(result)
    finally:
        shutil.rmtree(blank, ignore_errors=True)


def run(subject: str, table: dict, sample: int, seed: int, blank: Path) -> Result:
    """Try a sample of one subject's mutants, stratified by nothing but the seed."""
    code, tests = table["subjects"][subject]["code"], table["subjects"][subject]["tests"]
    dear = [f"--deselect={name}" for name in table["subjects"][subject].get("without", ())]
    equivalent = table["equivalent"]
    every = [mutant for path in code for mutant in mutants(path, (ROOT / path).read_text())]
    chosen = random.Random(seed).sample(every, min(sample, len(every)))
    reached = covered(code, [*tests, *dear], blank)
    caught, let_through, same = 0, [], 0
    for mutant in sorted(chosen, key=lambda one: (one.path, one.line)):
        names = reached.of(mutant)
        if names and not survives(mutant, names, sum(reached.seconds[name] for name in names), blank):
            caught += 1
        elif mutant.name in equivalent:
            same += 1
        else:
            let_through.append(mutant.name)
            print(f"  let through, line {mutant.line}: {mutant.name}", flush=True)
    return Result(subject, len(every), len(chosen), caught, same, let_through)


def _blank_store() -> Path:
    """An empty store, made by a child so that no module of Baton is imported here."""
    folder = Path(tempfile.mkdtemp(prefix="baton-mutation-"))
    child = os.fork()
    if not child:
        from data.ledger import Ledger

        Ledger.open(folder).close()
        os._exit(0)
    os.waitpid(child, 0)
    return folder


def _told(result: Result) -> str:
    return (
        f"{result.subject}: {result.caught} of {result.tried - result.equivalent} caught ({result.score:.0%}), "
        f"{result.equivalent} of no effect, {len(result.let_through)} let through"
    )


def _write(result: Result) -> None:
    """Put the subject's line into the page's table, and the sum into its last line."""
    text = PAGE.read_text()
    lines = {row[0]: tuple(map(int, row[1:5])) for row in LINE.findall(text)} | {
        result.subject: (result.of, result.tried, result.caught, result.equivalent)
    }
    lines.pop("all", None)
    lines = dict(sorted(lines.items()))
    lines["all"] = tuple(map(sum, zip(*lines.values(), strict=True)))
    rows = []
    for name, (of, tried, caught, same) in lines.items():
        counted = tried - same
        rows.append(
            f"| {name} | {of} | {tried} | {caught} | {same} | {caught / max(counted, 1):.0%} | {counted - caught} |"
        )
    head, _, rest = text.partition("|---|---:")
    rule, _, rest = rest.partition("\n")
    after = LINE.sub("", rest).lstrip("\n")
    PAGE.write_text(f"{head}|---|---:{rule}\n" + "\n".join(rows) + f"\n\n{after}")


if __name__ == "__main__":
    main()
