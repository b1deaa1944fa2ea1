"""The ingest protocol holds in every interleaving, and falls when one of its safeguards is taken out."""

from __future__ import annotations

from dataclasses import replace

import pytest

from glulam.model.states import BatchState, FileStatus
from protocol.checker import ALL, Result, explore, hunt
from protocol.model import duties, faults
from protocol.state import SAFEGUARDS, UNSEEN, Budget, Config, State, initial

QUICK = {
    "one file, overwritten": Config(overwrites=(0,), budget=Budget(crashes=1, expiries=1)),
    "overwritten, stale listing": Config(overwrites=(0,), budget=Budget(expiries=1, listings=1)),
    "two files, unknown commit": Config(files=2, budget=Budget(crashes=1, expiries=1, unknowns=1)),
    "two files, one poisoned": Config(files=2, poison=1, budget=Budget(crashes=1, expiries=1)),
    "two files, failures": Config(files=2, budget=Budget(failures=2, unknowns=1)),
    "two files, overwritten": Config(files=2, overwrites=(0,), budget=Budget(crashes=1)),
    "crash upon crash": Config(files=2, budget=Budget(crashes=3)),
}

SWEEP = {
    "every fault but failures": Config(
        overwrites=(0,), budget=Budget(crashes=1, expiries=1, unknowns=1, listings=1)
    ),
    "two crashes, two false expiries": Config(overwrites=(0,), budget=Budget(crashes=2, expiries=2)),
    "two files, one poisoned, one overwritten": Config(
        files=2, overwrites=(1,), poison=1, budget=Budget(crashes=1, expiries=1)
    ),
}

ONCE_UNKNOWN = Config(budget=Budget(unknowns=1))
ONE_EXPIRY = Config(budget=Budget(expiries=1))
OVERWRITTEN = Config(overwrites=(0,))

MUTATIONS = [
    ("fence", "SINGLE-COMMIT", ONE_EXPIRY),
    ("fence", "CONSERVE", ONE_EXPIRY),
    ("epoch", "CONSERVE", ONE_EXPIRY),
    ("epoch", "ACCOUNT", ONE_EXPIRY),
    ("staging", "COMMIT-BEFORE-VISIBLE", Config()),
    ("etag-on-read", "CONSERVE", OVERWRITTEN),
    ("etag-on-delete", "NO-SOURCE-LOSS", OVERWRITTEN),
    ("ask-after-unknown", "UNKNOWN-IS-NOT-FAILED", ONCE_UNKNOWN),
    ("ask-after-unknown", "CONSERVE", ONCE_UNKNOWN),
    ("ask-after-unknown", "PROGRESS", ONCE_UNKNOWN),
    ("frozen-members", "FROZEN", Config(overwrites=(0,), budget=Budget(crashes=1))),
    ("frozen-members", "CONSERVE", Config(overwrites=(0,), budget=Budget(crashes=1))),
    ("epoch-per-claim", "CONSERVE", Config(overwrites=(0,), budget=Budget(failures=1))),
    ("epoch-per-claim", "UNKNOWN-IS-NOT-FAILED", Config(files=2, budget=Budget(failures=1, unknowns=1))),
    ("newest-by-time", "NO-SOURCE-LOSS", Config(overwrites=(0,), budget=Budget(listings=1))),
    ("take-over", "PROGRESS", Config(budget=Budget(crashes=1))),
    ("stop-when-fenced", "PROGRESS", ONE_EXPIRY),
]


def told(name: str, result: Result) -> str:
    counts = f"{result.states:,} states, {result.worlds:,} worlds, {result.ends:,} ends"
    found = f" -> {result.violation}" if result.violation else ""
    return f"{name}: {counts}, {result.seconds:.1f} s{found}"


def test_every_invariant_holds_in_every_state_of_the_quick_models() -> None:
    results = {name: explore(config) for name, config in QUICK.items()}
    for name, result in results.items():
        print(told(name, result))
        assert result.violation is None, told(name, result)
        assert result.ends > 0
    assert sum(result.states for result in results.values()) > 100_000


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("name", SWEEP)
def test_every_invariant_holds_in_every_state_of_the_full_sweep(name: str) -> None:
    result = explore(SWEEP[name])
    print(told(name, result))
    assert result.violation is None, told(name, result)
    if name == "every fault but failures":
        assert result.states > 1_000_000


@pytest.mark.parametrize(("safeguard", "invariant", "config"), MUTATIONS)
def test_without_a_safeguard_an_invariant_falls(safeguard: str, invariant: str, config: Config) -> None:
    search = explore if safeguard == "stop-when-fenced" else hunt  # only `explore` sees cycles
    whole = search(config, [invariant])
    assert whole.violation is None, f"with all safeguards: {whole.violation}"
    broken = search(replace(config, without=safeguard), [invariant])
    print(told(f"without {safeguard} ({SAFEGUARDS[safeguard]})", broken))
    assert broken.violation is not None, f"without {safeguard}, {invariant} still holds"
    assert broken.violation.invariants == (invariant,)


def test_every_safeguard_is_taken_out_and_every_invariant_falls_once() -> None:
    assert {safeguard for safeguard, _, _ in MUTATIONS} == set(SAFEGUARDS)
    assert {invariant for _, invariant, _ in MUTATIONS} == set(ALL)


FILE_MOVES = {
    (UNSEEN, FileStatus.PENDING),
    (UNSEEN, FileStatus.SUPERSEDED),  # a lister that saw it registers it after its overwrite was registered
    (FileStatus.PENDING, FileStatus.PROCESSING),
    (FileStatus.PENDING, FileStatus.SUPERSEDED),
    (FileStatus.PROCESSING, FileStatus.SUCCEEDED),
    (FileStatus.PROCESSING, FileStatus.FAILED),
    (FileStatus.PROCESSING, FileStatus.QUARANTINED),
    (FileStatus.PROCESSING, FileStatus.SUPERSEDED),
    (FileStatus.FAILED, FileStatus.PROCESSING),
    (FileStatus.FAILED, FileStatus.SUPERSEDED),
    (FileStatus.QUARANTINED, FileStatus.SUPERSEDED),
}
BATCH_MOVES = {
    (BatchState.READY, BatchState.RUNNING),
    (BatchState.RUNNING, BatchState.READY),
    (BatchState.RUNNING, BatchState.COMMITTED),
    (BatchState.RUNNING, BatchState.SPLIT),
    (BatchState.RUNNING, BatchState.FAILED),
    (BatchState.COMMITTED, BatchState.DONE),
}


def test_states_move_as_the_diagrams_say_and_each_move_is_seen() -> None:
    file_moves: set[tuple[str, str]] = set()
    batch_moves: set[tuple[str, str]] = set()
    for config in (
        Config(overwrites=(0,), budget=Budget(failures=2, listings=1)),
        Config(files=2, poison=2, budget=Budget(crashes=1)),
    ):
        for before, after in transitions(config):
            file_moves |= set(zip(before.world.files, after.world.files, strict=True))
            pairs = zip(before.world.batches, after.world.batches, strict=False)
            batch_moves |= {(old.state, new.state) for old, new in pairs}
    assert {move for move in file_moves if move[0] != move[1]} == FILE_MOVES
    assert {move for move in batch_moves if move[0] != move[1]} == BATCH_MOVES


def transitions(config: Config) -> list[tuple[State, State]]:
    seen = {initial(config)}
    left = list(seen)
    found: list[tuple[State, State]] = []
    while left:
        state = left.pop()
        for search in (duties, faults):
            for _, after in search(config, state):
                found.append((state, after))
                if after not in seen:
                    seen.add(after)
                    left.append(after)
    return found
