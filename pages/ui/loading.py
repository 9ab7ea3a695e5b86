"""Getting logs in: drop files, give a path, load the sample company, or point columns at ours."""

from __future__ import annotations

import shutil
from contextlib import suppress
from pathlib import Path

import pandas as pd
import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from analytics.alerts.watch import after_load
from data import invented, owner, people, scratch
from data.errors import BatonError, UnknownFormat
from data.formats import Format, all_formats
from data.loading import mappings
from data.loading.ingest import ingest
from data.loading.report import Report
from data.program import as_called
from data.sample import removal, sample
from pages.ui import exports, mapping_panel, place, shell
from pages.ui import format as fmt

LARGE = 512 * 2**20  # beyond this the command line is the better way


def panel() -> None:
    """The ways in, and what became of the last load; the sample company is offered where it is not in."""
    invited = not invented.is_sample(shell.ledger())
    if not invited:
        _about_the_sample()
    drop, path, *rest = st.columns(3 if invited else 2, gap="large")
    with drop:
        files = st.file_uploader(
            "Drop usage logs",
            accept_multiple_files=True,
            key="uploads",
            help="Any of the formats below, plain, gzip, zstd or zip.",
        )
        if files and st.button("Load these files", key="load_uploads", type="primary", icon=":material/upload_file:"):
            with shell.errors():
                _load_uploads(files)
    with path:
        given = st.text_input(
            "Or a file, folder or glob on this machine", key="load_path", placeholder="/var/log/litellm/*.jsonl"
        )
        keep_text = st.toggle(
            "Keep prompts and answers", key="keep_text", help="Off by default: Baton needs counts, not texts."
        )
        if st.button("Load from path", disabled=not given, icon=":material/folder_open:"):
            with shell.errors():
                people.require("paths")
                owner.require_folder(given, shell.ledger().home)
                _refuse_beside()
                _run([given], keep_text=keep_text)
                st.rerun()
    for company in rest:
        company.write("Or look around first: 400 days of the sample company, some \\$50K over three gateways.")
        if company.button("Load the sample company", icon=":material/science:"):
            _run_sample()
    show_reports()
    unread_files()
    with st.expander(f"The {len(all_formats())} formats Baton recognises", icon=":material/list:"):
        known = pd.DataFrame(
            [{"name": f.name, "reads": f.label, "into": f.table, "good to know": f.note} for f in all_formats()]
        )
        exports.table(known, name="formats")


def _about_the_sample() -> None:
    """A store with invented rows takes a real log only from who says so; here is the way out of it."""
    st.warning(
        "This store holds the sample company. A real log beside invented rows makes every number a mix of both.",
        icon=":material/science:",
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button("Remove the sample company", icon=":material/delete:"):
            with shell.errors():
                removal.remove(shell.ledger(), shell.state())
                st.rerun()
        st.toggle("Load beside it all the same", key="beside_sample")


def _refuse_beside() -> None:
    if not st.session_state.get("beside_sample"):
        invented.refuse_beside(shell.ledger())


def begin() -> None:
    """The empty ledger: the three ways to fill it, right here."""
    st.title("Where does the money go, and what changed?", anchor=False)
    st.write("The ledger is empty. Drop a usage log, give a path, or load the sample company; this page then answers.")
    panel()
    place.stop()


def _load_uploads(files: list[UploadedFile]) -> None:
    people.require("load")  # before a byte of it is kept
    _refuse_beside()
    if sum(f.size for f in files) > LARGE:
        st.info(
            f"This is {sum(f.size for f in files) / 2**20:,.0f} MB. The command line is faster for files of this size: "
            + as_called("python -m data ingest PATH"),
            icon=":material/terminal:",
        )
    folder, targets = scratch.upload_folder(shell.ledger().home), []
    st.session_state["mapping_files"] = []
    try:
        for number, file in enumerate(files):  # each in a folder of its own: two uploads may have one name
            target = folder / str(number) / Path(file.name).name  # a browser may send a path; its last part is used
            target.parent.mkdir()
            with open(target, "wb") as out:
                shutil.copyfileobj(file, out)
            targets.append(target)
        _run(targets, keep_text=st.session_state.get("keep_text", False), uploaded=True)
    finally:  # also where the visitor has left and Streamlit stops this run
        if not _waiting():
            shutil.rmtree(folder, ignore_errors=True)
    st.rerun()


def _run(paths: list, *, keep_text: bool = False, form: Format | None = None, uploaded: bool = False) -> bool:
    """Load, and remember what became of it; uploads that no format knows wait for their columns to be named."""
    bar = st.progress(0.0, "Reading")

    def progress(stage: str, share: float, note: str) -> None:
        bar.progress(min(1.0, share), fmt.md(f"{stage.capitalize()}: {note}"))

    try:
        reports = ingest(shell.ledger(), shell.state(), paths, form=form, keep_text=keep_text, progress=progress)
    except BatonError as error:
        st.session_state["load_error"] = str(error)
        st.session_state.pop("load_reports", None)
        unknown = [str(p) for p in paths] if isinstance(error, UnknownFormat) else []
    else:
        st.session_state["load_reports"] = [vars(r) for r in reports]
        st.session_state.pop("load_error", None)
        unknown = [r.path for r in reports if r.unknown]
        tell_alerts()
    if uploaded:
        st.session_state["mapping_files"] = unknown
    return "load_error" not in st.session_state


def tell_alerts() -> None:
    """The load stands whatever becomes of the alerts; the page Alerts says what was not delivered."""
    with suppress(BatonError):
        after_load(shell.ledger(), shell.state())


def _waiting() -> list[str]:
    """Uploads that no format knows and that are still there."""
    return [name for name in st.session_state.get("mapping_files", []) if Path(name).exists()]


def _run_sample() -> None:
    bar = st.progress(0.0, "Writing the sample company's logs")

    def progress(stage: str, share: float, note: str) -> None:
        bar.progress(min(1.0, share), fmt.md(f"{stage.capitalize()}: {note}"))

    with shell.errors():
        reports = sample.load(shell.ledger(), shell.state(), sample.wish(), progress)
        st.session_state["load_reports"] = [vars(r) for r in reports]
        st.rerun()


def show_reports() -> None:
    """What became of the last load: counts, refusals and the reasons of what was set aside."""
    if (error := st.session_state.get("load_error")) and not _waiting():  # what waits has a panel of its own
        st.error(fmt.md(error), icon=":material/error:")
    reports = [Report(**r) for r in st.session_state.get("load_reports", [])]
    if not reports:
        return
    loaded, rejected = sum(r.loaded for r in reports), sum(r.rejected for r in reports)
    duplicate = sum(r.duplicate for r in reports)
    words = f"{loaded:,} record{'s' * (loaded != 1)} loaded, {duplicate:,} were already there" + (
        f", {rejected:,} set aside with a reason" if rejected else ""
    )
    if loaded:
        st.success(words + ".", icon=":material/check_circle:")
    for report in reports:
        if report.error:
            st.warning(fmt.md(report.error), icon=":material/warning:")
        elif report.nothing_loaded:
            st.info(fmt.md(report.nothing_loaded), icon=":material/info:")
        else:
            for reason, times in report.skip_reasons.items():
                st.caption(fmt.md(f"{Path(report.path).name}: {fmt.count(times)} skipped: {reason}."))
        if report.gone:
            st.caption(fmt.md(f"{Path(report.path).name}: {report.gone_words}"))
        for unread in report.unread:
            st.caption(
                fmt.md(
                    f"{Path(report.path).name}: no column reads {unread.path} ({fmt.count(unread.rows)} rows, sum "
                    f"{unread.sum:,g}); these rows are marked, see Coverage."
                )
            )
        if report.unread_more:
            st.caption(f"{fmt.count(report.unread_more)} further paths that no column reads.")
        for reason, times in report.reasons.items():
            st.caption(fmt.md(f"{Path(report.path).name}: {times:,} set aside because {reason}."))


def unread_files() -> None:
    """The first of the uploads that no format knows: its columns are named, and it is loaded or given up."""
    if not (waiting := _waiting()):
        return
    path = Path(waiting[0])

    def drop() -> None:
        st.session_state["mapping_files"] = waiting[1:]
        shutil.rmtree(path.parent, ignore_errors=True)
        st.rerun()

    def leave() -> None:
        st.session_state.pop("load_error", None)
        drop()

    def load(name: str) -> None:
        if _run([path], form=mappings.load(shell.state(), name), keep_text=st.session_state.get("keep_text", False)):
            drop()
        st.rerun()

    try:
        mapping_panel.panel(path, load, leave)
    except UnknownFormat:  # no records in it; the refusal stays and says so
        drop()
    except BatonError as error:
        st.error(fmt.md(str(error)), icon=":material/error:")
