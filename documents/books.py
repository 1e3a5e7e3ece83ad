"""What is compared with the trail: every kind of record that events tell of."""

from documents.audit.books import Books
from documents.eligibility.rejudged import rejudged
from documents.kinds import RECORDS
from documents.versions.version import ModelVersion

BOOKS = Books(tuple(each for each in RECORDS if each.told()), ModelVersion, rejudged)
