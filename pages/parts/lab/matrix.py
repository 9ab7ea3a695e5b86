"""The matrix of a run: tasks down, policies across; one task's answers side by side; one run against another."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd
import streamlit as st

from data.version import file_name
from pages.parts.lab.policies import FAILED_UNDER
from pages.ui import exports, paper, place, shell
from pages.ui import format as fmt
from routing.runs.board import board_html
from routing.runs.matrix import SHOWS, Cell, Row, against, flat, matrix, shown
from routing.runs.result_commands import against_words, results_json
from routing.runs.store import list_runs, read_run

LABELS = {"all": "All tasks", "failures": "Failures", "disagreements": "Disagreements"}


def every_task(run_id: str, found: dict[str, Any]) -> None:
    """The matrix with its filter, the answers of the chosen task, and the files to take away."""
    st.subheader("Every task under every policy", anchor=False)
    rows = matrix(shell.state(), run_id)
    if not rows:
        st.caption("No task is finished yet.")
        return
    rows = _of_one_policy(rows)
    show = st.segmented_control(
        "Show",
        SHOWS,
        default="all",
        required=True,
        key="lab_show",
        bind="query-params",
        format_func=LABELS.__getitem__,
        label_visibility="collapsed",
    )
    chosen = shown(rows, show)
    st.caption(_counts(rows))
    if not chosen:
        st.caption("No task is so.")
    else:
        _side_by_side(_chosen_row(chosen))
    _files(run_id, found, chosen)


def _counts(rows: list[Row]) -> str:
    """How many tasks each choice shows. Not in their labels: a link and the browser keep a choice by its label."""
    failed, disagree = (fmt.count(len(shown(rows, name))) for name in ("failures", "disagreements"))
    return f"{fmt.count_of(len(rows), 'task')}: {failed} with a failure, {disagree} on which the policies disagree"


def _of_one_policy(rows: list[Row]) -> list[Row]:
    """The tasks that the policy named in the address did not pass, told above; all where it names none."""
    name = place.read(FAILED_UNDER)
    if not name:
        return rows
    if name not in rows[0].cells:
        place.refuse(FAILED_UNDER)
        return rows
    failed = [row for row in rows if row.failed_under(name)]
    with st.container(horizontal=True, vertical_alignment="center"):
        st.write(fmt.md(f"{fmt.count_of(len(failed), 'task')} that “{name}” did not pass"))
        st.button("All tasks", icon=":material/close:", on_click=place.go, kwargs={FAILED_UNDER: None})
    return failed


def _chosen_row(rows: list[Row]) -> Row:
    """The grid; a click on a row opens it, a link may name one (`task`), otherwise the first disagreement."""
    frame = pd.DataFrame(
        [
            {"Task": row.task_id, "Asked": row.prompt, "Expected": row.expected}
            | {name: _brief(cell) for name, cell in row.cells.items()}
            | {f"Judge of {name}": words for name, words in row.judged.items()}
            for row in rows
        ]
    )
    wide = {"Asked": 260, "Expected": 140}
    event = st.dataframe(
        frame,
        hide_index=True,
        width="stretch",
        height=min(36 * len(rows) + 38, 420),
        column_config=exports.columns(frame, wide=wide, labels={name: name for name in frame}),
        on_select="rerun",
        selection_mode="single-row",
        alt="Tasks down, policies across: how each answer came out and what it cost",
        key="lab_matrix",
    )
    picked = event["selection"]["rows"]
    if picked and picked[0] < len(rows):
        st.query_params["task"] = rows[picked[0]].task_id
        return rows[picked[0]]
    asked = place.read("task")
    named = next((row for row in rows if row.task_id == asked), None)
    if named is None:
        place.refuse("task")
    return named or next((row for row in rows if row.disagrees), rows[0])


def _brief(cell: Cell | None) -> str:
    return "not run" if cell is None else f"{cell.outcome}, {fmt.usd(cell.cost_usd)}"


def _side_by_side(row: Row) -> None:
    """What was asked and expected, and every policy's whole answer with why it passed or failed."""
    repeat = f", time {row.repeat + 1}" if row.repeat else ""
    st.markdown(f"**{fmt.md(row.task_id)}**{repeat}: what was asked")
    st.code(row.prompt, language=None, wrap_lines=True, height=160 if len(row.prompt) > 400 else "content")
    if row.expected:
        st.caption(fmt.md(f"Expected: {row.expected}"))
    for column, (policy, cell) in zip(st.columns(len(row.cells)), row.cells.items(), strict=True):
        with column:
            st.markdown(f"**{fmt.md(policy)}**: {'not run' if cell is None else cell.outcome}")
            if cell is not None:
                _answer(cell)
            if policy in row.judged:
                st.caption(fmt.md(f"Judge: {row.judged[policy]}"))


def _answer(cell: Cell) -> None:
    st.code(cell.answer or "no answer", language=None, wrap_lines=True)
    if cell.why:
        st.caption(fmt.md(f"Why: {cell.why}"))
    told = [cell.model or "no model", fmt.usd(cell.cost_usd)]
    told += [fmt.milliseconds(cell.latency_ms)] if cell.latency_ms is not None else []
    if cell.input_tokens is not None:
        told.append(f"{fmt.count(cell.input_tokens)} tokens in, {fmt.count(cell.output_tokens)} out")
    told += [f"confidence {fmt.share(cell.confidence)}"] if cell.confidence is not None else []
    st.caption(fmt.md(" · ".join(told)))


def _files(run_id: str, found: dict[str, Any], rows: list[Row]) -> None:
    """The matrix as CSV and JSON, the board page, and a link to this run."""
    made_at = read_run(shell.state(), run_id, with_spec=False)["created_at"]
    with st.container(horizontal=True, vertical_alignment="center"):
        exports.download(pd.DataFrame(flat(rows)), name="lab-answers")
        exports.download_file(
            "Download JSON",
            lambda: json.dumps(results_json(found, rows), default=str),
            file_name(f"lab-{run_id}", "json"),
            icon=":material/data_object:",
            key="lab_json",
            type="tertiary",
        )
        exports.download_file(
            "Board page (HTML)",
            lambda: board_html(found, rows, made_at),
            file_name(f"lab-{run_id}", "html"),
            icon=":material/description:",
            key="lab_board",
            type="tertiary",
        )
        paper.download_pdf(lambda: board_html(found, rows, made_at), f"lab-{run_id}", key="lab")
        link = {"run": run_id, **({"task": st.query_params["task"]} if "task" in st.query_params else {})}
        st.page_link("pages/lab.py", label="Link to this run", icon=":material/link:", query_params=link)


def against_another(run_id: str) -> None:
    """This run beside another, task by task, where both asked the same."""
    others = {rid: run for rid, run in list_runs(shell.state()).items() if rid != run_id}
    if not others:
        return
    with st.expander("Compare with another run, task by task", icon=":material/difference:"):
        names = {rid: f"{run['name']}, {run['created_at'][:16].replace('T', ' ')} UTC" for rid, run in others.items()}
        other = st.selectbox(
            "The run before", list(names), index=None, format_func=names.__getitem__, key="lab_against"
        )
        if other is None:
            return
        compared = against(matrix(shell.state(), other), matrix(shell.state(), run_id))
        for sentence in against_words(compared):
            st.write(fmt.md(sentence))
        if compared.rows:
            changed = sum(row["changed"] for row in compared.rows)
            st.caption(f"{changed} of {len(compared.rows)} answers are not the same; those stand first.")
            units = {"cost_change_usd": "USD small"}
            exports.table(pd.DataFrame(compared.rows), name="lab-against", units=units)
