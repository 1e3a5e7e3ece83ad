"""Which form the stored data have, and the way from an older form to that of this release."""

from documents.migrations.record import Migration
from documents.migrations.run import SCHEMA, SEALED, check, form, migrate, pending, told_by_collection
from documents.migrations.steps import STEPS

__all__ = ["SCHEMA", "SEALED", "STEPS", "Migration", "check", "form", "migrate", "pending", "told_by_collection"]
