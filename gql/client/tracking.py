"""Registered models of an MLflow tracking server, by its REST API: registered-models/search and model-versions/search.

It signs in as MLflow's own client does: by MLFLOW_TRACKING_TOKEN, or by MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gql.client.exits import Ended, Exit
from gql.client.sources import Source, registered

SCHEME, URI = "mlflow:", "MLFLOW_TRACKING_URI"
TOKEN, USER, PASSWORD = "MLFLOW_TRACKING_TOKEN", "MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD"
API = "/api/2.0/mlflow/"
AT_ONCE = 100  # models or versions of a page
MOST = 1_000  # pages: a server that names the same page for ever ends there
PATIENCE = 30.0  # seconds for an answer


def read(asked: str) -> Iterator[Source]:
    """The registered models of the server that `mlflow:URL` names, or `mlflow:` and MLFLOW_TRACKING_URI; Ended if it has none."""
    url = (asked.removeprefix(SCHEME) or os.environ.get(URI, "")).rstrip("/")
    if not url.startswith(("http://", "https://")):
        raise Ended(Exit.USAGE, f"{asked!r} names no tracking server: say {SCHEME}https://..., or set {URI}")
    for model in _all(url, "registered-models/search", "registered_models"):
        name = model["name"]
        quoted = name.replace("'", "''")
        versions = list(_all(url, "model-versions/search", "model_versions", filter=f"name='{quoted}'"))
        yield registered(Path("models:") / name, model, versions)


def _all(url: str, path: str, of: str, **asked: str) -> Iterator[dict[str, Any]]:
    """All records of a search, page by page; those without a name are left out."""
    token = ""
    for _ in range(MOST):
        said = _get(f"{url}{API}{path}", {**asked, "max_results": str(AT_ONCE)} | ({"page_token": token} if token else {}))
        listed = said.get(of)
        yield from (each for each in listed or () if isinstance(each, dict) and isinstance(each.get("name"), str))
        token = said.get("next_page_token") or ""
        if not token:
            return
    raise Ended(Exit.OUT_OF_REACH, f"{url} has more than {MOST * AT_ONCE:,} records at {path}, or names the same page again")


def _get(url: str, asked: dict[str, str]) -> dict[str, Any]:
    import httpx

    token, user = os.environ.get(TOKEN), os.environ.get(USER)
    headers = {"authorization": f"Bearer {token}"} if token else {}
    signed = httpx.BasicAuth(user, os.environ.get(PASSWORD, "")) if user and not token else None
    try:
        answer = httpx.get(url, params=asked, headers=headers, auth=signed, timeout=PATIENCE)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise Ended(Exit.OUT_OF_REACH, f"{url} is out of reach: {error}") from error
    if answer.status_code in (401, 403):
        raise Ended(Exit.NOT_PERMITTED, f"{url} answers {answer.status_code}: set {TOKEN}, or {USER} and {PASSWORD}")
    try:
        said = answer.raise_for_status().json()
    except (httpx.HTTPStatusError, ValueError) as error:
        raise Ended(Exit.OUT_OF_REACH, f"{url} answers {answer.status_code}, and no tracking server of MLflow does so") from error
    if not isinstance(said, dict):
        raise Ended(Exit.OUT_OF_REACH, f"{url} answers with no object, and no tracking server of MLflow does so")
    return said
