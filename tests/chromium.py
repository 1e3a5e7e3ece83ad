"""A Chromium without a window, where there is one, led by its DevTools protocol."""

import asyncio
import json
import shutil
from asyncio.subprocess import DEVNULL
from base64 import b64decode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--window-size=1400,900",
)  # fmt: skip
PATIENCE = 120  # seconds: it starts slowly where others work too
LEFT = -32000  # its code where the page was left before it could answer
with_chromium = pytest.mark.skipif(not CHROMIUM, reason="there is no Chromium on the PATH")


class Between(Exception):
    """The page that was asked is being left for another."""


class Tab:
    """A page that can be asked what it shows, and told what to do, in JavaScript."""

    def __init__(self, connection: ClientConnection, session: str) -> None:
        self.connection, self.session, self.numbers = connection, session, count(100)
        self.logged: list[str] = []
        """What the browser complained about, as against the content security policy."""

    async def tell(self, method: str, **said: Any) -> Any:
        number = next(self.numbers)
        await self.connection.send(json.dumps({"id": number, "sessionId": self.session, "method": method, "params": said}))
        async for message in self.connection:
            heard = json.loads(message)
            if heard.get("method") == "Log.entryAdded":
                self.logged.append(heard["params"]["entry"]["text"])
            if heard.get("id") == number:
                if heard.get("error", {}).get("code") == LEFT:
                    raise Between(heard["error"]["message"])
                assert "error" not in heard, heard
                return heard["result"]
        raise ConnectionError

    async def run(self, script: str) -> Any:
        """The value of an expression; a promise is waited for."""
        said = await self.tell("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in said, said
        return said["result"].get("value")

    async def shows(self, script: str) -> Any:
        """The value of an expression once it is true, on whatever page is there by then."""
        value = None
        async with asyncio.timeout(PATIENCE):
            while not value:
                with suppress(Between):
                    value = await self.run(script)
                await asyncio.sleep(0.05)
        return value

    async def picture(self) -> bytes:
        """The page as a PNG, to look at."""
        return b64decode((await self.tell("Page.captureScreenshot"))["data"])


@asynccontextmanager
async def browsing(url: str, folder: Path, *more: str) -> AsyncIterator[Tab]:
    """A tab with that page; the browser keeps what it keeps in `folder`, which must be new; `more` are flags for it."""
    flags = [*FLAGS, *more, "--remote-debugging-port=0", f"--user-data-dir={folder}"]
    browser = await asyncio.create_subprocess_exec(str(CHROMIUM), *flags, stdout=DEVNULL, stderr=DEVNULL)
    try:
        async with asyncio.timeout(PATIENCE):
            while not (file := folder / "DevToolsActivePort").exists() or "\n" not in file.read_text():  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        port, path = file.read_text().split()
        async with connect(f"ws://127.0.0.1:{port}{path}", max_size=None) as connection:
            tab = Tab(connection, "")
            await connection.send(json.dumps({"id": 1, "method": "Target.createTarget", "params": {"url": "about:blank"}}))
            target = await _answer(connection, 1)
            await connection.send(json.dumps({"id": 2, "method": "Target.attachToTarget", "params": {**target, "flatten": True}}))
            tab.session = (await _answer(connection, 2))["sessionId"]
            for domain in ("Log", "Page"):
                await tab.tell(f"{domain}.enable")
            await tab.tell("Page.navigate", url=url)
            yield tab
    finally:
        browser.terminate()
        await browser.wait()


async def _answer(connection: ClientConnection, number: int) -> Any:
    async for message in connection:
        heard = json.loads(message)
        if heard.get("id") == number:
            return heard["result"]
    raise ConnectionError
