"""The database's half of the modelled protocol: each function is one transaction, `None` when it hit no row.

They mirror what `glulam.ledger` does in SQL. Objects are touched in `worker.py` only.
"""

from __future__ import annotations

from protocol.state import (
    ABSENT,
    BATCH_FAILED,
    COMMITTED,
    DONE,
    FAILED,
    IDLE,
    PENDING,
    PROCESSING,
    QUARANTINED,
    READY,
    RUNNING,
    SPLIT,
    SUCCEEDED,
    SUPERSEDED,
    UNSEEN,
    Batch,
    Commit,
    Config,
    Manifest,
    Worker,
    World,
    versions_in,
)


def with_status(world: World, versions: int, status: str) -> World:
    files = tuple(status if versions >> v & 1 else old for v, old in enumerate(world.files))
    return world._replace(files=files)


def new_batch(state: str, members: int) -> Batch:
    return Batch(state, 0, 0, members, members, None, 0, (), (ABSENT, ABSENT))


def bits_with(world: World, *statuses: str) -> int:
    return sum(1 << v for v, status in enumerate(world.files) if status in statuses)


def register(config: Config, world: World, listed: tuple[int, ...]) -> World:
    """Insert what a lister saw; versions that are known stay as they are, older ones become SUPERSEDED."""
    files = list(world.files)
    for key, version in enumerate(listed):
        if version == ABSENT or files[version] != UNSEEN:
            continue
        others = [v for v, its_key in enumerate(config.keys) if its_key == key and v != version]
        files[version] = PENDING
        for other in others:
            older = other < version or config.without == "newest-by-time"
            if older and files[other] in (PENDING, FAILED, QUARANTINED):
                files[other] = SUPERSEDED
            elif not older and files[other] != UNSEEN:
                files[version] = SUPERSEDED
    return world._replace(files=tuple(files))


def claim_pending(config: Config, world: World) -> tuple[World, Worker] | None:
    """A new batch of all PENDING versions."""
    members = bits_with(world, PENDING)
    if not members:
        return None
    batch = new_batch(READY, members)
    return claim_running(config, world._replace(batches=(*world.batches, batch)), len(world.batches))


def claim_running(config: Config, world: World, number: int) -> tuple[World, Worker]:
    """Start an attempt of a READY batch, or of a RUNNING one whose lease ran out."""
    batch = world.batches[number]
    members = batch.members
    if config.without == "frozen-members" and batch.attempts:
        members = bits_with(world, PENDING, PROCESSING, FAILED)
    same = config.without == "epoch-per-claim" and batch.state == READY and batch.epoch > 0
    epoch = batch.epoch if same else batch.epoch + 1
    batch = batch._replace(state=RUNNING, epoch=epoch, attempts=batch.attempts + 1, members=members)
    work = members & ~bits_with(world, SUPERSEDED)
    world = with_status(world.with_batch(number, batch), work, PROCESSING)
    first = versions_in(work)[0] if work else 0
    return world, Worker("read" if work else "commit", number, epoch, work, 0, 0, epoch, first)


def claim_committed(world: World, number: int) -> tuple[World, Worker]:
    """Go on with a COMMITTED batch whose lease ran out, from its manifest."""
    batch = world.batches[number]
    batch = batch._replace(epoch=batch.epoch + 1)
    assert batch.manifest is not None
    source, files, content, _ = batch.manifest
    worker = Worker("link good", number, batch.epoch, files, files, content, source, 0)
    return world.with_batch(number, batch), worker


def commit(config: Config, world: World, sent: Commit, *, unknown: bool) -> World | None:
    """The decision: fenced by epoch and state."""
    batch = world.batches[sent.batch]
    if config.without != "fence":
        if batch.state != RUNNING:
            return None
        if batch.epoch != sent.epoch and config.without != "epoch":
            return None
    manifest = Manifest(sent.epoch, sent.files, sent.content, unknown)
    batch = batch._replace(state=COMMITTED, manifest=manifest, commits=min(2, batch.commits + 1))
    world = world.with_batch(sent.batch, batch)
    return with_status(with_status(world, sent.files, SUCCEEDED), sent.members & ~sent.files, SUPERSEDED)


def fail(config: Config, world: World, worker: Worker, *, transient: bool) -> World | None:
    """An attempt failed: again later, in halves, or (one file, last attempt) given up."""
    batch = world.batches[worker.batch]
    if batch.state != RUNNING or batch.epoch != worker.epoch:
        return None
    if batch.attempts < config.max_attempts and (transient or batch.members.bit_count() == 1):
        world = world.with_batch(worker.batch, batch._replace(state=READY))
        return with_status(world, worker.members, FAILED)
    return give_up(world, worker.batch)


def give_up(world: World, number: int) -> World:
    """The last attempt of a RUNNING batch is used up: split it, or quarantine its one file."""
    batch = world.batches[number]
    members = versions_in(batch.members)
    open_ones = batch.members & ~bits_with(world, SUPERSEDED)
    if len(members) == 1:
        world = world.with_batch(number, batch._replace(state=BATCH_FAILED))
        return with_status(world, open_ones, QUARANTINED)
    half = len(members) // 2
    halves = [new_batch(READY, sum(1 << v for v in part)) for part in (members[:half], members[half:])]
    world = world.with_batch(number, batch._replace(state=SPLIT))
    return with_status(world._replace(batches=(*world.batches, *halves)), open_ones, FAILED)


def finish(world: World, worker: Worker) -> World | None:
    batch = world.batches[worker.batch]
    if batch.state != COMMITTED or batch.epoch != worker.epoch:
        return None
    return world.with_batch(worker.batch, batch._replace(state=DONE))


def look_up(world: World, worker: Worker) -> Worker:
    """What a worker does that does not know whether its commit took effect: ask, and go on from there."""
    batch = world.batches[worker.batch]
    if batch.epoch != worker.epoch:
        return IDLE
    if batch.state == COMMITTED:
        return worker.then("link good")
    return worker.then("commit") if batch.state == RUNNING else IDLE
