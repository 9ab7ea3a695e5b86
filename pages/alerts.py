"""Alerts: what does Baton tell by itself, to whom, and is anything waiting to be heard?"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from functools import partial

import pandas as pd
import streamlit as st

from analytics.alerts import incident_book, outbox
from analytics.alerts.evaluation import judge_all
from analytics.alerts.lookout import Judged, Lookout
from analytics.alerts.rule import RULES, STARTERS, Rule, silence
from analytics.alerts.watch import instant, preview, try_channel, watch
from data import owner
from data.errors import BatonError
from data.ledger import Ledger
from data.program import as_called
from data.state import State
from pages.parts.alerts.rule_form import dialog
from pages.ui import document_list, exports, place, shell
from pages.ui import format as fmt

LOOK_BACK_DAYS = 90
SILENCED_DAYS = 7
LOOK_BACK, TEST = "Look back", "Send a test"
SILENCE, SPEAK = f"Silence for {SILENCED_DAYS} days", "Let it speak"
JUDGED_BY = (
    *("alert", "budget", "event", "successor", "finding", "action", "source"),
    *("alias", "model_fact", "price_override"),  # a price change ahead is a question to the price book
)


@shell.cached(reads=JUDGED_BY)
def what_rules_say(view: Ledger, state: State, today: date) -> dict[str, Judged]:
    """What every rule says now; a new day may turn a source silent."""
    return judge_all(Lookout(view, state, now=datetime.combine(today, instant().time())), RULES.all(state))


def answer(found: dict[str, Judged], unsent: list[outbox.Message]) -> str:
    """What is so, in one sentence; a rule that could not be judged and a message nobody got are never left out."""
    if not found:
        return "No alert rule yet: Baton says nothing by itself"
    speaking = [name for name, one in found.items() if one.firings]
    untold = sum(bool(one.untold) for one in found.values())
    told = f"{len(speaking)} of {fmt.count_of(len(found), 'rule')} speak{'' if len(speaking) != 1 else 's'}"
    told = f"{told}: {', '.join(speaking)}" if speaking else f"Quiet, {fmt.count_of(len(found), 'rule')} watched"
    return (
        told
        + (f"; {untold} cannot be judged" if untold else "")
        + (f"; {fmt.count_of(len(unsent), 'message')} not delivered" if unsent else "")
    )


def open_alerts(view: Ledger, found: dict[str, Judged], so: list[incident_book.Kept]) -> None:
    """What the rules say now, and since when it is known."""
    st.subheader("Now", anchor=False)
    since = {(one.rule, one.about): one.opened_at[:16].replace("T", " ") for one in so}
    rows = [
        (name, one.text, one.usd, since.get((name, one.about), "not sent yet"))
        for name, rule in found.items()
        for one in rule.firings
    ]
    for name, text, usd, noted in rows:
        dollars = "" if usd is None else f" {fmt.md(fmt.usd(usd))}."
        st.markdown(f"**{fmt.md(name)}** {fmt.md(text)}.{dollars} :gray[Noted (UTC): {fmt.md(noted)}]")
    if rows:
        with st.expander("Table: alerts", icon=":material/table:"):
            frame = pd.DataFrame(rows, columns=["Rule", "What", "USD", "Noted (UTC)"])
            exports.table(frame, name="alerts", units={"USD": "USD"}, wide={"What": 460})
    else:
        st.caption("No rule has anything to tell.")
    if st.button("Note it, and send what is due", icon=":material/notifications_active:"):
        with shell.errors(), st.spinner("Judging every rule"):
            watch(view, shell.state())
            st.rerun()


def rule_lines(view: Ledger, rules: dict[str, Rule], untold: dict[str, str]) -> None:
    st.subheader("Rules", anchor=False)
    if not rules and st.button("Begin with the rules that Baton suggests", icon=":material/playlist_add:"):
        with shell.errors():
            heard = tuple(owner.channels()[:1])
            for name, rule in STARTERS.items():
                RULES.save(shell.state(), name, rule.model_copy(update={"channels": heard}))
            st.rerun()
    manage(view, rules, untold)


@st.fragment
def manage(view: Ledger, rules: dict[str, Rule], untold: dict[str, str]) -> None:
    """The rules in words, each with its menu; what changes one runs the page anew."""
    words = {name: in_words(name, rule, untold.get(name, "")) for name, rule in rules.items()}

    def more(name: str) -> dict[str, document_list.Work]:
        rule = rules[name]
        found: dict[str, document_list.Work] = {LOOK_BACK: lambda name: looked_back(view, rule)}
        if rule.channels:
            found[TEST] = lambda name: [f"A test was taken by {' and '.join(try_channel(name, rule))}."]
        return found | {SPEAK if rule.silenced_until else SILENCE: turn}

    document_list.rows(RULES, words, partial(dialog, view), add="Add a rule", more=more)


def in_words(name: str, rule: Rule, untold: str) -> str:
    """A rule in a sentence, and why it was not judged where it was not."""
    silent = " :gray-badge[silenced]" if rule.silenced_until else ""
    problem = f" :orange-badge[not judged] {fmt.md(untold)}." if untold else ""
    return f"**{fmt.md(name)}**{silent} {fmt.md(rule.words)}.{problem}"


def turn(name: str) -> list[str]:
    """Silence a rule for some days, or let it speak again."""
    silent = bool(RULES.find(shell.state(), name).silenced_until)
    silence(shell.state(), name, None if silent else instant().date() + timedelta(days=SILENCED_DAYS))
    document_list.tell_next(RULES.kind, f"{name} speaks again." if silent else f"{name} is silent.")
    st.rerun()


def looked_back(view: Ledger, rule: Rule) -> list[str]:
    """What the rule would have told, in words: how often, and the last few times."""
    told = preview(view, shell.state(), rule, LOOK_BACK_DAYS)
    times = f"It would have told {fmt.count_of(len(told), 'time')} in the last {LOOK_BACK_DAYS} days of the log."
    return [times, *(f"{fmt.day(one.on)}: {one.text}." for one in told[:-6:-1])]


def delivery(messages: list[outbox.Message]) -> None:
    st.subheader("Who is told", anchor=False)
    heard = owner.channels()
    st.write(
        fmt.md(
            f"Channels of this server: {', '.join(heard)}."
            if heard
            else "No channel is set. Put the address of a chat, a mailbox or a webhook into an environment variable "
            "named BATON_ALERT_… of the server, for example jsons://host/path, and start Baton again."
        )
    )
    st.caption(
        as_called(
            "Rules are judged after each load; “python -m analytics alerts --send”, run by cron, also notices when "
            "nothing is loaded, and sends again what was not taken."
        )
    )
    if messages:
        rows = [
            (one.channel, one.title, one.written_at[:16], (one.sent_at or "")[:16], one.problem) for one in messages
        ]
        frame = pd.DataFrame(rows, columns=["Channel", "Message", "Written (UTC)", "Delivered (UTC)", "Problem"])
        exports.table(frame, name="alert-messages", wide={"Message": 260, "Problem": 260})


def past() -> None:
    over = incident_book.past_incidents(shell.state())
    if over:
        st.subheader("What is over", anchor=False)
        rows = [(one.rule, one.text, one.opened_at[:16], (one.over_at or "")[:16]) for one in over]
        frame = pd.DataFrame(rows, columns=["Rule", "What", "From (UTC)", "To (UTC)"])
        exports.table(frame, name="past-alerts", wide={"What": 460})


view = shell.view()
shell.needs_data(view, "What should Baton tell by itself?")
state = shell.state()
try:
    rules = RULES.all(state)
except BatonError as error:
    shell.header("The alert rules cannot be read", view)
    st.error(fmt.md(str(error)), icon=":material/error:")
    place.stop()
so, messages = incident_book.open_incidents(state), outbox.messages(state)
found = what_rules_say(view, instant().date()) if rules else {}
shell.header(answer(found, [one for one in messages if one.sent_at is None]), view)
if rules:
    open_alerts(view, found, so)
rule_lines(view, rules, {name: one.untold for name, one in found.items() if one.untold})
delivery(messages)
past()
