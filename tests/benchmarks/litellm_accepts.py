"""Does the real LiteLLM accept Baton's export? Run it with a scratch environment's Python that has litellm (1.106.2
was used):

    .venv/bin/python -m routing export orchestrator --providers P.toml --to litellm --out /tmp/litellm.yaml
    /tmp/scratch/bin/python tests/benchmarks/litellm_accepts.py /tmp/litellm.yaml

It builds litellm's Router from the file as its proxy does, and names every model group. Do not install
litellm unpinned: releases of it were compromised (1.82.7, 1.82.8, and 1.107.0 is reported so).
"""

from __future__ import annotations

import inspect
import os
import sys
from pathlib import Path

import yaml


def main(paths: list[str]) -> int:
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    return max(accepted(Path(path).read_text(encoding="utf-8")) for path in paths)


def accepted(text: str) -> int:
    """0 where litellm builds its router from the text and knows every setting and group."""
    for line in text.splitlines():
        if "os.environ/" in line:
            os.environ.setdefault(line.split("os.environ/")[1].strip(), "not-a-key")
    from litellm import Router
    from litellm.types.router import UpdateRouterConfig

    config = yaml.safe_load(text)
    settings = config["router_settings"]
    unknown = set(settings) - set(UpdateRouterConfig.model_fields) - set(inspect.signature(Router.__init__).parameters)
    known = {name: value for name, value in settings.items() if name not in unknown}
    router = Router(model_list=config["model_list"], **known)
    groups = sorted({model["model_name"] for model in router.get_model_list()})
    missing = {model["model_name"] for model in config["model_list"]} - set(groups)
    print(f"accepted: {len(config['model_list'])} deployments in {len(groups)} groups: {', '.join(groups)}")
    print(f"fallbacks: {router.fallbacks}")
    print(f"unknown settings: {sorted(unknown) or 'none'}; groups lost: {sorted(missing) or 'none'}")
    return 1 if unknown or missing else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
