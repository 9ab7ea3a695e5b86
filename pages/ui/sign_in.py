"""Sign-in for a team (OpenID Connect): who is let in, and what stops the server instead of leaving it open.

The owner writes `.streamlit/secrets.toml`: a section [auth] in Streamlit's own form and a section [roles]
(`data.people`); instead of [auth] a section [proxy], where a proxy of theirs signs people in and says who it is by
headers, believed from its own address with a shared secret only. A file that is there and cannot be used serves
nobody. Without any file Baton serves the machine itself (loopback) and nobody else, unless the owner names the
wider address in BATON_SERVE_OPENLY.
"""

from __future__ import annotations

import hmac
import os
import stat
import time
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import urlsplit

import streamlit as st
from streamlit import config
from streamlit.web.server.starlette.starlette_app_utils import decode_xsrf_token_string

from data import owner, people
from data.errors import Refused
from data.people import ROLES, Person
from pages.ui import format as fmt
from pages.ui import opening
from pages.ui.navigation import PAGES

LOOPBACK = ("127.0.0.1", "::1", "localhost")
OPENLY = "BATON_SERVE_OPENLY"
NEEDED = ("client_id", "client_secret", "server_metadata_url")
SHORTEST_SECRET = 32


PROXY_KEYS = ("address", "secret_header", "secret", "name_header", "groups_header")
LINKS_KEPT = 1000
_read: set[Path] = set()  # by this process: a server that people signed in to does not open by a file that goes


@dataclass(frozen=True)
class SignIn:
    """How people sign in: by the provider of [auth] ("" where it is the section itself), to which Baton is `client_id`,
    or by [proxy], and [roles].
    """

    rules: Mapping[str, Any]
    provider: str = ""
    client_id: str = ""
    proxy: Mapping[str, str] | None = None


def settings(files: Iterable[str] | None = None) -> SignIn | None:
    """The owner's sign-in, None where there is no secrets file; Refused names what is wrong with one that is there.

    `files` are Streamlit's `secrets.files` unless given; of several the later ones win, as Streamlit reads them.
    """
    found = None
    for path in (Path(name) for name in files or config.get_option("secrets.files")):
        if not _is_there(path):
            if path.absolute() in _read:
                raise _unusable(path, "it is gone, and this server has signed people in by it")
            continue
        try:
            found = (found or {}) | tomllib.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise _unusable(path, f"it cannot be read ({reason})") from error
        _read.add(path.absolute())
        last = path
    return None if found is None else _checked(found, last)


def _is_there(path: Path) -> bool:
    """Whether something is in a file's place; in doubt yes: a link to nothing (a volume that is not mounted), a folder
    that may not be looked into.
    """
    try:
        path.lstat()
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return True


def _checked(found: Mapping[str, Any], path: Path) -> SignIn:
    rules = _checked_rules(found.get("roles"), path)
    if "proxy" in found and "auth" not in found:
        return SignIn(rules, proxy=_checked_proxy(found["proxy"], path))
    auth = found.get("auth")
    if not isinstance(auth, Mapping):
        near = [name for name in found if "auth" in name.lower()]
        raise _unusable(path, f"it has no section [auth]{f' (it has [{near[0]}])' if near else ''}")
    named = {name: table for name, table in auth.items() if isinstance(table, Mapping) and name != "client_kwargs"}
    if len(named) > 1:
        raise _unusable(path, "[auth] names several providers; Baton signs in with one")
    provider, table = next(iter(named.items()), ("", auth))
    places = {"redirect_uri": auth, "cookie_secret": auth} | dict.fromkeys(NEEDED, table)
    for key, place in places.items():
        if not isinstance(place.get(key), str) or not place[key].strip():
            raise _unusable(path, f"{key} is missing in [{'auth' if place is auth else f'auth.{provider}'}]")
    if len(auth["cookie_secret"]) < SHORTEST_SECRET:
        raise _unusable(path, f"cookie_secret is shorter than {SHORTEST_SECRET} characters")
    if "_" in provider:
        raise _unusable(path, f"the provider's name {provider} has an underscore, which Streamlit does not take")
    return SignIn(rules, provider, table["client_id"])


def _checked_rules(rules: Any, path: Path) -> Mapping[str, Any]:
    if not isinstance(rules, Mapping) or not any(rules.get(role) for role in ROLES):
        raise _unusable(path, "it has no section [roles] that gives anyone a role")
    for role in ROLES:
        listed = rules.get(role, [])
        if not isinstance(listed, list) or not all(isinstance(value, str) and value for value in listed):
            raise _unusable(path, f"{role} in [roles] is no list of texts")
    if unknown := set(rules) - {*ROLES, "claim", "teams"}:
        raise _unusable(path, f"[roles] knows no {sorted(unknown)[0]}; it takes claim, {', '.join(ROLES)} and teams")
    _check_teams(rules, path)
    return rules


def _check_teams(rules: Mapping[str, Any], path: Path) -> None:
    teams = rules.get("teams", {})
    if not isinstance(teams, Mapping):
        raise _unusable(path, "teams in [roles] is no table from a value of the claim to a list of teams")
    for value, listed in teams.items():
        if not isinstance(listed, list) or not listed or not all(isinstance(team, str) and team for team in listed):
            raise _unusable(path, f"{value} in [roles.teams] is no list of teams; somebody held to none would see all")
        if value not in rules.get("viewer", []):
            raise _unusable(path, f"{value} in [roles.teams] is not listed as a viewer, and only viewers are held")


def _checked_proxy(proxy: Any, path: Path) -> Mapping[str, str]:
    if not isinstance(proxy, Mapping) or not all(isinstance(proxy.get(k), str) and proxy[k] for k in PROXY_KEYS):
        raise _unusable(path, f"[proxy] takes {', '.join(PROXY_KEYS)}, each a text")
    if len(proxy["secret"]) < SHORTEST_SECRET:
        raise _unusable(path, f"the secret of [proxy] is shorter than {SHORTEST_SECRET} characters")
    return proxy


def _unusable(path: Path, why: str) -> Refused:
    return Refused(
        f"Baton serves nobody: the sign-in settings in {path} cannot be used, since {why}. Mend or remove the file."
    )


def check_before_serving(address: str | None, files: Iterable[str] | None = None) -> None:
    """Refuse to start with unusable sign-in settings, or open to a network without any."""
    if settings(files) is not None:
        return
    if address not in LOOPBACK and os.environ.get(OPENLY) != (address or "*"):
        raise Refused(
            "Baton serves nobody: it would be open to everyone who reaches "
            f"{address or 'any address of this machine'}. "
            f"Set up sign-in (README, Teams), or say so by name: {OPENLY}={address or '*'}."
        )


def warnings(files: Iterable[str] | None = None) -> list[str]:
    """What the owner should hear when the server starts: settings that others may read, lists without limits."""
    told = []
    for path in (Path(name) for name in files or config.get_option("secrets.files")):
        if path.exists() and path.stat().st_mode & stat.S_IROTH:
            told.append(
                f"{path} can be read by everybody on this machine, with the secrets of sign-in in it: chmod 600 {path}"
            )
    return told + owner.too_open()


def gate() -> Person:
    """Let a page run go on only for somebody who may look, and return them; a visitor sees nothing else."""
    try:
        how = settings()
        check_before_serving(config.get_option("server.address"))
    except Refused as refusal:
        print(refusal, flush=True)  # the owner's to read; a visitor is not told what is wrong with the door
        people.ask_sign_in(lambda: None)
        st.error("Baton serves nobody at the moment: its sign-in settings cannot be used. The server's log says why.")
        st.stop()
    people.ask_sign_in(None if how is None else _signed_in)
    if how is None:
        return people.owner()
    person = _signed_in()
    if person is None:
        _turn_away(how)
    if how.proxy is None:
        _back_to_link()
    return person


def _signed_in() -> Person | None:
    """Who this page run, callback or fragment belongs to."""
    how = settings()
    if how is None:
        return None  # the file was there when the page began
    claims = st.user.to_dict() if how.proxy is None else _proxy_claims(how, how.proxy)
    if how.proxy is None and not (claims.get("is_logged_in") and meant_for(how.client_id, claims)):
        return None
    return people.person_of(claims, how.rules, time.time())


def meant_for(client_id: str, claims: Mapping[str, Any]) -> bool:
    """Whether a token was made for this client; Authlib alone also takes one made for another and passed on."""
    audience = claims.get("aud")
    return client_id in (audience if isinstance(audience, list | tuple) else [audience])


def _proxy_claims(how: SignIn, proxy: Mapping[str, str]) -> dict[str, Any]:
    """What the proxy's headers say; nothing where they do not come from it."""
    headers = st.context.headers
    known = hmac.compare_digest(headers.get(proxy["secret_header"], "").encode(), proxy["secret"].encode())
    here = (st.context.ip_address or "127.0.0.1") == proxy["address"]  # Streamlit says None for the machine itself
    if not (known and here):
        return {}
    groups = [value.strip() for value in headers.get(proxy["groups_header"], "").split(",") if value.strip()]
    return {
        "sub": headers.get(proxy["name_header"], ""),
        str(how.rules.get("claim", "groups")): groups,
        "exp": time.time() + 1,  # headers carry no expiry: they are read anew at every page run
    }


def _turn_away(how: SignIn) -> NoReturn:
    claims = st.user.to_dict() if how.proxy is None else {}
    expires = claims.get("exp")
    if how.proxy is not None:
        st.title("No access to this Baton", anchor=False)
        st.write("Open it by the address of your sign-in proxy; if you did, no role is given to you: ask an admin.")
    elif not claims.get("is_logged_in"):
        _keep_link()
        st.title("Sign in to Baton", anchor=False)
        st.button("Sign in", on_click=st.login, args=[how.provider] if how.provider else [], type="primary")
    elif isinstance(expires, int | float) and expires <= time.time():
        st.title("Your sign-in has expired", anchor=False)
        st.write("Sign out and in again to go on.")
        st.button("Sign out", on_click=st.logout)
    else:
        who = claims.get("email") or claims.get("sub") or "Somebody"
        st.title("No access to this Baton", anchor=False)
        st.write(fmt.md(f"{who} is signed in, but has no role here. Ask an admin for a group that has one."))
        st.button("Sign out", on_click=st.logout)
    st.stop()
    raise AssertionError("a stopped page goes no further")


@st.cache_resource
def _links() -> dict[str, tuple[str, dict[str, list[str]]]]:
    return {}


def _visitor() -> str:
    """The browser, by the token in a cookie that outlives the way to the provider and back; "" without one."""
    token, _ = decode_xsrf_token_string(st.context.cookies.get("_streamlit_xsrf", ""))
    return (token or b"").hex()


def _keep_link() -> None:
    """The way to the provider loses the link that was opened; keep it for this browser."""
    asked = {name: st.query_params.get_all(name) for name in st.query_params}
    path = urlsplit(st.context.url or "").path
    if _visitor() and (asked or path.strip("/")):
        links = _links()
        links[_visitor()] = (path, asked)
        while len(links) > LINKS_KEPT:
            links.pop(next(iter(links)))


def _back_to_link() -> None:
    path, asked = _links().pop(_visitor(), ("", {}))
    if asked or path.strip("/"):
        opening.ask(path.strip("/"), asked)


def check_page(person: Person, path: str) -> None:
    """Refused where the page at `path` shows more than somebody held to teams may see."""
    file = next(file for entries in PAGES.values() for file, _, _, address in entries if address == path)
    if not person.may_open(file):
        raise Refused(
            f"This page shows figures of every team; {person.name} is held to {', '.join(sorted(person.teams))}. "
            "Ask an admin for a wider role, or somebody who has it for the figure."
        )


def show_person(person: Person) -> None:
    """In the sidebar: who is signed in, and the way out; nothing without sign-in."""
    how = settings()
    if how is None:
        return
    with st.sidebar:
        held = f", {', '.join(sorted(person.teams))} only" if person.teams else ""
        st.caption(fmt.md(f"{person.name}, {person.role}{held}"))
        if how.proxy is None:
            st.button("Sign out", on_click=st.logout, type="tertiary")
