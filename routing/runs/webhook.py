"""Posting a report's summary to a Slack-compatible webhook; the report itself is never lost to a dead webhook.

The address is a secret: it is read from the environment and appears in no message.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from data import console, people
from data.errors import BadInput, Refused
from routing.calling import client as providers
from routing.calling.failures import CallFailed

URL_ENV = "BATON_WEBHOOK_URL"
ATTEMPTS = 3
WAIT_S = 1.0


def post(
    payload: Mapping[str, Any],
    url: str | None = None,
    *,
    send: Callable[[str, Mapping[str, Any]], int] | None = None,
    wait_s: float = WAIT_S,
) -> None:
    """Post a payload, trying three times; raises Refused in one sentence when it cannot be delivered."""
    people.require("post")
    address = url or os.environ.get(URL_ENV)
    if not address:
        raise BadInput(f"No webhook is set; put its address into the environment variable {URL_ENV}.")
    said = ""
    for attempt in range(ATTEMPTS):
        if attempt:
            time.sleep(wait_s * 2 ** (attempt - 1))
        try:
            status = (send or providers.post_json)(address, payload)
        except BadInput as error:  # its words are about a provider's base URL
            raise BadInput(
                f"The address in {URL_ENV} cannot be used; it needs https:// and a public host (http only for this "
                "machine), without credentials."
            ) from error
        except CallFailed as error:
            said = str(error)
            continue
        if status < 300:
            return
        said = f"it answered {status}"
        if 400 <= status < 500 and status != 429:
            break  # it will not change its mind
    raise Refused(
        f"The webhook did not take the summary ({said}); the report is unharmed: post it later with `python -m "
        "routing webhook --file REPORT.json`."
    )


def register(commands: console.Commands) -> None:
    """`python -m routing webhook`."""
    sub = commands.add("webhook", _command)
    sub.add_argument(
        "--file", required=True, metavar="REPORT.json", help="what `python -m analytics review --out REPORT.json` wrote"
    )


def _command(args: argparse.Namespace) -> None:
    try:
        payload = json.loads(Path(args.file).read_text(encoding="utf-8"))["message"]
    except OSError as error:
        raise BadInput(f"{args.file} cannot be read ({error.strerror}).") from error
    except (ValueError, KeyError, TypeError) as error:
        raise BadInput(
            f"{args.file} is no review; write one with `python -m analytics review --out {args.file}`."
        ) from error
    post(payload)
    console.say("Posted.")
