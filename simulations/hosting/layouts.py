"""How one replica spreads a model over its GPUs: tensor, data and pipeline parallel, experts apart."""

from __future__ import annotations

import re
from typing import NamedTuple

from data.errors import BadInput


class Layout(NamedTuple):
    """Degrees of parallelism. One replica uses tp x dp x pp GPUs; its experts are spread over all of them.

    tp splits every matrix, dp gives each rank its own sequences (attention only), pp splits the
    layers. ep says how the experts are cut (whole, or in slices); their bytes per GPU are the same.
    """

    tp: int = 1
    dp: int = 1
    pp: int = 1
    ep: int = 1

    @property
    def gpus(self) -> int:
        """GPUs of one replica."""
        return self.tp * self.dp * self.pp

    def __str__(self) -> str:
        return (
            f"tp{self.tp}"
            + (f"dp{self.dp}" if self.dp > 1 else "")
            + (f"pp{self.pp}" if self.pp > 1 else "")
            + (f"ep{self.ep}" if self.ep > 1 else "")
        )


def read_layout(text: str | int | Layout) -> Layout:
    """`tp8` (or 8), `tp1dp8ep8`, `TP4 + EP4`, `DEP8`, `TEP8` as a Layout; raises BadInput for anything else."""
    if isinstance(text, Layout):
        return text
    words = re.sub(r"^\s*(\d+)\s*$", r"tp\1", str(text).lower())
    words = re.sub(
        r"\b(t|d)ep[\s=_:-]*(\d+)", r"\1p\2ep\2", re.sub(r"^\s*ep", "dep", words)
    )  # experts alone: attention is data parallel
    parts = re.findall(r"(tp|dp|pp|ep)[\s=_:-]*(\d+)", words)
    rest = re.sub(r"(tp|dp|pp|ep)[\s=_:-]*\d+|[\s,+;/-]|ep(none)?", "", words)
    degrees = {name: int(value) for name, value in parts}
    if rest or not parts or min(degrees.values()) < 1:
        raise BadInput(f"{text} is not a layout; write degrees such as tp8 or tp1dp8ep8.")
    return Layout(**degrees)


def within(layout: Layout, count: int) -> Layout:
    """The layout on `count` GPUs. `tp8dp8` on 8 GPUs is how engines write attention-data parallelism: dp splits the 8.

    Raises BadInput when it needs more GPUs than there are.
    """
    if layout.gpus <= count:
        return layout
    if layout.dp > 1 and layout.tp <= count and layout.tp % layout.dp == 0:
        return layout._replace(tp=layout.tp // layout.dp)
    raise BadInput(f"Layout {layout} needs {layout.gpus} GPUs; {count} {'is' if count == 1 else 'are'} given.")


def candidate_layouts(count: int) -> list[Layout]:
    """Layouts worth trying on `count` GPUs: one replica over all or some of them, tensor or attention-data parallel."""
    sizes = [size for size in (1, 2, 4, 8, 16) if size <= count]
    return [
        layout
        for size in sizes
        for layout in ((Layout(size),) if size == 1 else (Layout(size), Layout(1, dp=size, ep=size)))
    ]
