"""Where Baton may send a request: the rules for an endpoint's URL and for the address behind it.

https anywhere public; http only to loopback and to the private hosts the operator listed; no
credentials, query or fragment in the URL. The address is looked up and checked again for every
connection and the connection goes to the address that was checked, so that a name cannot change
its mind in between. Messages never repeat a URL that may hold a secret.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Iterable, Sequence
from urllib.parse import urlsplit

import httpx

from data import owner
from data.errors import BadInput, Refused

LOOPBACK_NAMES = ("localhost", "localhost.localdomain", "ip6-localhost")
NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def checked_url(url: str, allowed: Iterable[str] = ()) -> str:
    """The base URL without a trailing slash; BadInput when it breaks a rule that needs no look-up.

    `allowed` are the host names, addresses or networks (10.0.0.0/8) that the operator permits beyond the public ones.
    """
    try:
        parts, host = urlsplit(url.strip()), host_of(url.strip())
        port = parts.port
    except (ValueError, httpx.InvalidURL) as error:
        raise BadInput("The base URL cannot be read; write it as https://host/v1.") from error
    if parts.username is not None or parts.password is not None or "@" in parts.netloc:
        raise BadInput(
            "The base URL holds credentials before the host; remove them and name the key's environment variable in "
            "key_env."
        )
    if parts.query or parts.fragment:
        raise BadInput("The base URL has a query or fragment, which may hold a secret; end it after the path.")
    if parts.scheme not in ("http", "https") or not host:
        raise BadInput(
            f"The base URL's scheme is `{parts.scheme or 'missing'}`; write it as https://host/v1 (http only for "
            "local servers)."
        )
    if port == 0:
        raise BadInput("The base URL's port is 0; give the port the server listens on.")
    allowed = tuple(allowed)
    address = _literal(host)
    if address is not None and str(address) != host.partition("%")[0]:
        raise BadInput(f"The base URL's host is an address in an unusual form; write it as {address}.")
    if address is not None and not _permitted(address, host, allowed):
        raise BadInput(f"{address} is a private address; list it under allow_private if this provider really is there.")
    if parts.scheme == "http" and not (is_loopback(host) or _listed(host, address, allowed)):
        raise BadInput(
            f"http to {host} would send the key in clear text; use https, or list the host under allow_private."
        )
    return url.strip().rstrip("/")


def host_of(url: str) -> str:
    """The host of a URL as a connection would look it up: folded, in ASCII, without brackets."""
    return httpx.URL(url).raw_host.decode("ascii").lower().strip("[]")


def is_loopback(host: str) -> bool:
    """Whether a host name or address is this machine."""
    address = _literal(host)
    return address.is_loopback if address is not None else host.lower() in LOOPBACK_NAMES


class CheckedTransport(httpx.AsyncBaseTransport):
    """Looks up the host, refuses forbidden addresses, and connects to the address it checked."""

    def __init__(self, allowed: Iterable[str] = (), transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._allowed = tuple(allowed)
        limits = httpx.Limits(max_connections=200, max_keepalive_connections=50)
        self._transport = transport or httpx.AsyncHTTPTransport(limits=limits, trust_env=False)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        host = request.url.host
        if not is_loopback(host):
            address = await self._checked_address(
                host, request.url.port or (443 if request.url.scheme == "https" else 80)
            )
            request.extensions = {**request.extensions, "sni_hostname": host}
            request.url = request.url.copy_with(host=str(address))
        return await self._transport.handle_async_request(request)

    async def aclose(self) -> None:
        await self._transport.aclose()

    async def _checked_address(self, host: str, port: int) -> Address:
        try:
            found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError as error:
            raise httpx.ConnectError(f"the host {host} cannot be found") from error
        return _permitted_one(host, found, self._allowed, "list it under allow_private")


def checked_address(host: str, port: int) -> str:
    """The address to connect to for what is not asked over HTTP; Refused where the owner's rules forbid it."""
    owner.require_host(host)
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise Refused(f"The host {host} cannot be found.") from error
    return str(
        _permitted_one(host, found, owner.private_hosts(), f"the owner of this machine lists it in {owner.HOSTS}")
    )


def _permitted_one(host: str, found: Sequence[tuple], allowed: tuple[str, ...], remedy: str) -> Address:
    addresses = [ipaddress.ip_address(str(entry[4][0]).partition("%")[0]) for entry in found]
    # One forbidden address among several is a trap, not a choice.
    forbidden = next((a for a in addresses if not _permitted(a, host, allowed)), None)
    if forbidden is not None:
        raise Refused(f"{host} leads to the private address {forbidden}; {remedy} if that is meant.")
    return addresses[0]


def _literal(host: str) -> Address | None:
    """The address a host is written as, also as one number or in short or octal form; None for a name."""
    try:
        return ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        pass
    try:
        return ipaddress.ip_address(socket.inet_aton(host))
    except OSError:
        return None


def _permitted(address: Address, host: str, allowed: tuple[str, ...]) -> bool:
    inner = _embedded(address)
    if _listed(host, inner, allowed):
        return True
    if inner.is_loopback:
        # A public-looking name that leads to this machine is a trap; loopback must be written as such.
        return is_loopback(host)
    return address.is_global and inner.is_global and not inner.is_multicast


def _embedded(address: Address) -> Address:
    """The IPv4 address that an IPv6 one stands for (mapped, 6to4, Teredo, NAT64), else the address itself."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    teredo = address.teredo[1] if address.teredo else None
    return address.ipv4_mapped or address.sixtofour or teredo or address


def _listed(host: str, address: Address | None, allowed: tuple[str, ...]) -> bool:
    for entry in allowed:
        if entry.lower() == host.lower():
            return True
        try:
            if address is not None and address in ipaddress.ip_network(entry, strict=False):
                return True
        except ValueError:
            continue
    return False
