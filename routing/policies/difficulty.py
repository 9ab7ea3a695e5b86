"""A difficulty score as part of a policy: a small table of points, added up by hand if need be.

A base, and points for each condition that a request meets; the sum is held between 0 and 100. Whole numbers only, so
the engine, the lab and code before a gateway come to the same. What the points mean is the trainer's matter
(`routing.grading.difficulty_training`): there, the points of quality that the dear model is expected to gain.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field, model_validator

from routing.policies.conditions import DIFFICULTY, WORDS_OF_PROMPT, Condition, Part, applies

MOST = 100


class Points(Part):
    """Points for the requests that meet a condition."""

    when: Condition
    """the requests that get them; not by output, which nobody knows before the answer"""
    points: int = Field(ge=-1000, le=1000)
    """how many; below zero where such requests are easier"""

    @model_validator(mode="after")
    def _known_before(self) -> Points:
        late = next((name for name in self.when if name in (DIFFICULTY, "output_tokens", "total_tokens")), None)
        if late or not self.when:
            raise ValueError(f"points are given by what is known before the answer, not by {late or 'nothing'}")
        return self


class Difficulty(Part):
    """A request's difficulty: the base and the points of every condition it meets, held between 0 and 100."""

    name: str = Field(DIFFICULTY, min_length=1, max_length=80)
    """what the score is called in tables and exports"""
    base: int = Field(0, ge=-1000, le=1000)
    """the points of a request that meets none of the conditions"""
    terms: tuple[Points, ...] = ()
    """conditions and their points"""
    note: str = ""
    """where it comes from: models, tasks, runs, how it was tested"""

    def points(self, attributes: Mapping[str, Any]) -> int:
        """The difficulty of a request with these attributes, 0 to 100; what is unknown meets no condition."""
        return min(MOST, max(0, self.base + sum(term.points for term in self.terms if applies(term.when, attributes))))

    @property
    def words_needed(self) -> tuple[str, ...]:
        """The features of its conditions that only the words of a prompt tell."""
        return tuple(dict.fromkeys(name for term in self.terms for name in term.when if name in WORDS_OF_PROMPT))
