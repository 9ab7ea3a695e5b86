"""`python -m pages`: serve the dashboard, as `make run` does. Options are those of `streamlit run`."""

from __future__ import annotations

import sys
from pathlib import Path

from streamlit.runtime.pages_manager import PagesManager
from streamlit.web import cli

# Streamlit takes a folder named pages for its older navigation until app.py has run once: a fresh server's first
# visitor would get its page names and its sidebar. Ours are in pages/ui/navigation.py.
PagesManager.uses_pages_directory = False
cli.main(["run", str(Path(__file__).parent.parent / "app.py"), *sys.argv[1:]], prog_name="python -m pages")
