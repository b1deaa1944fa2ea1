"""The state of the modelled ingest protocol, and what a model run may do to it.

A state is a nest of tuples: hashable, shared between successors, quick to compare. Sets of file versions are
bit sets. Texts stand in for the enums of `glulam.model.states` (same values), since a text keeps its hash and
an enum member does not. What the steps do with a state is in `transactions.py`, `worker.py` and `model.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from glulam.model.states import BatchState, FileStatus

UNSEEN = "UNSEEN"  # the file version is not in the ledger (yet)
PENDING = FileStatus.PENDING.value
PROCESSING = FileStatus.PROCESSING.value
SUCCEEDED = FileStatus.SUCCEEDED.value
FAILED = FileStatus.FAILED.value
QUARANTINED = FileStatus.QUARANTINED.value
SUPERSEDED = FileStatus.SUPERSEDED.value

READY = BatchState.READY.value
RUNNING = BatchState.RUNNING.value
COMMITTED = BatchState.COMMITTED.value
DONE = BatchState.DONE.value
SPLIT = BatchState.SPLIT.value
BATCH_FAILED = BatchState.FAILED.value

ABSENT = -1  # no object under that name
GOOD, DEAD = 0, 1  # the two outputs of a batch: curated rows, dead letters


class Manifest(NamedTuple):
    """What the commit decided; written once."""

    epoch: int
    """Whose staging folder holds the files."""
    files: int
    """File versions that it accounts for (each: 2 read = 1 written + 1 rejected)."""
    content: int
    """Versions whose rows are in the staged files. The same as `files`, unless a safeguard is missing."""
    unknown: bool
    """History: the worker lost the connection during this commit."""


class Staged(NamedTuple):
    epoch: int
    kind: int
    content: int


class Batch(NamedTuple):
    state: str
    epoch: int
    attempts: int
    members: int
    born: int
    """History: the members at creation."""
    manifest: Manifest | None
    commits: int
    """History: how often a commit took effect."""
    staged: tuple[Staged, ...]
    final: tuple[int, int]
    """Content of the published files, by kind."""

    def holding(self, staged: tuple[Staged, ...], final: tuple[int, int]) -> Batch:
        """The same row of the database, with other objects in the store."""
        state, epoch, attempts, members, born, manifest, commits, _, _ = self
        return Batch(state, epoch, attempts, members, born, manifest, commits, staged, final)


class Commit(NamedTuple):
    """A commit on its way: sent by a worker that lost the connection, not yet applied or dropped."""

    batch: int
    epoch: int
    members: int
    files: int
    content: int


class World(NamedTuple):
    """Object store and database: all that outlives a worker."""

    raw: tuple[int, ...]
    """The version that lies under each key, or ABSENT."""
    archived: int
    written: int
    """History: versions that the user has written so far."""
    overwritten: int
    """History: versions that the user replaced while they lay in the raw zone."""
    files: tuple[str, ...]
    batches: tuple[Batch, ...]
    in_flight: tuple[Commit, ...]

    def with_batch(self, number: int, batch: Batch) -> World:
        raw, archived, written, overwritten, files, batches, in_flight = self
        batches = (*batches[:number], batch, *batches[number + 1 :])
        return World(raw, archived, written, overwritten, files, batches, in_flight)


class Worker(NamedTuple):
    """A worker's memory; lost in a crash."""

    step: str
    batch: int
    epoch: int
    members: int
    files: int
    """Members that were read, not superseded."""
    content: int
    """Versions whose bytes were in fact read."""
    source: int
    """Epoch of the staging folder to publish from."""
    at: int
    """The version that the next READ, COPY or DELETE is about."""

    def then(self, step: str) -> Worker:
        """The same memory, at another step. (`_replace` takes twice the time.)"""
        _, batch, epoch, members, files, content, source, at = self
        return Worker(step, batch, epoch, members, files, content, source, at)

    def about(self, step: str, at: int) -> Worker:
        _, batch, epoch, members, files, content, source, _ = self
        return Worker(step, batch, epoch, members, files, content, source, at)


IDLE = Worker("idle", 0, 0, 0, 0, 0, 0, 0)


class Budget(NamedTuple):
    """How many more faults may happen."""

    crashes: int = 0
    expiries: int = 0
    """Leases that run out although their holder is alive and goes on."""
    failures: int = 0
    """Attempts that fail by themselves, for a passing reason or not."""
    unknowns: int = 0
    """Commits whose answer is lost."""
    listings: int = 0
    """Lister runs that nothing called for, beside those that a new version calls for."""


NO_FAULTS = Budget()


class State(NamedTuple):
    world: World
    workers: tuple[Worker, Worker]
    """In sorted order: the workers are interchangeable."""
    listings: tuple[tuple[int, ...], ...]
    """Lister runs that have listed and not yet registered what they saw."""
    budget: Budget


@dataclass(frozen=True, kw_only=True)
class Config:
    """One model to explore: its files, its faults, and the safeguard that is taken out (see `SAFEGUARDS`)."""

    files: int = 1
    """Keys in the raw zone at the start. Version n < files is the first of key n."""
    overwrites: tuple[int, ...] = ()
    """Keys that the user overwrites, at any time, in this order: version files, files + 1, ..."""
    poison: int = 0
    """Versions whose reading fails each time (bit set)."""
    max_attempts: int = 2
    budget: Budget = NO_FAULTS
    without: str = ""

    @cached_property
    def keys(self) -> tuple[int, ...]:
        """The key of each version."""
        return (*range(self.files), *self.overwrites)


SAFEGUARDS = {
    "fence": "the commit is conditional on epoch and state",
    "epoch": "the commit is conditional on the epoch, not on the state alone",
    "staging": "files get their final names after the commit",
    "etag-on-read": "a raw file is read on condition that it is the version that was listed",
    "etag-on-delete": "a raw file is deleted on condition that it is the version that was archived",
    "ask-after-unknown": "a commit of unknown outcome is looked up, and nothing deleted",
    "frozen-members": "a batch keeps the members it was created with",
    "epoch-per-claim": "each claim of a batch gets an epoch of its own, also after a failed attempt",
    "take-over": "a batch whose lease ran out is taken over",
    "stop-when-fenced": "a worker whose commit was fenced stops",
    "newest-by-time": "of two versions of a key the newer is the one written later, not registered later",
}


def initial(config: Config) -> State:
    world = World(
        raw=tuple(range(config.files)),
        archived=0,
        written=(1 << config.files) - 1,
        overwritten=0,
        files=(UNSEEN,) * len(config.keys),
        batches=(),
        in_flight=(),
    )
    return State(world, (IDLE, IDLE), (), config.budget)


def versions_in(bits: int) -> list[int]:
    return [version for version in range(bits.bit_length()) if bits >> version & 1]
