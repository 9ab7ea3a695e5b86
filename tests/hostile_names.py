"""Names that are markup, links, formulas or unseen, a log that bears them everywhere, and what is exported of it."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import re
import unicodedata
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from html.parser import HTMLParser
from itertools import product
from pathlib import Path

from markdown_it import MarkdownIt

from analytics import spend
from analytics.__main__ import main as analytics
from analytics.billing import chargeback, focus, month_budgets
from analytics.scope import Scope
from analytics.weekly import report, review
from analytics.weekly.weeks import last_week
from data.ledger import Ledger
from data.loading.ingest import ingest
from data.state import State
from data.wording import FORMULA, cell
from pages.ui import exports
from routing.policies.in_force import forbidden
from routing.policies.policy import Policy
from routing.policies.saved_policies import POLICIES
from simulations.decisions import editions, handover
from simulations.decisions import record as record_of
from tests.data.bad_logs import record

ABROAD = "http://127.0.0.1:9/"  # nobody answers there; a request to it is a fault
KINDS = (
    f"![i]({ABROAD}leak.png)",
    "[click](javascript:window.x=3)",
    "**bold** # heading",
    "$\\frac{1}{0}$ $$x$$",
    ":red[red] :material/delete: :smile:",
    '<img src=x onerror="window.x=1">',
    "</td></table><script>window.x=2</script>",
    "https://evil.example/path",
    "www.evil.example/path",
    "x@evil.example",
    f"<{ABROAD}auto>",
    "\u202eevil\u202c and \u200bnothing\u2066\u2069",
    "\x1b[31mred\x1b]8;;http://evil.example\x07link",
    "=1+1",
    "+HYPERLINK(1)",
    "-2+3",
    "@SUM(A1)",
    "\t=1+1",
    "＝1+1",
    "a|b|c\n| - | - |",
    "{{ 7*7 }} {% raw %}",
    "`code` ~~gone~~ > quote",
    "&lt;b&gt; &#x3c;",
    "'; DROP TABLE usage; --",
    "#VALUE! \\u202e",
    "<style>*{display:none}</style>",
)
WRAPS = ("{}", "team {}", "{} x", " {}", "a/{}/b", "({})", '"{}"', "\u200b{}")
LINK = re.compile(r"(?:https?|ftp)\\?:(?!\u2060)[/\\]|www\\?\.", re.IGNORECASE)
MAIL = re.compile(r"\w@\w+\.")
HARMLESS = re.compile(
    "html|head|meta|title|style|body|header|main|section|footer|h[1-6]|p|br|hr|[uo]l|li|d[ltd]|table|caption|"
    "col(group)?|t(head|body|foot|r|d|h)|fig(ure|caption)|svg|g|path|rect|line|text|tspan|circle|"
    "poly(line|gon)|desc|div|span|"
    "strong|b|em|i|small|time|details|summary"
)


def names(count: int) -> list[str]:
    """`count` different hostile names, each kind before any is wrapped."""
    made = [
        wrap.format(kind) for wrap, kind in product(WRAPS, [k.replace("{", "{{").replace("}", "}}") for k in KINDS])
    ]
    return [name.replace("{{", "{").replace("}}", "}") for name in made][:count]


def hostile_store(home: Path, bearers: Sequence[str]) -> Path:
    """Eighty days of a log whose models, teams, features, customers and users bear these names."""
    home.mkdir(parents=True, exist_ok=True)
    log, count, number = home / "log.jsonl", len(bearers), 0
    with log.open("w") as out:
        for day in range(80):
            for turn, name in enumerate(bearers):
                number += 1
                at = datetime(2026, 9, 1, turn % 24, tzinfo=UTC) + timedelta(days=day)
                keys = ("feature", "customer", "environment", "user", "project")
                tags = {"team": name} | {key: bearers[(turn + n) % count] for n, key in enumerate(keys, start=1)}
                row = record(
                    number,
                    request_created_at=f"{at:%Y-%m-%dT%H:%M:%S}Z",
                    model=name if turn % 2 else "gpt-5.2",
                    costUSD=0.5 + turn + (day > 70) * 40,
                    response_status=500 if (day + turn) % 5 == 0 else 200,
                    properties=tags,
                )
                out.write(json.dumps(row) + "\n")
    ledger = Ledger.open(home)
    assert ingest(ledger, State.open(home), [log])[0].loaded == number
    decide(ledger.at(ledger.snapshot()), State.open(home), bearers)
    ledger.close()
    log.unlink()
    return home


def exported(home: Path) -> dict[str, str]:
    """Every report and export of a store, by its name and ending."""
    ledger, state = Ledger.open(home), State.open(home)
    view = ledger.at(ledger.snapshot())
    week = review.build(view, state, last_week(view), forbidden=forbidden(state))
    statement = chargeback.statement(view, state, date(2026, 10, 1))
    by_team = spend.grouped_spend(view, Scope.of(view), ("team", "feature"))
    (decision,), (policy,) = record_of.DECISIONS.all(state).values(), POLICIES.all(state)
    found = {f"review{ending}": write(week) for ending, write in review.WRITERS.items() if ending != ".json"}
    found |= {
        "review.slack": report.message(week)["text"],
        "chargeback.slack": month_budgets.message(statement)["text"],
        "chargeback.csv": chargeback.csv_text(statement),
        "chargeback.html": chargeback.html(statement),
        "focus.csv": focus.rows(view, date(2026, 10, 1)).map(cell).to_csv(index=False),
        "page.csv": exports.csv(by_team),
        "decision.html": editions.html(decision),
        "decision.md": editions.markdown(decision),
        "handover.html": handover.handover(view, state, policy),
        "spend.terminal": said(["spend", "--by", "team,feature", "--home", str(home)]),
    }
    ledger.close()
    return found


def decide(view: Ledger, state: State, bearers: Sequence[str]) -> None:
    """Record a decision, and save a policy, of which every text bears a name."""
    one, *others = [name.strip() or "x" for name in bearers]
    draft = record_of.Draft(
        kind="mix",
        question=one,
        answer=others[0],
        page="mix",
        data_version=view.snapshot(),
        days=one,
        coverage=one,
        facts=tuple(record_of.Fact(section="money", label=name, value=name, tier=name) for name in others),
        alternatives=tuple(record_of.Alternative(name=name, told=name) for name in others),
        risks=tuple(record_of.Risk(text=name[:400], owner=name[:120]) for name in others),
        compliance=tuple(others),
        assumptions=tuple(others),
    )
    record_of.record(state, draft, one[:200], because=one[:2000], owner=one[:120])
    rules = [{"when": {"team": [name]}, "use": "gpt-5.2", "name": name} for name in others]
    policy = Policy.model_validate({"name": one[:120], "note": one, "rules": rules})
    POLICIES.save(state, policy.name, policy)


def said(words: list[str]) -> str:
    """What a command prints."""
    with contextlib.redirect_stdout(io.StringIO()) as out:
        assert analytics(words) == 0
    return out.getvalue()


def wrong_in(name: str, text: str) -> list[str]:
    """What of an export a program would take for more than a name."""
    found = unseen(text)
    if name.endswith(".html"):
        found += _tags(text) + [one.group(0) for one in LINK.finditer(_body(text))]
    if name.endswith(".md"):
        rendered = MarkdownIt("commonmark").enable("table").render(text)
        found += [one for one in _tags(rendered) if not one.startswith("code")]
        found += [one.group(0) for pattern in (LINK, MAIL) for one in pattern.finditer(text)]
    if name.endswith(".csv"):
        cells = [one for row in csv.reader(io.StringIO(text)) for one in row]
        found = [one for one in cells if one.startswith(FORMULA) and not re.fullmatch(r"-?[\d.]+(e-?\d+)?", one)]
    if name.endswith(".slack"):
        found += re.findall(r"<[^>]*>", text) + [one.group(0) for one in LINK.finditer(text)]
    return found


def unseen(text: str) -> list[str]:
    """Characters that nobody sees, but for ends of lines and what keeps an address from being a link."""
    return [
        f"{sign!r} after {text[max(at - 9, 0) : at]!r}"
        for at, sign in enumerate(text)
        if unicodedata.category(sign) in ("Cf", "Cc")
        and sign != "\n"
        and not re.fullmatch(r"[:wW@]\u2060", text[at - 1 : at + 1])
    ]


def _body(text: str) -> str:
    """A page without its own head and without the names of its drawings' language."""
    return re.sub(r'xmlns="[^"]*"', "", text.partition("</head>")[2])


def _tags(text: str) -> list[str]:
    """Tags and attributes that do something: scripts, pictures, links, frames, handlers."""
    found: list[str] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            if not HARMLESS.fullmatch(tag) and not (tag == "a" and (dict(attrs).get("href") or "")[:1] == "#"):
                found.append(f"{tag} {attrs}")
            found.extend(f"{tag} {key}" for key, _ in attrs if key.startswith("on"))

    Reader().feed(text)
    return found
