"""Which server a command speaks to, and by whose token.

The first of these counts: a file of `--token-file`, a profile of `--profile`, MAGISTRATE_TOKEN, a profile, and what a program
finds around it. The token of a profile is sent to the server of that profile and to no other.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from gql.client import profiles
from gql.client.exits import Ended, Exit
from gql.client.profiles import Profile

URL, TOKEN, PROFILE = "MAGISTRATE_URL", "MAGISTRATE_TOKEN", "MAGISTRATE_PROFILE"
AUDIENCE, ID_TOKEN, TOKEN_FILE = "MAGISTRATE_AUDIENCE", "MAGISTRATE_ID_TOKEN", "MAGISTRATE_TOKEN_FILE"
VARIABLES: Mapping[str, str] = {
    URL: "the server's address",
    TOKEN: "a token to sign in by",
    PROFILE: "the profile to use",
    ID_TOKEN: "the token of a job of GitLab, which `id_tokens` puts there",
    TOKEN_FILE: "a file with the token of a program, which is read again for each request",
    AUDIENCE: "whom a token of GitHub Actions is asked for; without it the origin of the server's address",
}
"""The variables that client commands read, each with what it says."""

HERE = "http://127.0.0.1:8000/graphql"
KUBERNETES = Path("/var/run/secrets/magistrate/token")
"""Where a projected token is looked for. That of the cluster's own API lies elsewhere, and is never sent."""
GITHUB_URL, GITHUB_TOKEN = "ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN"
GITHUB_KEPT = 240  # seconds: such a token is good for five minutes at least
LONGEST = 65_536  # bytes of a token


@dataclass(frozen=True)
class Credential:
    """A token, read or asked for anew whenever `read` is called. `source` says where it comes from."""

    source: str
    read: Callable[[], str]
    of_program: bool = False


@dataclass(frozen=True)
class Place:
    """A server, and what to sign in by; None if there is nothing."""

    url: str
    credential: Credential | None
    profile: str | None = None

    @property
    def is_loopback(self) -> bool:
        return is_loopback(self.url)

    @property
    def source(self) -> str:
        return self.credential.source if self.credential else "nothing"

    def token(self) -> str:
        """The token; Ended if nobody is signed in."""
        if self.credential is None:
            raise Ended(Exit.NOT_PERMITTED, f"nobody is signed in at {self.url}", login(self.url))
        return self.credential.read()


def found(url: str | None = None, profile: str | None = None, token_file: Path | None = None) -> Place:
    """What the options, the environment and the profiles say; Ended if they contradict one another."""
    said = url or os.environ.get(URL)
    asked = endpoint(said) if said else None
    given = _given(token_file, None if profile else os.environ.get(TOKEN))
    if asked and given:
        return Place(asked, given)
    name, own = _profile(profiles.read(), profile, asked)
    at = asked or (endpoint(own.url) if own else HERE)
    if given or own is None:
        return Place(at, given or _of_program(at))
    source = f"the profile {name}"
    return Place(at, Credential(source, lambda: clean(own.token, source)), name)


def _given(token_file: Path | None, token: str | None) -> Credential | None:
    if token_file is not None:
        return Credential(f"the file {token_file}", lambda: in_file(token_file))
    return Credential(f"the variable {TOKEN}", lambda: clean(token, TOKEN)) if token else None


def _profile(kept: Mapping[str, Profile], by_option: str | None, asked: str | None) -> tuple[str, Profile | None]:
    """The profile that counts, if any. Its token goes to its own server alone."""
    chosen = by_option or os.environ.get(PROFILE)
    if not chosen:
        fitting = [(name, each) for name, each in kept.items() if asked in (None, each.url)]
        fitting.sort(key=lambda each: each[0] != profiles.DEFAULT)
        return fitting[0] if fitting and (asked or fitting[0][0] == profiles.DEFAULT) else (profiles.DEFAULT, None)
    own = kept.get(profiles.named(chosen))
    if own is None:
        raise Ended(Exit.NOT_PERMITTED, f"there is no profile {chosen}", login(asked, chosen))
    if asked and own.url != asked:
        says = f"the profile {chosen} is signed in at {own.url}, and its token is not sent to {asked}"
        raise Ended(Exit.USAGE, says, login(asked, "another"))
    return chosen, own


def login(url: str | None = None, profile: str | None = None) -> str:
    """The command that signs in there."""
    return "magistrate login" + (f" --url {url}" if url else "") + (f" --profile {profile}" if profile else "")


def endpoint(url: str) -> str:
    """The address that requests go to: `/graphql` is added where no path is said. Ended if it is no address."""
    try:
        parts = urlsplit(url)
        valid = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        valid = valid and not (parts.username or parts.query or parts.fragment)
    except ValueError:
        valid = False
    if not valid:
        raise Ended(Exit.USAGE, f"{url!r} is no address of a server, like https://models.example.org")
    return urlunsplit((parts.scheme, parts.netloc, parts.path if parts.path not in ("", "/") else "/graphql", "", ""))


def origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def is_loopback(url: str) -> bool:
    from ipaddress import ip_address

    host = urlsplit(url).hostname or ""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _of_program(url: str) -> Credential | None:
    """What a program finds around it: a token of GitLab, Kubernetes or GitHub Actions (docs/sign-in.md)."""
    if token := os.environ.get(ID_TOKEN):
        return Credential(f"the variable {ID_TOKEN}", lambda: clean(token, ID_TOKEN), of_program=True)
    file = Path(os.environ.get(TOKEN_FILE) or KUBERNETES)
    if os.environ.get(TOKEN_FILE) or file.exists():
        return Credential(f"the file {file}", lambda: in_file(file), of_program=True)
    if os.environ.get(GITHUB_URL) and os.environ.get(GITHUB_TOKEN):
        return Credential("GitHub Actions", _Github(url), of_program=True)
    return None


def in_file(file: Path) -> str:
    try:
        with file.open("rb") as opened:
            return clean(opened.read(LONGEST + 1).decode(), str(file))
    except (OSError, UnicodeDecodeError) as error:
        raise Ended(Exit.USAGE, f"no token can be read from {file}: {error}") from error


def clean(token: str, where: str) -> str:
    """A token as a header takes it; Ended, without the token, if it is none."""
    token = token.strip()
    if not token or len(token) > LONGEST or not all("!" <= each <= "~" for each in token):
        raise Ended(Exit.USAGE, f"what {where} holds is no token: a token is one line of printable ASCII without spaces")
    return token


class _Github:
    """Asks GitHub for the token of the job that runs, and keeps it for some minutes."""

    def __init__(self, url: str) -> None:
        self._audience, self._kept, self._until = os.environ.get(AUDIENCE) or origin(url), "", 0.0

    def __call__(self) -> str:
        if monotonic() >= self._until:
            self._kept, self._until = self._asked(), monotonic() + GITHUB_KEPT
        return self._kept

    def _asked(self) -> str:
        import httpx

        parts = urlsplit(os.environ[GITHUB_URL])
        query = urlencode([*parse_qsl(parts.query), ("audience", self._audience)])
        headers = {"authorization": f"Bearer {os.environ[GITHUB_TOKEN]}"}
        try:
            answer = httpx.get(urlunsplit(parts._replace(query=query)), headers=headers, timeout=10)
            return clean(str(answer.raise_for_status().json()["value"]), "the answer of GitHub")
        except (httpx.HTTPError, httpx.InvalidURL, ValueError, KeyError, TypeError) as error:
            raise Ended(Exit.OUT_OF_REACH, f"GitHub gave no token for {self._audience}: {error}") from error
