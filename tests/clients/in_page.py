"""What a page of the server does in a browser, in JavaScript, and what a person does at the provider."""

import json
from typing import Any

from tests.chromium import Tab
from tests.clients.oidc_provider import OidcProvider

FORGERY = "(document.cookie.match(/magistrate-csrf=([^;]*)/) || [])[1]"
STATUS = "performance.getEntriesByType('navigation')[0].responseStatus"


def asked(query: str, forgery: str = FORGERY, **fields: Any) -> str:
    """Sends a request, and has its answer."""
    body = json.dumps({"query": query, "variables": {"input": fields}})
    headers = f"{{'content-type': 'application/json', 'x-magistrate-csrf': {forgery}}}"
    return f"fetch('/graphql', {{method: 'POST', headers: {headers}, body: {json.dumps(body)}}}).then((answer) => answer.json())"


def listening(subscription: str, forgery: str = FORGERY) -> str:
    """Subscribes. `heard` is what came, and at the end the code that the socket was closed with."""
    subscribe = json.dumps({"type": "subscribe", "id": "1", "payload": {"query": subscription}})
    return f"""(() => {{
        window.heard = []
        const socket = new WebSocket(location.origin.replace('http', 'ws') + '/graphql', 'graphql-transport-ws')
        socket.onopen = () => socket.send(JSON.stringify({{type: 'connection_init', payload: {{csrf: {forgery}}}}}))
        socket.onclose = ({{code}}) => heard.push({{type: 'closed', code}})
        socket.onmessage = ({{data}}) => {{
            heard.push(JSON.parse(data))
            if (heard.at(-1).type === 'connection_ack') socket.send({json.dumps(subscribe)})
        }}
    }})()"""


def came(kind: str) -> str:
    """The message of that type, once `listening` has heard it."""
    return f"heard.find((each) => each.type === '{kind}')"


def at(place: str) -> str:
    """Whether the page at that place is there."""
    return f"location.href.startsWith('{place}') && document.readyState === 'complete'"


async def go(tab: Tab, place: str) -> None:
    await tab.tell("Page.navigate", url=place)


async def clicks(tab: Tab, selector: str) -> None:
    """Clicks what is there, or comes."""
    await tab.shows(f"document.readyState === 'complete' && !!document.querySelector('{selector}')")
    await tab.run(f"document.querySelector('{selector}').click()")


async def signs_in(tab: Tab, provider: OidcProvider, who: str) -> None:
    """Fills in the provider's form, once it is there."""
    await _is_asked(tab, provider)
    await tab.run(f"document.querySelector('input').value = '{who}'; document.querySelector('button').click()")


async def declines(tab: Tab, provider: OidcProvider) -> None:
    """Goes back from the provider's form without signing in, once it is there."""
    await _is_asked(tab, provider)
    await tab.run("document.querySelector('button[name=declines]').click()")


async def _is_asked(tab: Tab, provider: OidcProvider) -> None:
    await tab.shows(f"{at(provider.issuer)} && !!document.querySelector('input[name=account]')")


async def cookies(tab: Tab, server: str) -> dict[str, Any]:
    """The cookies of the server's sessions by name, with those that its pages cannot read."""
    found = (await tab.tell("Network.getCookies", urls=[server]))["cookies"]
    return {each["name"]: each for each in found if "magistrate" in each["name"]}


def code(answer: Any) -> str:
    """The code of what was refused."""
    return str(answer["errors"][0]["extensions"]["code"])
