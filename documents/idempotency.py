"""Idempotency keys: a mutation that a client sends again, because its answer was lost, takes effect once.

The header's name is that of draft-ietf-httpapi-idempotency-key-header.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from re import fullmatch
from typing import ClassVar, Self

from pydantic import BaseModel, Field

from documents.access import Actor
from documents.audit.event import AuditEvent
from documents.audit.sealing import keyring, sealed
from documents.audit.trail import Receipt
from documents.canonical import digest
from documents.errors import InvalidHeader, KeyReused
from documents.seals import FIELD, problem_of
from documents.store.indexes import Index
from documents.store.record import Record
from documents.store.standins import unreadable
from documents.values import Digest, Moment

HEADER, KEPT_FOR = "Idempotency-Key", timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Claim:
    """The identity of a mutation that may be sent again (`key`), and what it asks for (`asked`).

    Both are digests, because an input can hold secrets and personal data.
    """

    header: str
    key: str
    asked: str

    @classmethod
    def of(cls, header: str, field: str, mutation: str, input: BaseModel, by: Actor) -> Self:
        """The claim of the mutation that the operation answers as `field`. A field left out of the input differs from null.

        Raises InvalidHeader unless the header is 1 to 200 printable ASCII characters.
        """
        if not fullmatch("[ -~]{1,200}", header):
            raise InvalidHeader(HEADER, "must be 1 to 200 printable ASCII characters")
        return cls(header, digest([by.type, by.id, header, field]), digest([mutation, input.model_dump(exclude_unset=True)]))


class IdempotencyKey(Record):
    """The mutation that took effect under a key, and what its payload is made of when it is sent again.

    It has no event. A seal under the secret key proves that a server stored it.
    """

    keys: ClassVar = ("claim",)

    claim: Digest = Field(description="The SHA-256 of the caller, the key and the field that was answered.")
    asked: Digest = Field(description="The SHA-256 of the mutation and its input.")
    receipt: Receipt = Field(description="The receipt that was answered.")
    payload: dict[str, str | None] = Field(
        description="The ids of the payload's records, and the names of what it shows of them, as texts."
    )
    at: Moment = Field(description="The time the key was used.")

    collection: ClassVar = "idempotency_keys"
    indexes: ClassVar = [Index(("at",), expires_after=KEPT_FOR)]

    @classmethod
    async def used(cls, claim: Claim) -> Self | None:
        """The record of the mutation that took effect under the claim's key; None if none did.

        Raises KeyReused if that mutation asked for something else, and Unreadable for what no server stored: an answer from it
        would tell of a mutation that nobody made.
        """
        row = await cls.raw_first({"claim": claim.key})
        if row is None:
            return None
        if problem_of(cls.__name__, claim.key, row, keyring()):
            raise unreadable(cls, row, FIELD)
        before = cls.hydrated(row)
        told = await AuditEvent.raw_first({"seq": before.receipt.seq}) or {}
        if (told.get("event_id"), told.get("event_hash")) != (before.receipt.event_id, before.receipt.event_hash):
            raise unreadable(cls, row, "receipt")
        if before.asked != claim.asked:
            raise KeyReused(claim.header)
        return before

    @classmethod
    async def keep(cls, claim: Claim, receipt: Receipt, payload: dict[str, str | None], at: datetime) -> None:
        """Stores what took effect, in the transaction in which it did."""
        kept = cls(claim=claim.key, asked=claim.asked, receipt=receipt, payload=payload, at=at)
        await cls.insert_raws([sealed(kept, kept._as_stored(), receipt.seq)])
