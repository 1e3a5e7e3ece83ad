"""Speaks GraphQL over HTTP with one server, and sends again what came to nothing.

What is UNAVAILABLE is sent again after the time that the server names, and what found no server twice more, all within the time
limit. A mutation has an idempotency key, so that it takes effect once however often it is sent (docs/reference.md).
"""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any, Self

from gql.client.answers import Answer, facts_of, refusal
from gql.client.credentials import Place
from gql.client.exits import Ended, Exit, tell

if TYPE_CHECKING:
    import httpx

GRAPHQL = "application/graphql-response+json, application/json;q=0.9"
TIMEOUT = 30.0  # seconds
AGAIN = (0.2, 0.8)  # seconds before a connection is tried again
PROXY_TROUBLE = (502, 504)
_KEY = re.compile(r"[!-~]([ -~]{0,198}[!-~])?")  # as documents/idempotency.py has it; HTTP has no blanks at the ends


class Graph:
    """The graph of one server, asked by one command."""

    def __init__(self, place: Place, timeout: float = TIMEOUT) -> None:
        self.place, self._timeout = place, timeout
        self._http: httpx.Client | None = None
        self._arrived = False  # whether anything that was sent may have arrived

    def ask(self, text: str, variables: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The data that answer a query; Ended if it is refused."""
        return self._data(self.send(text, variables))

    def change(self, text: str, variables: Mapping[str, Any] | None = None, key: str | None = None) -> dict[str, Any]:
        """The data that answer a mutation, sent under `key` or one of its own; Ended if it is refused."""
        key = key_of(key)
        with self.repeatable(key):
            return self._data(self.send(text, variables, key=key))

    @contextmanager
    def repeatable(self, key: str) -> Iterator[None]:
        """Says of a mutation whose answer was lost under which key it is sent again."""
        try:
            yield
        except Ended as ended:
            if ended.status is Exit.OUT_OF_REACH and self._arrived:
                says = f"{ended.says}; it may have taken effect, and under --key {key} it does so once"
                raise Ended(ended.status, says, None, ended.facts) from ended
            raise

    def _data(self, answer: Answer) -> dict[str, Any]:
        if answer.errors:
            raise refusal(answer, self.place)
        return dict(answer.data or {})

    def send(
        self, text: str, variables: Mapping[str, Any] | None = None, *, operation: str | None = None, key: str | None = None
    ) -> Answer:
        """Whatever the server answers, with its errors; Ended if it is out of reach, or nobody is signed in."""
        body = {"query": text, "variables": dict(variables or {})} | ({"operationName": operation} if operation else {})
        sent, give_up, tries = _in_utf8(body), monotonic() + self._timeout, 0
        while True:
            answer = self._post(sent, key)
            if isinstance(answer, Ended):
                wait = AGAIN[tries] if tries < len(AGAIN) else None
            elif answer.waits is None:
                return answer
            else:
                wait = answer.waits
            if wait is None or monotonic() + wait > give_up:
                if isinstance(answer, Ended):
                    raise answer
                return answer
            if not isinstance(answer, Ended):
                tell(f"magistrate: the server asks to wait, trying again in {wait:g} s")
            sleep(wait)
            tries += 1

    def _post(self, body: bytes, key: str | None) -> "Answer | Ended":
        import httpx

        headers = {"content-type": "application/json", "accept": GRAPHQL, "authorization": f"Bearer {self.place.token()}"}
        if key:
            headers["idempotency-key"] = key
        try:
            response = self._client().post(self.place.url, content=body, headers=headers)
            self._arrived = True
            return self._read(response)
        except (httpx.TransportError, httpx.DecodingError) as error:
            self._arrived |= not isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.UnsupportedProtocol)
            return self._away(error)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise self._away(error) from error

    def _away(self, error: Exception) -> Ended:
        says = str(error) or type(error).__name__
        remedy = "magistrate serve" if self.place.is_loopback else None
        return Ended(Exit.OUT_OF_REACH, f"{self.place.url} is out of reach: {says}", remedy)

    def _read(self, response: "httpx.Response") -> Answer:
        try:
            found = response.json()
        except ValueError:
            found = None
        if isinstance(found, dict) and ("data" in found or isinstance(found.get("errors"), list)):
            errors = [each for each in found.get("errors") or () if isinstance(each, dict)]
            facts = facts_of(errors[0]) if errors else {}
            wait = facts.get("retryAfter") if facts.get("code") == "UNAVAILABLE" else None
            if wait is None and response.status_code in (429, 503):
                wait = response.headers.get("retry-after")
            return Answer(response.status_code, found.get("data"), errors, _seconds(wait))
        if response.is_redirect:
            where = response.headers.get("location", "nowhere")
            raise Ended(Exit.OUT_OF_REACH, f"{self.place.url} redirects to {where}, and a token is not sent on")
        says = f"{self.place.url} answers {response.status_code} {response.reason_phrase}, and no Magistrate does so"
        if response.status_code in PROXY_TROUBLE:
            error = {"message": says, "extensions": {"code": "UNAVAILABLE"}}
            return Answer(response.status_code, errors=[error], waits=1.0)
        raise Ended(Exit.OUT_OF_REACH, says)

    def _client(self) -> "httpx.Client":
        if self._http is None:
            import httpx

            here = self.place.is_loopback
            if self.place.url.startswith("http:") and not here:
                tell(f"magistrate: {self.place.url} is asked without TLS, so whoever is between reads the token")
            # A proxy of the environment does not reach this machine as this machine does.
            direct = dict.fromkeys(("all://", "http://", "https://")) if here else None
            self._http = httpx.Client(timeout=self._timeout, mounts=direct, follow_redirects=False)
        return self._http

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        if self._http is not None:
            self._http.close()


def key_of(said: str | None) -> str:
    """The idempotency key that was said, or a new one. Ended if it can be none: an empty one is a variable that nobody set."""
    from uuid import uuid4

    if said is None:
        return f"magistrate-{uuid4()}"
    if not _KEY.fullmatch(said):
        raise Ended(Exit.USAGE, f"--key must be 1 to 200 printable ASCII characters, and {said!r} is not")
    return said


def _in_utf8(body: Mapping[str, Any]) -> bytes:
    """JSON as it is sent. Ended for half a character, which is what Python makes of a word that is not UTF-8."""
    try:
        return json.dumps(body, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        text = error.object[error.object.rfind('"', 0, error.start) : error.object.find('"', error.end) + 1]
        raise Ended(Exit.USAGE, f"only texts in UTF-8 can be sent, and {text} is none") from error


def _seconds(said: Any) -> float | None:
    try:
        return max(0.0, float(said))
    except (TypeError, ValueError):
        return None
