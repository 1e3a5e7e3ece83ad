"""Idempotency keys: a mutation that a client sends again, because its answer was lost, takes effect once.

The header's name is that of draft-ietf-httpapi-idempotency-key-header.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from re import fullmatch
from typing import Any, ClassVar, Self

from pydantic import BaseModel, Field

from documents.access import Actor
from documents.audit.trail import Receipt
from documents.canonical import digest
from documents.errors import InvalidHeader, KeyReused
from documents.store.indexes import Index
from documents.store.record import Record
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
    """The mutation that took effect under a key, and what its payload is made of when it is sent again. It has no event."""

    keys: ClassVar = ("claim",)

    claim: Digest = Field(description="The SHA-256 of the caller, the key and the field that was answered.")
    asked: Digest = Field(description="The SHA-256 of the mutation and its input.")
    receipt: Receipt = Field(description="The receipt that was answered.")
    payload: dict[str, Any] = Field(description="The ids of the payload's records, and the names of what it shows of them.")
    at: Moment = Field(description="The time the key was used.")

    collection: ClassVar = "idempotency_keys"
    indexes: ClassVar = [Index(("at",), expires_after=KEPT_FOR)]

    @classmethod
    async def used(cls, claim: Claim) -> Self | None:
        """The record of the mutation that took effect under the claim's key; None if none did.

        Raises KeyReused if that mutation asked for something else.
        """
        before = await cls.wanted(claim.key)
        if before and before.asked != claim.asked:
            raise KeyReused(claim.header)
        return before

    @classmethod
    async def keep(cls, claim: Claim, receipt: Receipt, payload: dict[str, Any], at: datetime) -> None:
        """Stores what took effect, in the transaction in which it did."""
        kept = cls(claim=claim.key, asked=claim.asked, receipt=receipt, payload=payload, at=at)
        await kept.insert_unrecorded()
