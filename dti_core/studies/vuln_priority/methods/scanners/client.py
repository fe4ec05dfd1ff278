"""An HTTP client for one service on loopback: no redirect is followed, a login is kept."""

import http.client
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote, urlencode, urlsplit

from dti_core.lab.errors import DataError
from dti_core.studies.vuln_priority.methods.scanners.surface import FORM, JSON, Endpoint

SECONDS = 5.0
LARGEST_ANSWER_BYTES = 200_000
LOOPBACK = ("127.0.0.1", "localhost")


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, headers and text of one answer; status 0 where none came (too late, or cut)."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: str

    def header(self, name: str) -> str:
        """The first header of this name, or ""."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), "")


NO_ANSWER = Answer(0, (), "")


@dataclass(slots=True)
class Client:
    """Requests to one address; counts them, and sends no more than `most`.

    Raises
    ------
    DataError for an address that is not loopback, or past the last allowed request.
    """

    address: str
    most: int = 50_000
    n_sent: int = 0
    cookies: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse any host but this machine's own."""
        if urlsplit(self.address).hostname not in LOOPBACK:
            raise DataError(f"{self.address} is not on loopback: only services on 127.0.0.1 are probed.")

    def login(self, fields: Mapping[str, str]) -> None:
        """Log in by `POST /login` with these form fields and keep the cookies.

        Raises
        ------
        DataError if the service refuses.
        """
        answer = self._request("POST", "/login", urlencode(fields), {"Content-Type": FORM})
        given = [value for key, value in answer.headers if key.lower() == "set-cookie"]
        if answer.status >= 400 or not given:
            raise DataError(f"{self.address}/login refused {sorted(fields)} with status {answer.status}.")
        self.cookies |= {one.split("=", 1)[0]: one.split("=", 1)[1].split(";", 1)[0] for one in given}

    def send(self, endpoint: Endpoint, changed: Mapping[str, str]) -> Answer:
        """The answer of an endpoint to usual values, but for the `changed` ones."""
        parts: dict[str, dict[str, str]] = {
            place: {} for place in ("query", "form", "json", "header", "cookie", "path")
        }
        for one in endpoint.parameters:
            parts[one.place][one.name] = changed.get(one.name, one.usual)
        path = re.sub(
            r"<(\w+)>", lambda hole: quote(parts["path"].get(hole[1], "x"), safe=""), endpoint.route
        )
        target = f"{path}?{urlencode(parts['query'])}" if parts["query"] else path
        headers = {name: _header_text(value) for name, value in parts["header"].items()}
        cookies = self.cookies | {name: _cookie_text(value) for name, value in parts["cookie"].items()}
        if cookies:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in cookies.items())
        body = ""
        if parts["json"]:
            body, headers["Content-Type"] = json.dumps(parts["json"]), JSON
        elif parts["form"]:
            body, headers["Content-Type"] = urlencode(parts["form"]), FORM
        return self._request(endpoint.method, target, body, headers)

    def _request(self, method: str, target: str, body: str, headers: Mapping[str, str]) -> Answer:
        if self.n_sent >= self.most:
            raise DataError(f"{self.n_sent} requests were sent to {self.address}, which is the limit.")
        self.n_sent += 1
        place = urlsplit(self.address)
        connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=SECONDS)
        try:
            connection.request(method, target, body.encode() or None, dict(headers))
            got = connection.getresponse()
            text = got.read(LARGEST_ANSWER_BYTES).decode(errors="replace")
            return Answer(got.status, tuple(got.getheaders()), text)
        except (OSError, http.client.HTTPException, ValueError):
            return NO_ANSWER
        finally:
            connection.close()


def _header_text(value: str) -> str:
    """A header cannot hold line breaks or letters beyond Latin-1."""
    return re.sub(r"[\r\n]+", " ", value).encode("latin-1", "replace").decode("latin-1")


def _cookie_text(value: str) -> str:
    """A cookie's value as a quoted string, with what breaks it as octal escapes."""
    octets = value.encode().decode("latin-1")
    escaped = "".join(f"\\{ord(c):03o}" if c in '",;\\' or not " " <= c <= "~" else c for c in octets)
    return f'"{escaped}"' if escaped != value or " " in value else value
