"""Getting logs in: drop files, give a path, load the sample company, or point columns at ours."""

from __future__ import annotations

import shutil
from pathlib import Path
from tempfile import mkdtemp

import pandas as pd
import streamlit as st

from data.errors import BatonError, UnknownFormat
from data.formats import Format, all_formats
from data.loading import column_names, mappings
from data.loading.containers import expand
from data.loading.ingest import Report, ingest
from data.sample import sample
from pages.ui import exports, shell
from pages.ui import format as fmt

LARGE = 512 * 2**20  # beyond this the command line is the better way


def panel() -> None:
    """The three ways in, and what became of the last load."""
    drop, path, company = st.columns(3, gap="large")
    with drop:
        files = st.file_uploader(
            "Drop usage logs",
            accept_multiple_files=True,
            key="uploads",
            help="Any of the formats below, plain, gzip or zstd.",
        )
        if files and st.button("Load these files", type="primary", icon=":material/upload_file:"):
            _load_uploads(files)
    with path:
        given = st.text_input(
            "Or a file, folder or glob on this machine", key="load_path", placeholder="/var/log/litellm/*.jsonl"
        )
        keep_text = st.toggle(
            "Keep prompts and answers", key="keep_text", help="Off by default: Baton needs counts, not texts."
        )
        if st.button("Load from path", disabled=not given, icon=":material/folder_open:"):
            _run([given], keep_text=keep_text)
    with company:
        st.write("Or look around first: a year of the sample company, some \\$600K over three gateways.")
        if st.button("Load the sample company", icon=":material/science:"):
            _run_sample()
    show_reports()
    _mapping_panel()
    with st.expander(f"The {len(all_formats())} formats Baton recognises", icon=":material/list:"):
        known = pd.DataFrame(
            [{"name": f.name, "reads": f.label, "into": f.table, "good to know": f.note} for f in all_formats()]
        )
        exports.table(known, name="formats")


def _load_uploads(files: list) -> None:
    if sum(f.size for f in files) > LARGE:
        st.info(
            f"This is {sum(f.size for f in files) / 2**20:,.0f} MB. The command line is faster for files of this size: python -m data ingest PATH",
            icon=":material/terminal:",
        )
    uploads = shell.ledger().home / "uploads"
    uploads.mkdir(exist_ok=True)
    folder, targets = Path(mkdtemp(dir=uploads)), []
    for number, file in enumerate(files):  # each in a folder of its own: two uploads may have one name
        target = folder / str(number) / Path(file.name).name  # a browser may send a path; only its last part is used
        target.parent.mkdir()
        with open(target, "wb") as out:
            shutil.copyfileobj(file, out)
        targets.append(target)
    try:
        _run(targets, keep_text=st.session_state.get("keep_text", False), keep=targets)
    finally:
        if "mapping_file" not in st.session_state:
            shutil.rmtree(folder, ignore_errors=True)


def _run(paths: list, *, keep_text: bool = False, form: Format | None = None, keep: list[Path] | None = None) -> None:
    bar = st.progress(0.0, "Reading")
    try:
        reports = ingest(
            shell.ledger(),
            shell.state(),
            paths,
            form=form,
            keep_text=keep_text,
            progress=lambda stage, share, note: bar.progress(min(1.0, share), fmt.md(f"{stage.capitalize()}: {note}")),
        )
    except BatonError as error:
        st.session_state["load_error"] = str(error)
        if isinstance(error, UnknownFormat):
            st.session_state["mapping_file"] = str(keep[0] if keep else expand(paths)[0])
        st.session_state.pop("load_reports", None)
    else:
        st.session_state["load_reports"] = [vars(r) for r in reports]
        st.session_state.pop("load_error", None)
        if form is not None:
            st.session_state.pop("mapping_file", None)
    st.rerun()


def _run_sample() -> None:
    bar = st.progress(0.0, "Writing the sample company's logs")
    with shell.errors():
        reports = sample.load(
            shell.ledger(),
            shell.state(),
            sample.wish(),
            lambda stage, share, note: bar.progress(min(1.0, share), fmt.md(f"{stage.capitalize()}: {note}")),
        )
        st.session_state["load_reports"] = [vars(r) for r in reports]
        st.rerun()


def show_reports() -> None:
    """What became of the last load: counts, refusals and the reasons of what was set aside."""
    if error := st.session_state.get("load_error"):
        st.error(fmt.md(error), icon=":material/error:")
    reports = [Report(**r) for r in st.session_state.get("load_reports", [])]
    if not reports:
        return
    loaded, rejected = sum(r.loaded for r in reports), sum(r.rejected for r in reports)
    duplicate = sum(r.duplicate for r in reports)
    words = f"{loaded:,} record{'s' * (loaded != 1)} loaded, {duplicate:,} were already there" + (
        f", {rejected:,} set aside with a reason" if rejected else ""
    )
    st.success(words + ".", icon=":material/check_circle:")
    for report in reports:
        if report.error:
            st.warning(fmt.md(report.error), icon=":material/warning:")
        for reason, times in report.reasons.items():
            st.caption(fmt.md(f"{Path(report.path).name}: {times:,} set aside because {reason}."))


def _mapping_panel() -> None:
    """For a table no format knows: point its columns at ours, see ten rows, name the mapping, load."""
    named = mappings.MAPPINGS.all(shell.state())
    unknown = st.session_state.get("mapping_file")
    if not unknown or not Path(unknown).exists():
        return
    st.subheader("Point its columns at ours", anchor=False)
    st.caption(
        fmt.md(
            f"{Path(unknown).name} is no format Baton knows. Say what its columns mean; ten rows show how they would be read."
        )
    )
    with shell.errors():
        columns = column_names.sources(mappings.sample_of(shell.ledger(), unknown))
        first = mappings.guess("mapping", columns)
        if named:
            start = st.selectbox("Start from", ["a guess from the column names", *named], key="mapping_start")
            first = named.get(start, first)
        table = pd.DataFrame(
            {"ours": list(mappings.TARGETS), "theirs": [first.columns.get(t) for t in mappings.TARGETS]}
        )
        edited = st.data_editor(
            table,
            hide_index=True,
            height=280,
            key="mapping_editor",
            disabled=["ours"],
            width="stretch",
            column_config={
                "ours": "Our column",
                "theirs": st.column_config.SelectboxColumn("Column in the file", options=columns),
            },
        )
        name = st.text_input("Name of the mapping", key="mapping_name", placeholder="gateway export")
        body = {
            **first.model_dump(mode="json"),
            "name": name or "mapping",
            "columns": {
                o: t for o, t in zip(edited["ours"], edited["theirs"], strict=True) if isinstance(t, str) and t
            },
        }
        mapping = mappings.checked(body)
        st.dataframe(
            mappings.preview(shell.ledger(), unknown, mapping),
            hide_index=True,
            alt="The first ten rows as they would be loaded",
        )
        if st.button("Save the mapping and load", type="primary", disabled=not name, icon=":material/save:"):
            mappings.MAPPINGS.save(shell.state(), mapping.name, mapping)
            _run([unknown], form=mappings.load(shell.state(), name), keep_text=st.session_state.get("keep_text", False))
