"""`python -m pages`: serve the dashboard, as `make run` does. Options are those of `streamlit run`."""

from __future__ import annotations

import ctypes
import os
import sys
from contextlib import suppress
from pathlib import Path

from streamlit import config
from streamlit.runtime.pages_manager import PagesManager
from streamlit.web import cli

from data.errors import Refused
from data.program import as_called
from pages.ui import security_headers, sign_in

# Streamlit takes a folder named pages for its older navigation until app.py has run once: a fresh server's first
# visitor would get its page names and its sidebar. Ours are in pages/ui/navigation.py.
PagesManager.uses_pages_directory = False
APP = Path(__file__).parent.parent / "app.py"
# As `streamlit run` will set it: the settings beside app.py hold wherever Baton is started from.
config._main_script_path = str(APP)
M_ARENA_MAX = -8  # of <malloc.h>


def option(words: list[str], name: str) -> list[str]:
    """The values of a Streamlit option as `streamlit run` will see it: command line, environment, config file."""
    flag, found = f"--{name}", []
    for number, word in enumerate(words):
        if word == flag and number + 1 < len(words):
            found.append(words[number + 1])
        elif word.startswith(f"{flag}="):
            found.append(word.removeprefix(f"{flag}="))
    found = found or os.environ.get(f"STREAMLIT_{name.upper().replace('.', '_')}", "").split()
    kept = config.get_option(name)
    return found or ([kept] if isinstance(kept, str) else list(kept or []))


def keep_arenas_few() -> None:
    """Every visitor's page runs on a thread of its own, and glibc gives threads heaps that never shrink back: with two
    for all of them a crowd's memory is given back. Other C libraries have no such setting."""
    with suppress(AttributeError, OSError, TypeError):
        ctypes.CDLL(None).mallopt(M_ARENA_MAX, 2)


try:
    addresses = option(sys.argv[1:], "server.address")
    secrets = option(sys.argv[1:], "secrets.files")
    sign_in.check_before_serving(addresses[-1] if addresses else None, secrets)
    for warning in sign_in.warnings(secrets):
        print(f"WARNING: {warning}", file=sys.stderr, flush=True)
except Refused as refusal:
    print(refusal, file=sys.stderr)
    sys.exit(1)
security_headers.install()
keep_arenas_few()
cli.main(["run", str(APP), *sys.argv[1:]], prog_name=as_called("python -m pages"))
