"""What a live run shows: progress while it goes, then each policy's quality and cost, and every answer."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from pages.parts.lab import form as lab_form
from pages.parts.lab import matrix as lab_matrix
from pages.parts.lab.learning import learning_panel
from pages.parts.lab.policies import _cost_words, policies_table
from pages.ui import exports, links, recording, shell, tiles, what_if
from pages.ui import format as fmt
from routing.grading.comparison import SIGNIFICANT
from routing.policies.in_force import under
from routing.policies.policy import Policy
from routing.policies.saved_policies import keep_new
from routing.runs.judge_check import ask_people, judge_agreement
from routing.runs.live_ledger import to_ledger
from routing.runs.measured_facts import save_measured, take_over_rows
from routing.runs.results import same_decisions
from routing.runs.store import count_recordings, read_run, results
from simulations.decisions import drafts

RUNNING = ("planned", "running", "waiting")


def going(run: dict[str, Any]) -> str:
    """The title while a run is not over."""
    word = {"waiting": "waits for a person", "interrupted": "was interrupted", "planned": "is starting"}.get(
        run["status"], "is running"
    )
    cap = run["progress"].get("cap_usd")
    return f"“{run['name']}” {word}" + (f", at most ${cap:g}" if cap is not None else "")


@st.fragment(run_every=0.5)
def progress(run_id: str, drawn: str) -> None:
    """What is done, spent and failed so far, twice a second; the whole page is drawn again when the run's status is no
    longer the one `drawn`.
    """
    run = read_run(shell.state(), run_id, with_spec=False)
    known = run["progress"]
    done, asked = known.get("finished", 0), known.get("tasks", 0)
    spent_s = known.get("elapsed_s", 0.0)
    pairs = f"; the judge compared {known['pairs_judged']} of {known['pairs']} pairs" if known.get("pairs") else ""
    left = f", about {spent_s / done * (asked - done):.0f} s to go" if 3 < done < asked else ""
    st.progress(done / asked if asked else 0.0, text=f"{done} of {asked} answered, {spent_s:.0f} s{left}{pairs}")
    cells = tiles.row()
    cap = known.get("cap_usd")
    cells[0].metric("Answered", fmt.count(known.get("done", 0)))
    cells[1].metric(
        "Spent",
        fmt.usd(known.get("spent_usd", 0)),
        help=f"The cap is ${cap}." if cap is not None else "There is no cap.",
    )
    cells[2].metric(
        "Held",
        fmt.usd(known.get("held_usd", 0)),
        help="Calls whose cost nobody knows count against the cap at their worst.",
    )
    cells[3].metric(
        "Not answered",
        fmt.count(sum(known.get(k, 0) for k in ("failed", "refused", "blocked"))),
        help="Failed, refused by a rule, or withheld by a guardrail.",
    )
    if known.get("by_model"):
        st.caption(
            fmt.md("Answers by model: " + ", ".join(f"{model} {count}" for model, count in known["by_model"].items()))
        )
    if run["status"] != drawn:
        st.rerun()


def body(run_id: str, found: dict[str, Any]) -> None:
    """The results of a run, and what to do with them."""
    spec = read_run(shell.state(), run_id)["spec"]
    policies_table(found)
    for c in found["comparisons"]:
        st.write(fmt.md(f"{c['a']} against {c['b']}: {c['words']} {_cost_words(c['cost_difference_usd'])}"))
    for p in found["preferences"]:
        st.write(fmt.md(p["words"]))
    if left_out := spec["tasks"]["left_out"]:
        st.caption(fmt.md(f"Left out of the tasks, {fmt.count(len(left_out))}: {'; '.join(left_out[:3])}."))
    _roll_out(found, {p.name: p for p in map(Policy.model_validate, spec["policies"])})
    if {p["hosting"] for p in spec["providers"]} == {"self"}:
        st.caption(
            "Own machines only: nothing was billed. Costs stand at the prices declared for these models, so "
            "that policies can be compared."
        )
    _judge(run_id, found["judge_orders"])
    _replayed(run_id, spec)
    lab_matrix.every_task(run_id, found)
    lab_matrix.against_another(run_id)
    learning_panel(run_id)
    _take_over(run_id, found)


def _roll_out(found: dict[str, Any], tried: dict[str, Policy]) -> None:
    """From the verdict to a plan: a policy that is shown to be good enough may take over in stages. A plan names saved
    policies, so those of this run that are not saved are offered to be saved first, as they were tried.
    """
    known = what_if.policies()
    pairs = [(c["a"], c["b"]) for c in found["comparisons"] if c["not_worse"] and c["p_value"] >= SIGNIFICANT]
    pairs += [
        (c["a"], c["b"]) if c["difference"] > 0 else (c["b"], c["a"])
        for c in found["comparisons"]
        if c["p_value"] < SIGNIFICANT
    ]
    for candidate, control in pairs:
        if candidate in known and control in known:
            changed = [
                name
                for name in (candidate, control)
                if tried[name] not in (known[name], under(shell.state(), known[name]))
            ]
            _plan_link(candidate, control, found["margin"], changed)
    unsaved = [name for name in dict.fromkeys(name for pair in pairs for name in pair) if name not in known]
    if unsaved and st.button(
        fmt.md(f"Save {' and '.join(f'“{name}”' for name in unsaved)} to plan a rollout"),
        icon=":material/save:",
        key="lab_save_policies",
        help="A rollout names saved policies. They are saved as this run tried them.",
    ):
        with shell.errors():
            for name in unsaved:
                keep_new(shell.state(), tried[name])
            st.rerun()


def _plan_link(candidate: str, control: str, margin: float, changed: list[str]) -> None:
    """The way to a plan, and which of its policies are saved otherwise than they were tried."""
    links.page_link(
        "pages/rollout.py",
        f"Plan to let “{candidate}” take over from “{control}”",
        ":material/stairs:",
        {"candidate": candidate, "control": control, "margin": f"{100 * margin:g}"},
    )
    if changed:
        names = " and ".join(f"“{name}”" for name in changed)
        verb = "are" if len(changed) > 1 else "is"
        st.caption(fmt.md(f"{names} {verb} saved otherwise than tried here: this run says nothing of what is saved."))


def _judge(run_id: str, orders: dict[str, int]) -> None:
    """How far the judge can be trusted: both orders of a pair, and people who grade some of the same answers, blind."""
    if orders["pairs"]:
        st.write(
            f"Asked about two answers in both orders, the judge said the same on {orders['agreed']} of "
            f"{orders['pairs']} pairs; only those count."
        )
    if not any(r.get("judged") for r in results(shell.state(), run_id)):
        return
    agreed = judge_agreement(shell.state(), run_id)
    if agreed:
        kappa = f" (kappa {agreed.kappa:.2f}; 0 is chance, 1 is always)" if agreed.kappa is not None else ""
        st.write(
            fmt.md(
                f"The judge agreed with people on {fmt.share(agreed.equal)} of the {agreed.compared} answers they "
                f"graded too{kappa}; so few tell a share of {fmt.share(agreed.low)} to {fmt.share(agreed.high)}."
            )
        )
    else:
        st.write("Nobody has checked the judge of this run yet: its grades are one model's opinion.")
    if st.button(
        "Let people grade ten of the judged answers",
        icon=":material/rate_review:",
        key="lab_judge_check",
        help="Drawn at random; the judge's grade is hidden from them.",
    ):
        with shell.errors():
            st.success(f"{ask_people(shell.state(), run_id)} answers are in the review queue.")


def _replayed(run_id: str, spec: dict[str, Any]) -> None:
    """A replay beside its recording, or the button that makes one."""
    if spec["replay_of"]:
        same, of = same_decisions(shell.state(), run_id, spec["replay_of"])
        st.caption(
            fmt.md(
                f"Replayed from the recording of run {spec['replay_of']}, without a call: {same} of {of} "
                "results are the same."
            )
        )
    elif count_recordings(shell.state(), run_id) and st.button(
        "Replay from the recording",
        icon=":material/replay:",
        key="lab_replay",
        help="Decides everything again from the kept responses; nothing is sent and nothing is paid.",
    ):
        with shell.errors():
            lab_form.start(f"{spec['name']}, replayed", {**spec, "record": False, "replay_of": run_id})


def _take_over(run_id: str, found: dict[str, Any]) -> None:
    """What was measured, back into the ledger and the model facts."""
    st.subheader("Take over what was measured", anchor=False)
    rows = take_over_rows(shell.state(), run_id)
    if rows:
        exports.table(pd.DataFrame(rows), name="lab-measured", wide={"Fact": 170, "Known now": 190, "Goes to": 190})
    if not found["audit_ok"]:
        st.error(
            f"The audit trail is broken at entry {found['audit_first_bad']}; see Governance.", icon=":material/error:"
        )
    question = f"Which policy of “{found['name']}” is better?"
    with st.container(horizontal=True, vertical_alignment="center"):
        recording.record_button(
            lambda: drafts.of_run(found, question, recording.ground(shell.view(), "lab", None)), key=f"lab_{run_id}"
        )
        if st.button("Add the calls to the ledger", icon=":material/database:", key="lab_to_ledger"):
            with shell.errors():
                report = to_ledger(shell.ledger(), shell.state(), run_id)
                st.success(f"{report.loaded} rows added, {report.duplicate} were there already.")
        if st.button("Use as model facts", icon=":material/verified:", key="lab_to_facts"):
            with shell.errors():
                kept = save_measured(shell.state(), run_id)
                overall = {m: next(s for s in scores if s.task == "overall") for m, scores in kept.items()}
                quality = (
                    "; ".join(
                        f"{m} {fmt.share(s.value)} on {fmt.count_of(s.samples, 'answer')}" for m, s in overall.items()
                    )
                    or "no quality, too few unselected grades"
                )
                st.success(
                    fmt.md(
                        f"Kept: {quality}. Where the run says so, also how often a cascade accepts, how "
                        "long answers are, and how many tokens the same words take."
                    )
                )
        st.page_link("pages/review.py", label="Review queue", icon=":material/rate_review:")
