"""What was read and how far: file versions, the batches that carry them, and what they became.

    files     register, list, retry, skip               claims    claim: hand out the next batch
    batches   heartbeat, finish, reload, create         settle    commit, settle_replay
    failures  fail: retry, split, quarantine            outputs   add, live, retire

Functions take a psycopg connection; the caller owns the transaction, so that a commit is one.
"""

from glulam.ledger.batches import BatchKind, BatchNow, Claim, ClaimPolicy
from glulam.ledger.claims import claim
from glulam.ledger.failures import FailOutcome, fail
from glulam.ledger.files import FileVersion, LedgerEntry, Registration
from glulam.ledger.outputs import OutputFile
from glulam.ledger.settle import FileCounts, commit, settle_replay

__all__ = [
    "BatchKind",
    "BatchNow",
    "Claim",
    "ClaimPolicy",
    "FailOutcome",
    "FileCounts",
    "FileVersion",
    "LedgerEntry",
    "OutputFile",
    "Registration",
    "claim",
    "commit",
    "fail",
    "settle_replay",
]
