"""Open models as an inference engine sees them: `catalog/architectures.csv`.

Parameter counts and cache bytes are computed from the published configuration, by the formulas of
DeepSeek's and Meta's reports; they reproduce the published totals within about one per cent.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, NamedTuple

from data.errors import BadInput
from data.facts.tables import Stamp, by_name, find, number, rows_at, squeeze, stamp

PRECISIONS = ("bf16", "fp8", "fp4", "mxfp4", "int4")
SPELLINGS = (
    (r"(bf|fp|b?float)16|half|16bit", "bf16"),
    (r"(fp|float)8|8bit", "fp8"),
    (r"nvfp4|fp4", "fp4"),
    (r"int4|awq|gptq|w4a16", "int4"),
)
LINEAR_KEY_HEADS, LINEAR_HEAD_DIM = 16, 128  # gated delta-net layers of the Qwen3.5 family
_TEXT = ("model", "aliases", "origin", "native_precision", "source", "as_of", "unverified")


class Architecture(NamedTuple):
    """One model's shape. Zeros mean "has none": `experts` 0 is dense, `kv_rank` 0 is not MLA.

    `window_every` 2: every second attention layer sees only `window` tokens. `full_attention_every`
    4: three of four layers are linear attention with a fixed state. `sparse_top`: tokens that sparse
    attention reads. `dense_layers`: leading layers without experts; `moe_every` 2: every second layer.
    """

    model: str
    aliases: tuple[str, ...]
    origin: str
    native_precision: str
    layers: int
    hidden: int
    heads: int
    kv_heads: int
    head_dim: int
    q_rank: int
    kv_rank: int
    rope_dim: int
    nope_dim: int
    value_dim: int
    ffn: int
    experts: int
    top_k: int
    expert_ffn: int
    shared_ffn: int
    dense_layers: int
    moe_every: int
    window: int
    window_every: int
    full_attention_every: int
    linear_value_heads: int
    sparse_top: int
    vocab: int
    tied: int
    context: int
    source: str
    as_of: str
    unverified: tuple[str, ...]

    @property
    def linear_layers(self) -> int:
        """Layers with linear attention: a fixed state, no growing cache."""
        return self.layers - self.layers // self.full_attention_every if self.full_attention_every else 0

    @property
    def attention_layers(self) -> int:
        """Layers that keep a key-value cache."""
        return self.layers - self.linear_layers

    @property
    def window_layers(self) -> int:
        """Attention layers that see only the last `window` tokens."""
        return self.attention_layers // self.window_every if self.window_every else 0

    @property
    def moe_layers(self) -> int:
        """Layers whose feed-forward part is a mixture of experts."""
        return (self.layers - self.dense_layers) // self.moe_every if self.experts else 0

    @property
    def attention_params(self) -> int:
        """Parameters of all attention layers, linear ones included."""
        if self.kv_rank:
            per_head = self.nope_dim + self.value_dim
            each = self.hidden * (self.q_rank + self.kv_rank + self.rope_dim) + self.q_rank * self.heads * (
                self.nope_dim + self.rope_dim
            )
            each += self.kv_rank * self.heads * per_head + self.heads * self.value_dim * self.hidden
        else:
            gate = 2 if self.full_attention_every else 1  # the hybrids gate their attention output
            each = self.hidden * self.head_dim * ((1 + gate) * self.heads + 2 * self.kv_heads)
        linear = self.hidden * LINEAR_HEAD_DIM * (2 * LINEAR_KEY_HEADS + 3 * self.linear_value_heads)
        return each * self.attention_layers + linear * self.linear_layers

    @property
    def dense_ffn_params(self) -> int:
        """Parameters of dense feed-forward layers and shared experts."""
        return 3 * self.hidden * ((self.layers - self.moe_layers) * self.ffn + self.moe_layers * self.shared_ffn)

    @property
    def expert_params(self) -> int:
        """Parameters of all routed experts."""
        return self.moe_layers * self.experts * 3 * self.hidden * self.expert_ffn

    @property
    def routed_params(self) -> int:
        """Parameters of the routed experts that one token uses."""
        return self.moe_layers * self.top_k * 3 * self.hidden * self.expert_ffn

    @property
    def head_params(self) -> int:
        """Parameters of the output head; the input embedding has as many."""
        return self.vocab * self.hidden


def architectures() -> tuple[Architecture, ...]:
    """Every open model of the catalogue."""
    return _architectures(stamp("architectures.csv"))


@lru_cache(maxsize=8)
def _architectures(at: Stamp) -> tuple[Architecture, ...]:
    found = []
    for row in rows_at(at):
        values: dict[str, Any] = {
            field: row[field] if field in _TEXT else int(number(row, field)) for field in Architecture._fields
        }
        for field in ("aliases", "unverified"):
            values[field] = tuple(word for word in row[field].split(";") if word)
        if min(values[f] for f in ("layers", "hidden", "heads", "vocab", "context", "moe_every")) < 1:
            raise BadInput(f"{row['model']} needs layers, hidden, heads, vocab, context and moe_every of at least 1.")
        found.append(Architecture(**values))
    return tuple(found)


def find_architecture(name: str) -> Architecture:
    """The architecture of a model by name, alias or Hugging Face path; raises BadInput with near names."""
    return find("open model", name, _architectures_by_name(stamp("architectures.csv")), _names, _reduce)


@lru_cache(maxsize=8)
def _architectures_by_name(at: Stamp) -> dict[str, Architecture]:
    return by_name(_architectures(at), _names, _reduce)


def _names(architecture: Architecture) -> tuple[str, ...]:
    return architecture.model, *architecture.aliases


def precision_of(name: str, architecture: Architecture) -> str:
    """A precision by any of its usual names ("" is the model's own); raises BadInput for another."""
    asked = squeeze(name or architecture.native_precision)
    precision = next(
        (known for pattern, known in SPELLINGS if re.match(pattern, asked)),
        architecture.native_precision if asked == "auto" else asked,
    )
    if precision == "fp4" and architecture.native_precision == "mxfp4":
        return "mxfp4"
    if precision not in PRECISIONS:
        raise BadInput(f"{name} is not a precision Baton knows; use one of {', '.join(PRECISIONS)}.")
    return precision


@lru_cache(maxsize=1024)
def _reduce(name: str) -> str:
    """Hugging Face paths and variants come down to the family: org, `Meta-`, `-Instruct`, `-FP8` go."""
    bare = re.sub(r"\s+", "-", name.lower().strip(" -")).rsplit("/", 1)[-1]
    bare = re.sub(r"^(meta|nvidia|mistralai|openai|zai)-", "", bare)
    bare = re.sub(
        r"[-_](instruct|chat|it|base|thinking|fp8|nvfp4|mxfp4|fp4|bf16|fp16|int4|awq|gptq|w4a16|w8a8|kv"
        r"|2503|2506|2507|0528|0905|dynamic|static|block|pertensor|v0\.[1-3]|v2|hf)(?=$|[-_])",
        "",
        bare,
    )
    return squeeze(bare)
