"""The live lab's task sets: import one from a file, read and change it as YAML, check it, keep it by name."""

from __future__ import annotations

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from data.errors import BadInput, BatonError
from data.yaml_text import MAX_CHARACTERS
from pages.ui import format as fmt
from pages.ui import shell
from routing.grading.saved_task_sets import SETS, save_set, write_tasks
from routing.grading.tasks import TaskSet, parse_tasks, shipped_tasks

SHIPPED = "Baton's own 60 tasks"
LOGGED = "Sampled from the ledger"
LIKE_THE_LOG = "Baton's own tasks, in the log's shares of task types"
FORMATS = "Baton's YAML or JSONL, promptfoo tests, or the JSON lines of GSM8K, BIG-Bench-Hard and IFEval"
EXAMPLE = """- id: refund-window
  prompt: "How many days do customers have to return a parcel? Policy: 30 days from delivery. Answer with the number."
  task_type: extraction
  max_tokens: 16
  asserts:
  - {type: match, value: "30", numeric: true}
- id: polite-no
  prompt: "A customer asks for a discount we do not give. Answer in two sentences."
  asserts:
  - {type: llm-rubric, value: "politely refuses and offers no discount"}   # needs a judge
"""


def sets() -> dict[str, TaskSet]:
    """Every set a run can use, by name."""
    return {SHIPPED: shipped_tasks(), **SETS.all(shell.state())}


def editor() -> None:
    """One set at a time: from a file, from those kept, or typed; only what is sound is kept."""
    left, right = st.columns(2)
    upload = left.file_uploader("Import a file", type=["yaml", "yml", "json", "jsonl"], key="tasks_file", help=FORMATS)
    known = sets()
    chosen = right.selectbox("Or start from", ["An example", *known], key="tasks_from")
    try:
        name, text, found = _imported(upload) if upload else _started(chosen, known)
    except BatonError as error:
        st.error(fmt.md(str(error)), icon=":material/error:")
        return
    if found and found.left_out:
        st.caption(
            fmt.md(
                f"{len(found.left_out)} entries cannot be carried over and are left out: "
                f"{'; '.join(found.left_out[:3])}."
            )
        )
    if found and len(text) > MAX_CHARACTERS:
        st.caption(f"{len(found.tasks)} tasks: too many to change here, but they can be saved as they are.")
        typed, kept_whole = None, found
    else:
        typed = st.text_area("Tasks as YAML", text, height=320, key=f"tasks_text_{name}_{len(text)}")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        title = st.text_input("Save as", name, key=f"tasks_name_{name}", width=320)
        save = st.button("Check and save", icon=":material/save:", key="tasks_save")
        if (
            chosen in SETS.all(shell.state())
            and not upload
            and st.button("Forget this set", icon=":material/delete:", key="tasks_forget")
        ):
            SETS.forget(shell.state(), chosen)
            st.rerun()
    if not save:
        return
    with shell.errors():
        if title.strip() in (SHIPPED, LOGGED, LIKE_THE_LOG):
            raise BadInput(f"“{title.strip()}” is taken; give your set another name.")
        kept = save_set(shell.state(), title, parse_tasks(typed, "tasks.yaml") if typed is not None else kept_whole)
        judged = sum(any("llm-rubric" in check.type for check in task.asserts) for task in kept.tasks)
        st.session_state["tasks_said"] = (
            f"Saved “{kept.name}”: {len(kept.tasks)} tasks"
            + (f", {judged} of them need a judge." if judged else ".")
            + " Choose it under New run."
        )
        st.rerun()


def saved_message() -> None:
    """What the last save did; drawn above the forms, which the save has redrawn."""
    if message := st.session_state.pop("tasks_said", ""):
        st.success(fmt.md(message), icon=":material/check_circle:")


def _imported(upload: UploadedFile) -> tuple[str, str, TaskSet]:
    try:
        found = parse_tasks(upload.getvalue().decode("utf-8-sig"), upload.name)
    except UnicodeDecodeError as error:
        raise BadInput(f"{upload.name} is not UTF-8 text; save it as UTF-8.") from error
    return found.name, write_tasks(found), found


def _started(chosen: str, known: dict[str, TaskSet]) -> tuple[str, str, TaskSet | None]:
    if chosen not in known:
        return "my tasks", EXAMPLE, None
    return chosen if chosen != SHIPPED else "my tasks", write_tasks(known[chosen]), known[chosen]
