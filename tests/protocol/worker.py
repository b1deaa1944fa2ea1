"""The steps of one worker between its claim and DONE, each as small as an outside event could tell apart.

    read (each file) -> stage good -> stage dead -> commit -> link good -> unlink good -> link dead
         -> unlink dead -> copy, delete (each file) -> finish -> clean -> idle
    commit -> unknown -> look up the batch -> link good | commit | idle

Publishing is a move: `link` makes the final name appear, `unlink` takes the staged one away.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from protocol.state import (
    ABSENT,
    BATCH_FAILED,
    DEAD,
    DONE,
    GOOD,
    IDLE,
    READY,
    SPLIT,
    Batch,
    Commit,
    Config,
    Staged,
    Worker,
    World,
)
from protocol.transactions import commit, fail, finish, look_up


class Move(NamedTuple):
    """One step: what it is called, and the world and the worker after it."""

    label: str
    world: World
    worker: Worker


def step(config: Config, world: World, me: Worker) -> Move:
    """The next step of a worker that is not idle and meets no fault."""
    label, after, moved = _STEPS[me.step](config, world, me)
    return Move(f"batch {me.batch} epoch {me.epoch}: {label}", after, moved)


def failures(config: Config, world: World, me: Worker) -> Iterator[Move]:
    """What an attempt that goes wrong by itself leads to: for a passing reason, or for one that stays."""
    if me.step not in ("read", "stage good", "stage dead", "commit"):
        return
    seen: list[World] = []
    for transient in (True, False):
        after = fail(config, world, me, transient=transient) or world
        if after not in seen:
            seen.append(after)
            yield Move(f"batch {me.batch} epoch {me.epoch}: fails at {me.step}", after, IDLE)


def lose_answer(world: World, me: Worker) -> Move | None:
    """The connection breaks while the commit is on its way."""
    if me.step != "commit":
        return None
    sent = Commit(me.batch, me.epoch, me.members, me.files, me.content)
    after = world._replace(in_flight=tuple(sorted((*world.in_flight, sent))))
    label = f"batch {me.batch} epoch {me.epoch}: connection lost during commit"
    return Move(label, after, me.then("unknown"))


def sweepable(batch: Batch, staged: Staged) -> bool:
    """Whether a staged file can never be needed again, by the batch's row alone. Once true it stays true."""
    if batch.state in (DONE, SPLIT, BATCH_FAILED):
        return True
    if batch.manifest is not None:
        return staged.epoch != batch.manifest.epoch
    return staged.epoch < batch.epoch or (batch.state == READY and staged.epoch == batch.epoch)


def sweep_staging(world: World) -> World | None:
    """Remove staged files that no commit can refer to any more, of every batch."""
    changed = False
    for number, batch in enumerate(world.batches):
        kept = tuple(staged for staged in batch.staged if not sweepable(batch, staged))
        if kept != batch.staged:
            world, changed = world.with_batch(number, batch.holding(kept, batch.final)), True
    return world if changed else None


def _next_in(bits: int, after: int) -> int:
    """The lowest version in `bits` above `after`; -1 when there is none."""
    above = bits >> (after + 1) << (after + 1)
    return (above & -above).bit_length() - 1


def _read(config: Config, world: World, me: Worker) -> Move:
    version = me.at
    if config.poison >> version & 1:
        return Move(f"cannot read v{version}", fail(config, world, me, transient=False) or world, IDLE)
    found = world.raw[config.keys[version]]
    files, content, label = me.files, me.content, f"v{version} is gone"
    if found == version or (found != ABSENT and config.without == "etag-on-read"):
        files, content, label = files | 1 << version, content | 1 << found, f"reads v{version}, gets v{found}"
    following = _next_in(me.members, version)
    after = "read" if following >= 0 else ("stage good" if content else "commit")
    moved = Worker(after, me.batch, me.epoch, me.members, files, content, me.source, max(following, 0))
    return Move(label, world, moved)


def _stage(world: World, me: Worker, kind: int) -> World:
    batch = world.batches[me.batch]
    others = [s for s in batch.staged if (s.epoch, s.kind) != (me.epoch, kind)]
    staged = tuple(sorted([*others, Staged(me.epoch, kind, me.content)]))
    return world.with_batch(me.batch, batch.holding(staged, batch.final))


def _stage_good(config: Config, world: World, me: Worker) -> Move:
    return Move("stages its good rows", _stage(world, me, GOOD), me.then("stage dead"))


def _stage_dead(config: Config, world: World, me: Worker) -> Move:
    return Move("stages its dead letters", _stage(world, me, DEAD), me.then("commit"))


def _commit(config: Config, world: World, me: Worker) -> Move:
    after = commit(config, world, Commit(me.batch, me.epoch, me.members, me.files, me.content), unknown=False)
    if after is None:
        return Move("commit is fenced", world, me if config.without == "stop-when-fenced" else IDLE)
    return Move("commits", after, me.then("link good"))


def _ask(config: Config, world: World, me: Worker) -> Move:
    if config.without != "ask-after-unknown":
        return Move("looks its batch up", world, look_up(world, me))
    batch = world.batches[me.batch]
    kept = tuple(staged for staged in batch.staged if staged.epoch != me.epoch)
    world = world.with_batch(me.batch, batch.holding(kept, batch.final))
    return Move("takes unknown for failed", fail(config, world, me, transient=True) or world, IDLE)


def _link(config: Config, world: World, me: Worker, kind: int) -> Move:
    batch = world.batches[me.batch]
    after = me.then(("unlink good", "unlink dead")[kind])
    if not me.content or config.without == "staging":
        return Move("has nothing to publish", world, _archiving(me))
    if batch.final[kind] != ABSENT:
        return Move(f"finds output {kind} published", world, after)
    for staged in batch.staged:
        if (staged.epoch, staged.kind) == (me.source, kind):
            final = (staged.content, batch.final[1]) if kind == GOOD else (batch.final[0], staged.content)
            return Move(
                f"publishes output {kind}",
                world.with_batch(me.batch, batch.holding(batch.staged, final)),
                after,
            )
    return Move(f"output {kind} is nowhere", world, me.then("broken"))


def _unlink(world: World, me: Worker, kind: int) -> World:
    batch = world.batches[me.batch]
    kept = tuple(s for s in batch.staged if (s.epoch, s.kind) != (me.source, kind))
    return world.with_batch(me.batch, batch.holding(kept, batch.final))


def _link_good(config: Config, world: World, me: Worker) -> Move:
    return _link(config, world, me, GOOD)


def _link_dead(config: Config, world: World, me: Worker) -> Move:
    return _link(config, world, me, DEAD)


def _unlink_good(config: Config, world: World, me: Worker) -> Move:
    return Move("removes staged output 0", _unlink(world, me, GOOD), me.then("link dead"))


def _unlink_dead(config: Config, world: World, me: Worker) -> Move:
    return Move("removes staged output 1", _unlink(world, me, DEAD), _archiving(me))


def _archiving(me: Worker, after: int = -1) -> Worker:
    following = _next_in(me.files, after)
    return me.about("finish" if following < 0 else "copy", max(following, 0))


def _copy(config: Config, world: World, me: Worker) -> Move:
    if world.raw[config.keys[me.at]] != me.at:
        return Move(f"v{me.at} is not in raw", world, _archiving(me, me.at))
    after = world._replace(archived=world.archived | 1 << me.at)
    return Move(f"copies v{me.at} to the archive", after, me.then("delete"))


def _delete(config: Config, world: World, me: Worker) -> Move:
    key = config.keys[me.at]
    after = _archiving(me, me.at)
    if world.raw[key] == me.at or config.without == "etag-on-delete":
        return Move(
            f"deletes v{me.at} from raw",
            world._replace(raw=(*world.raw[:key], ABSENT, *world.raw[key + 1 :])),
            after,
        )
    return Move(f"leaves raw, which is not v{me.at}", world, after)


def _finish(config: Config, world: World, me: Worker) -> Move:
    after = finish(world, me)
    if after is None:
        return Move("finish is fenced", world, IDLE)
    return Move("is done", after, me.then("clean"))


def _clean(config: Config, world: World, me: Worker) -> Move:
    cleaned = world.batches[me.batch]._replace(staged=())
    return Move("removes its staging", world.with_batch(me.batch, cleaned), IDLE)


_STEPS = {
    "read": _read,
    "stage good": _stage_good,
    "stage dead": _stage_dead,
    "commit": _commit,
    "unknown": _ask,
    "link good": _link_good,
    "unlink good": _unlink_good,
    "link dead": _link_dead,
    "unlink dead": _unlink_dead,
    "copy": _copy,
    "delete": _delete,
    "finish": _finish,
    "clean": _clean,
}
