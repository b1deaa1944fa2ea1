"""Explicit-state model of the ingest protocol (docs/protocol.md): what can happen next in a small lake.

Two workers, listers, and an environment that crashes workers, lets leases run out, cuts connections and
overwrites raw files, each within a budget. `checker.py` walks all interleavings and checks `invariants.py`.
What is left to others: that the code does what the model says (crash tests, tests on the real database).

Not modelled: heartbeats (a lease is held or has run out), deletion of raw files by the user, a return of an
old content under its old etag, `files retry|skip`, replay and compaction batches, a staged file that is half
written (nothing refers to it), a delete that is not atomic with its etag condition (the `etag-on-delete`
case shows what that costs).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from protocol import transactions, worker
from protocol.state import ABSENT, COMMITTED, IDLE, READY, RUNNING, UNSEEN, Config, State, Worker, World

Successor = tuple[str, State]
"""What happened, and the state after it."""


def _state(state: State, world: World, mine: Worker, other: Worker, **budget: int) -> State:
    pair = (mine, other) if mine <= other else (other, mine)
    if budget:
        return State(world, pair, state.listings, state.budget._replace(**budget))
    return State(world, pair, state.listings, state.budget)


def duties(config: Config, state: State) -> Iterator[Successor]:
    """Steps that the protocol itself takes, and will take unless something else comes first."""
    world, (left, right) = state.world, state.workers
    for mine, other in ((left, right), (right, left)) if left != right else ((left, right),):
        if mine.step == "idle":
            for label, after, claimed in _claims(config, world, other, lapsed=True):
                yield label, _state(state, after, claimed, other)
        elif mine.step != "broken":
            label, after, moved = worker.step(config, world, mine)
            yield label, _state(state, after, moved, other)
    for sent in set(world.in_flight):
        place = world.in_flight.index(sent)
        rest = world._replace(in_flight=world.in_flight[:place] + world.in_flight[place + 1 :])
        name = f"the commit of batch {sent.batch} epoch {sent.epoch}"
        yield f"{name} is dropped", state._replace(world=rest)
        landed = transactions.commit(config, rest, sent, unknown=True)
        if landed is not None:
            yield f"{name} takes effect", state._replace(world=landed)
    if _wants_listing(state):
        yield "a lister lists", state._replace(listings=_sorted((*state.listings, world.raw)))
    for listed in set(state.listings):
        others = list(state.listings)
        others.remove(listed)
        after = transactions.register(config, world, listed)
        yield f"a lister registers {listed}", state._replace(world=after, listings=_sorted(others))


def faults(config: Config, state: State) -> Iterator[Successor]:
    """What may happen at any time, and need not: each within its budget."""
    world, (left, right), budget = state.world, state.workers, state.budget
    for mine, other in ((left, right), (right, left)) if left != right else ((left, right),):
        if mine.step == "idle":
            if budget.expiries:
                for label, after, claimed in _claims(config, world, other, lapsed=False):
                    yield (
                        f"lease runs out; {label}",
                        _state(state, after, claimed, other, expiries=budget.expiries - 1),
                    )
            continue
        if budget.crashes:
            label = f"batch {mine.batch} epoch {mine.epoch}: crash at {mine.step}"
            yield label, _state(state, world, IDLE, other, crashes=budget.crashes - 1)
        if budget.failures:
            for label, after, moved in worker.failures(config, world, mine):
                yield label, _state(state, after, moved, other, failures=budget.failures - 1)
        if budget.unknowns and (lost := worker.lose_answer(world, mine)):
            yield lost.label, _state(state, lost.world, lost.worker, other, unknowns=budget.unknowns - 1)
    if budget.listings and len(state.listings) < 2:
        fewer = budget._replace(listings=budget.listings - 1)
        yield (
            "another lister lists",
            state._replace(listings=_sorted((*state.listings, world.raw)), budget=fewer),
        )
    if (overwrite := _overwrite(config, world)) is not None:
        yield f"the user writes v{world.written.bit_length()}", state._replace(world=overwrite)
    if (swept := worker.sweep_staging(world)) is not None:
        yield "leftover staging is swept", state._replace(world=swept)


def _sorted(listings: Iterable[tuple[int, ...]]) -> tuple[tuple[int, ...], ...]:
    return tuple(sorted(listings))


def _claims(config: Config, world: World, other: Worker, *, lapsed: bool) -> Iterator[worker.Move]:
    """What an idle worker may take. `lapsed`: what nobody holds; else: what the other still works on."""
    for number, batch in enumerate(world.batches):
        held = other.step != "idle" and (other.batch, other.epoch) == (number, batch.epoch)
        name = f"batch {number}"
        if batch.state == READY and lapsed:
            yield worker.Move(f"{name} is claimed again", *transactions.claim_running(config, world, number))
        elif held == lapsed or config.without == "take-over":
            continue
        elif batch.state == COMMITTED:
            yield worker.Move(
                f"{name} is taken over, committed", *transactions.claim_committed(world, number)
            )
        elif batch.state == RUNNING and batch.attempts < config.max_attempts:
            yield worker.Move(f"{name} is taken over", *transactions.claim_running(config, world, number))
        elif batch.state == RUNNING:
            yield worker.Move(f"{name} used up its attempts", transactions.give_up(world, number), IDLE)
    if lapsed and (claimed := transactions.claim_pending(config, world)):
        yield worker.Move(f"batch {len(world.batches)} is claimed", *claimed)


def _wants_listing(state: State) -> bool:
    """Whether a version lies in raw that neither the ledger nor a lister under way has seen."""
    for key, version in enumerate(state.world.raw):
        known = version == ABSENT or state.world.files[version] != UNSEEN
        if not known and all(listed[key] != version for listed in state.listings):
            return True
    return False


def _overwrite(config: Config, world: World) -> World | None:
    version = world.written.bit_length()
    if version >= len(config.keys):
        return None
    key = config.keys[version]
    replaced = world.raw[key]
    gone = world.overwritten if replaced == ABSENT else world.overwritten | 1 << replaced
    raw = (*world.raw[:key], version, *world.raw[key + 1 :])
    return world._replace(raw=raw, written=world.written | 1 << version, overwritten=gone)
