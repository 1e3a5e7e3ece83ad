"""Programs that sign in by an issuer: which rule lets one in, and what the trail tells of its run. Pure."""

from collections.abc import Iterable, Mapping
from typing import Any

from documents.issuers import Issuer, Rule
from documents.reach import matches

TOLD_LENGTH = 150
TOLD = (
    ("repository", "project_path", "kubernetes.io/namespace"),
    ("run_id", "pipeline_id", "kubernetes.io/pod/name"),
    ("job_workflow_ref", "workflow_ref", "ci_config_ref_uri", "kubernetes.io/serviceaccount/name"),
)
"""The claims in which GitHub, GitLab and Kubernetes say where a run belongs, which it is, and what defines it."""


def rule_for(issuer: Issuer, claims: Mapping[str, Any]) -> Rule | None:
    """The first rule of which all claims match; None if no rule does."""
    return next((each for each in issuer.rule if all(_fits(claims, name, glob) for name, glob in each.claims.items())), None)


def _fits(claims: Mapping[str, Any], name: str, glob: str) -> bool:
    said = _said(claims, name)
    return said is not None and matches([glob], said)


def _said(claims: Mapping[str, Any], name: str) -> str | None:
    """A claim as text; a claim inside others is named by a path with `/`, as `kubernetes.io/namespace`."""
    found: Any = claims.get(name)
    if found is None:
        found = claims
        for step in name.split("/"):
            found = found.get(step) if isinstance(found, dict) else None
    if isinstance(found, bool):
        return str(found).lower()
    return str(found) if isinstance(found, str | int) else None


def run_of(issuer: Issuer, claims: Mapping[str, Any]) -> str:
    """Who acts, as events tell it: the issuer, the repository, the run and the workflow, as far as the token says them."""
    said = [next((text for each in names if (text := _said(claims, each))), "") for names in TOLD]
    told = [f"{what}{_printable(text)}" for what, text in zip(("", "run ", "by "), said, strict=True) if text]
    return " ".join([f"{issuer.name}:", *(told or [_printable(str(claims.get("sub", "")))])])


def refused(issuer: Issuer, claims: Mapping[str, Any]) -> str:
    """Why no rule lets a program in, with what the rules ask about and the token says."""
    asked: Iterable[str] = dict.fromkeys(name for each in issuer.rule for name in each.claims)
    said = ", ".join(f"{name} {_printable(_said(claims, name) or 'missing')}" for name in asked)
    return f"no rule of {issuer.name} lets this program in: {said}"


def _printable(text: str) -> str:
    return "".join(each if each.isprintable() else "?" for each in text)[:TOLD_LENGTH]
