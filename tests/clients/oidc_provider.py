"""The program `oidc-provider` as a real process, which can be down and come back."""

import json
import signal
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from tests.operated import eventually

HERE = Path(__file__).parent


class OidcProvider:
    """A provider for the client `magistrate` of the server at `served`; as a context, while it runs.

    `asked` holds what `provider.mjs` can be told beyond that: a `secret`, or `as` whom everybody signs in.
    """

    def __init__(self, folder: Path, port: int, served: str, **asked: str) -> None:
        self.folder, self.port, self.served, self.asked = folder, port, served, asked
        folder.mkdir()
        self.accounts: dict[str, dict[str, Any]] = {}

    @property
    def issuer(self) -> str:
        """Another site than 127.0.0.1, as in life: cookies of one are not those of the other."""
        return f"http://localhost:{self.port}"

    def has(self, account: str, *groups: str, **claims: Any) -> None:
        """From now on there is an account with these claims."""
        self.accounts[account] = {
            "preferred_username": account, "name": account.title(), "email": f"{account}@example.org", "email_verified": True,
            "department": "Risk", "groups": groups,
        } | claims  # fmt: skip
        (self.folder / "accounts.json").write_text(json.dumps(self.accounts))

    def start(self) -> None:
        options = {
            "port": self.port, "folder": self.folder, "redirect": f"{self.served}/sign-in/callback",
            "after-logout": f"{self.served}/sign-out",
        } | self.asked  # fmt: skip
        command = ["/usr/bin/env", "node", str(HERE / "provider.mjs"), *(f"--{name}={value}" for name, value in options.items())]
        with (self.folder / "said").open("a") as said:
            self.process = subprocess.Popen(command, stdout=said, stderr=said)
        assert eventually(self._answers, within=60), (self.folder / "said").read_text()

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()

    def hang(self) -> None:
        """Takes what is sent, and answers nothing, until it is stopped."""
        self.process.send_signal(signal.SIGSTOP)

    def rotate(self) -> None:
        """Signs by a new key; the old one is gone."""
        self._do("rotate")

    def revoke(self, account: str) -> None:
        """Forgets the sessions and tokens of an account, which may sign in again."""
        self._do("revoke", account=account)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    def _answers(self) -> bool:
        assert self.process.poll() is None, (self.folder / "said").read_text()
        try:
            return httpx.get(f"{self.issuer}/.well-known/openid-configuration", timeout=30).is_success
        except httpx.TransportError:
            return False

    def _do(self, what: str, **asked: str) -> None:
        httpx.post(f"{self.issuer}/control/{what}", params=asked, timeout=30).raise_for_status()


def identity_file(folder: Path, issuer: str, secret: str | None = None) -> Path:
    """The identity file of a server whose people sign in by that provider, as a confidential client if it has a secret."""
    file, of_secret = folder / "identity.toml", folder / "secret"
    lines = [
        "[[issuer]]", 'name = "corp"', f'issuer = "{issuer}"', 'audience = "magistrate"', 'kind = "people"', "join = true",
        'client_id = "magistrate"', 'scope = "openid profile email offline_access"',
        'prompt = "consent"',  # without it nobody gets a refresh token: OpenID Connect Core 1.0 section 11
        *([f'client_secret_file = "{of_secret}"'] if secret else []),
        "[[issuer.group]]", 'is = "owners"', 'roles = ["MODEL_OWNER"]', 'tiers = ["TIER_2_IMPORTANT"]',
        "[[issuer.group]]", 'is = "stewards"', 'roles = ["DATA_STEWARD"]',
    ]  # fmt: skip
    if secret:
        of_secret.write_text(secret)
    file.write_text("\n".join(lines))
    return file
