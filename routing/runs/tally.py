"""What of a run is finished, left and left out, and the line of progress that everybody watches."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Iterable, Mapping
from typing import Any

from routing.calling.spend_cap import SpendCap
from routing.grading.tasks import Task
from routing.runs.pair_judging import PairJudging
from routing.runs.service_limits import broken_for_good
from routing.runs.spec import RunSpec

Item = tuple[int, Task, int]


class Tally:
    """The items of one run: (position of the policy, task, repeat); `before` is an earlier engine's progress."""

    def __init__(self, spec: RunSpec, finished: list[dict[str, Any]], before: Mapping[str, Any]) -> None:
        self._spec = spec
        self.finished = finished
        self.passed: list[str] = list(before.get("checkpoints_passed", []))
        self._dropped: set[str] = set(before.get("dropped", []))
        self._counts = Counter(result["status"] for result in finished)
        self._per_model = Counter(result["model"] for result in finished if result.get("model"))
        self._left = deque(self._items())
        self._under_way: Counter[int] = Counter()
        self.total = len(self._left) + len(finished)
        self.pairs: PairJudging | None = None
        self._earlier_s, self._started = float(before.get("elapsed_s", 0.0)), time.monotonic()

    def _items(self) -> Iterable[Item]:
        """What is left to do, task by task, so that the policies meet the same circumstances."""
        done = {(r["policy"], r["task_id"], r["repeat"]) for r in self.finished}
        for repeat in range(self._spec.repeats):
            for task in self._spec.tasks.tasks:
                for index, policy in enumerate(self._spec.policies):
                    if (policy.name, task.id, repeat) not in done and task.id not in self._dropped:
                        yield index, task, repeat

    def take(self) -> Item | None:
        """The next item, None when none is left."""
        item = self._left.popleft() if self._left else None
        if item is not None:
            self._under_way[item[0]] += 1
        return item

    def add(self, result: dict[str, Any]) -> None:
        """An item is finished."""
        self.finished.append(result)
        self._under_way[next(i for i, p in enumerate(self._spec.policies) if p.name == result["policy"])] -= 1
        self._counts[result["status"]] += 1
        self._per_model[result["model"] or "none"] += 1

    def broken_limit(self, policy: int) -> str | None:
        """Which limit of the policy at this position no end of the run can keep any more; None while all can be."""
        limits, name = self._spec.policies[policy].limits, self._spec.policies[policy].name
        left = sum(index == policy for index, _, _ in self._left) + self._under_way[policy]
        mine = [result for result in self.finished if result["policy"] == name]
        return broken_for_good(limits, mine, len(mine) + left)

    def drop(self, task_ids: Iterable[str]) -> None:
        """Leave tasks out that have not begun."""
        self._dropped |= set(task_ids)
        kept = [item for item in self._left if item[1].id not in self._dropped]
        self.total -= len(self._left) - len(kept)
        self._left = deque(kept)

    @property
    def elapsed_s(self) -> float:
        """Seconds this run has been executed, by this engine and those before."""
        return self._earlier_s + time.monotonic() - self._started

    def checkpoint(self) -> str | None:
        """The next checkpoint that has come, by hours or by share of the items; none once everything is finished."""
        if len(self.finished) >= self.total:
            return None
        hours, share = self.elapsed_s / 3600, len(self.finished) / max(1, self.total)
        limits = [policy.limits for policy in self._spec.policies]
        due = [f"{at:g}h" for limit in limits for at in limit.checkpoints if 0 < at <= hours]
        due += [f"{100 * at:g}%" for limit in limits for at in limit.checkpoint_shares if at <= share]
        return next((name for name in due if name not in self.passed), None)

    def progress(self, cap: SpendCap) -> dict[str, Any]:
        """The run's progress as it is kept and shown; money in USD."""
        return {
            "tasks": self.total,
            "finished": len(self.finished),
            "done": self._counts["done"],
            "failed": self._counts["failed"],
            "refused": self._counts["refused"],
            "blocked": self._counts["blocked"],
            "spent_usd": float(cap.spent_usd),
            "held_usd": float(cap.held_usd),
            "cap_usd": None if cap.limit_usd is None else float(cap.limit_usd),
            "elapsed_s": round(self.elapsed_s, 1),
            "by_model": dict(self._per_model),
            "checkpoints_passed": self.passed,
            "dropped": sorted(self._dropped),
            "pairs": self.pairs.total if self.pairs else 0,
            "pairs_judged": self.pairs.judged if self.pairs else 0,
        }
