"""Reports as PDF, where a Chromium is on the machine that serves: the HTML printed on A4, without any network."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from data.errors import Refused
from data.version import file_name
from pages.ui import exports

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
PRINT_WITHIN_S = 60
FLAGS = (
    "--headless",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND",
    "--no-pdf-header-footer",
    "--virtual-time-budget=10000",  # charts of a board page draw themselves
)


def browser() -> str | None:
    """The Chromium that prints, or None."""
    return next((path for name in BROWSERS if (path := shutil.which(name))), None)


def pdf(html: str) -> bytes:
    """A self-contained page as PDF; Refused where nothing on this machine prints it."""
    program = browser()
    if program is None:
        raise Refused("No Chromium is on this machine, so no PDF can be made; print the HTML page from a browser.")
    with TemporaryDirectory(prefix="baton-pdf-") as folder:
        page, paper = Path(folder, "page.html"), Path(folder, "page.pdf")
        page.write_text(html, encoding="utf-8")
        flags = [*FLAGS, f"--user-data-dir={folder}/profile", f"--print-to-pdf={paper}"]
        if hasattr(os, "geteuid") and os.geteuid() == 0:
            flags.append("--no-sandbox")  # Chromium's own sandbox does not work for the superuser
        try:
            subprocess.run([program, *flags, page.as_uri()], capture_output=True, timeout=PRINT_WITHIN_S, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise Refused(f"Chromium did not print the page ({error}); print the HTML page from a browser.") from error
        if not paper.exists():
            raise Refused("Chromium did not print the page; print the HTML page from a browser.")
        return paper.read_bytes()


def download_pdf(html: Callable[[], str], name: str, *, key: str, snapshot: int | None = None) -> None:
    """The button for a report's PDF, made when clicked; none where nothing prints."""
    if browser() is None:
        return
    exports.download_file(
        "PDF",
        partial(_printed, html),
        file_name(name, "pdf", snapshot),
        icon=":material/picture_as_pdf:",
        key=f"pdf_{key}",
        help="Printed on A4 by the Chromium of this machine, without any network.",
        snapshot=snapshot,
    )


def _printed(html: Callable[[], str]) -> bytes:
    return pdf(html())
