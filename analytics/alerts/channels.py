"""Where alerts go: the address is an apprise URL in an environment variable, which the owner of the machine sets.

The address is a secret: it stands in no message, log or document, only the variable's name does.
"""

from __future__ import annotations

import ipaddress
import logging
import os
from collections.abc import Callable
from threading import Thread
from typing import Any

import apprise

from data import owner
from data.errors import BadInput, Refused

WAIT_S = 20.0  # for all that one message takes; a webhook that hangs is given up then
SOCKET_WAIT_S = 8.0
# Kinds of address that stay on this machine or run something; alerts go to people elsewhere.
LOCAL = {"dbus", "gio", "glib", "gnome", "kde", "macosx", "qt", "syslog", "windows", "aprs", "serial"}
Send = Callable[[str, str, str], None]
logging.getLogger("apprise").addHandler(logging.NullHandler())
logging.getLogger("apprise").propagate = False  # it tells what it sends where


def send(channel: str, title: str, body: str) -> None:
    """Send a message to a channel; Refused says that it was not taken, BadInput that the channel cannot be used."""
    target = address(channel)
    taken: list[bool] = []
    work = Thread(target=lambda: taken.append(bool(target.notify(body=body, title=title))), daemon=True)
    work.start()
    work.join(WAIT_S)
    if work.is_alive():
        raise Refused(f"the channel {channel} did not answer in {WAIT_S:g} seconds")
    if taken != [True]:
        raise Refused(f"the channel {channel} did not take the message")


def address(channel: str) -> apprise.Apprise:
    """The checked address of a channel; BadInput names the variable, never what is in it."""
    if not owner.channel_allowed(channel):
        raise BadInput(
            f"{channel} may not be used as a channel; the owner of this machine lists it in {owner.CHANNELS}."
        )
    text = os.environ.get(channel)
    if not text:
        raise BadInput(f"The variable {channel} is not set in this process; set it to the address of the channel.")
    asset = apprise.AppriseAsset(app_id="Baton", app_desc="Baton", http_redirects=False)
    target = apprise.Apprise.instantiate(text.strip(), asset=asset, suppress_exceptions=True)
    if target is None:
        raise BadInput(
            f"The address in {channel} cannot be read; write it as apprise does, for example jsons://host/path, "
            "mailtos://user:password@host or the address of a Slack webhook."
        )
    _check(channel, target)
    target.socket_read_timeout = target.socket_connect_timeout = SOCKET_WAIT_S
    target.redirects = False
    apprise_of_one = apprise.Apprise(asset=asset)
    apprise_of_one.add(target)
    return apprise_of_one


def _check(channel: str, target: Any) -> None:
    scheme = str(target.schema).lower()
    plain = _names(target.protocol)
    if scheme in LOCAL or (scheme.split("+")[0] in LOCAL):
        raise BadInput(f"The address in {channel} stays on this machine ({scheme}); name one that reaches people.")
    if scheme in plain and not _is_loopback(str(target.host or "")):
        raise BadInput(
            f"The address in {channel} sends in clear text ({scheme}://); use its encrypted form, mostly {scheme}s://."
        )
    if not target.verify_certificate:
        raise BadInput(f"The address in {channel} asks to trust any certificate; take verify=no out of it.")


def _names(protocols: Any) -> set[str]:
    """The schemes of a plugin without encryption; None, a text or several."""
    return set() if not protocols else {protocols} if isinstance(protocols, str) else set(protocols)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"
