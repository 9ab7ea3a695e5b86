"""What runs where, and what a request looks like: the two things every serving question is about."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from data.errors import BadInput
from data.facts.architectures import Architecture, find_architecture, precision_of
from data.facts.gpus import Gpu, find_gpu
from simulations.hosting.layouts import Layout, read_layout, within

SEARCHED = ("tpnone", "none", "auto", "search", "nan")  # layouts that leave the choice to us


@dataclass(frozen=True)
class RequestShape:
    """Tokens of a mean request: input that is prefilled, input found in a cache, output written."""

    fresh: float
    cached: float
    output: float

    @property
    def input(self) -> float:
        """All input tokens."""
        return self.fresh + self.cached

    @property
    def tokens_in_memory(self) -> float:
        """Tokens that the mean running request holds in memory: its input and half its output."""
        return self.input + self.output / 2


@dataclass(frozen=True)
class Deployment:
    """An open model on `count` GPUs. `layout` is of one replica, None until it is searched.

    Names are the catalogue's.
    """

    model: str
    gpu: str
    count: int
    layout: Layout | None
    precision: str

    @classmethod
    def from_names(
        cls, model: str, gpu: str, count: float | str, layout: str | Layout | None, precision: str
    ) -> Deployment:
        """From any usual spelling; raises BadInput for names and numbers that cannot be."""
        architecture, hardware = find_architecture(model), find_gpu(gpu)
        whole = at_least_one("GPU count", count)
        if int(whole) != whole:
            raise BadInput(f"The GPU count is {whole:g}; give whole GPUs.")
        asked = "" if layout is None else str(layout).strip(" -").lower()
        open_ = layout is None or not asked or asked.startswith(SEARCHED)
        shape = None if open_ else within(read_layout(layout or ""), int(whole))
        return cls(architecture.model, hardware.gpu, int(whole), shape, precision_of(precision, architecture))

    @property
    def architecture(self) -> Architecture:
        """The model's shape."""
        return find_architecture(self.model)

    @property
    def hardware(self) -> Gpu:
        """The GPU's figures."""
        return find_gpu(self.gpu)

    @property
    def shape(self) -> Layout:
        """The layout of one replica; raises BadInput while it is still to be searched."""
        if self.layout is None:
            raise BadInput(f"{self.model} on {self.count} x {self.gpu} has no layout yet; name one such as tp8.")
        return self.layout

    @property
    def replicas(self) -> int:
        """Replicas that the GPUs hold."""
        return self.count // self.shape.gpus

    def on(self, layout: Layout, count: int | None = None) -> Deployment:
        """The same with this layout, on `count` of the GPUs where given."""
        return replace(self, layout=layout, count=self.count if count is None else count)


def at_least_one(name: str, value: float | str) -> float:
    """A number of at least 1; raises BadInput for anything else."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not 1 <= number < math.inf:
        raise BadInput(f"The {name} is {value}; give at least 1.")
    return number
