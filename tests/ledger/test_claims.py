"""Who gets what, and when: sharing, limits, expiry, order."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from glulam.ledger import BatchKind, ClaimPolicy, claim, fail
from glulam.ledger.batches import create, finish, heartbeat, postpone, reload, seconds_until_due
from glulam.ledger.files import count_by_status, skip
from glulam.model.clock import new_batch_id
from glulam.model.errors import EntityNotFound, Fenced
from glulam.model.states import BatchState, FileStatus

from .conftest import POLICY, Ledger, stat


def keys(taken) -> list[str]:  # type: ignore[no-untyped-def]
    return [f.uri.key for f in taken.files]


def test_a_new_batch_is_running_at_its_first_epoch(ledger: Ledger) -> None:
    assert ledger.claim() is None
    ledger.register(stat("a"), stat("b"))
    taken = ledger.claimed()
    assert (taken.kind, taken.state, taken.epoch, taken.attempts) == (
        BatchKind.INGEST,
        BatchState.RUNNING,
        1,
        1,
    )
    assert keys(taken) == ["a", "b"]
    assert ledger.column(taken.batch_id, "file_ids") == [f.id for f in taken.files]
    assert set(ledger.statuses().values()) == {"PROCESSING"}
    assert ledger.claim() is None


def test_limits_cut_a_batch_but_never_to_nothing(ledger: Ledger) -> None:
    ledger.register(*(stat(f"{n:03d}", size=n) for n in range(1, 201)))
    assert keys(ledger.claimed(max_files=3)) == ["001", "002", "003"]
    assert keys(ledger.claimed(max_bytes=4 + 5 + 6)) == ["004", "005", "006"]
    assert keys(ledger.claimed(max_bytes=1)) == ["007"]
    assert len(ledger.claimed(max_files=70).files) == 70
    assert len(ledger.claimed(max_files=10_000).files) == 200 - 77
    assert ledger.claim() is None


def test_many_small_listings_make_one_batch(ledger: Ledger) -> None:
    for n in range(60):
        ledger.register(stat(f"{n:03d}"))
    assert len(ledger.claimed(max_files=55).files) == 55
    assert len(ledger.claimed(max_files=55).files) == 5


def test_claimers_side_by_side_share_the_files(ledger: Ledger) -> None:
    ledger.register(*(stat(f"{n:03d}") for n in range(1000)))
    start = threading.Barrier(4)

    def work(_: int) -> list[int]:
        mine: list[int] = []
        start.wait()
        while seconds() == 0:
            taken = ledger.claim(max_files=33)
            mine += [f.id for f in taken.files] if taken else []
        return mine

    def seconds() -> float | None:
        found: float | None = ledger.run(lambda c: seconds_until_due(c, ledger.pipeline))
        return found

    with ThreadPoolExecutor(4) as pool:
        shares = list(pool.map(work, range(4)))
    everything = [file_id for share in shares for file_id in share]
    assert len(everything) == len(set(everything)) == 1000
    assert ledger.run(count_by_status) == {FileStatus.PROCESSING: 1000}


def test_a_claim_in_flight_neither_blocks_nor_shares(ledger: Ledger) -> None:
    ledger.register(*(stat(f"{n:03d}") for n in range(200)))
    with ledger.database.transaction() as slow:
        policy = ClaimPolicy(max_files=20)
        first = claim(slow, ledger.pipeline, worker="slow", new_id=new_batch_id, policy=policy)
        second = ledger.claimed(max_files=20)  # while the first has not committed
        assert first is not None
        assert not {f.id for f in first.files} & {f.id for f in second.files}
    assert ledger.run(count_by_status) == {FileStatus.PROCESSING: 40, FileStatus.PENDING: 160}


def test_an_abandoned_claim_is_taken_over_and_the_first_worker_is_fenced(ledger: Ledger) -> None:
    ledger.register(stat("a"))
    first = ledger.claimed()
    assert ledger.claim() is None, "the lease holds"
    ledger.expire(first.batch_id)
    second = ledger.claimed()
    assert (second.batch_id, second.epoch, second.attempts) == (first.batch_id, 2, 2)
    assert keys(second) == ["a"]
    words = (
        rf"batch {first.batch_id} was claimed at epoch 1 as RUNNING; it is RUNNING at epoch 2, worker test"
    )
    for late in (
        lambda c: heartbeat(c, first, 60),
        lambda c: finish(c, first),
        lambda c: fail(c, first, error="x", transient=True, policy=POLICY, new_id=new_batch_id),
    ):
        with pytest.raises(Fenced, match=words):
            ledger.run(late)
    with pytest.raises(Fenced, match=words):
        ledger.commit(first)
    ledger.commit(second)
    assert ledger.statuses() == {"a@e1": "SUCCEEDED"}


def test_a_heartbeat_keeps_the_lease(ledger: Ledger) -> None:
    ledger.register(stat("a"))
    taken = ledger.claimed(lease_s=1)
    before = ledger.column(taken.batch_id, "lease_until")
    ledger.run(lambda c: heartbeat(c, taken, 600))
    assert (ledger.column(taken.batch_id, "lease_until") - before).total_seconds() > 590


def test_a_committed_batch_goes_on_before_anything_else(ledger: Ledger) -> None:
    ledger.register(stat("a"), stat("b"), stat("c"))
    running, committed = ledger.claimed(max_files=1), ledger.claimed(max_files=1)
    ledger.commit(committed, {"outputs": ["x"]})
    ledger.expire(running.batch_id)
    ledger.expire(committed.batch_id)
    first, second, third = ledger.claimed(), ledger.claimed(), ledger.claimed()
    assert (first.batch_id, first.state, first.epoch) == (committed.batch_id, BatchState.COMMITTED, 2)
    assert first.manifest == {"outputs": ["x"]}
    assert keys(first) == ["b"]
    assert first.attempts == 1, "publishing again is no attempt"
    assert second.batch_id == running.batch_id
    assert keys(third) == ["c"]
    with pytest.raises(Fenced):
        ledger.run(lambda c: finish(c, committed))
    ledger.run(lambda c: finish(c, first))
    assert ledger.run(lambda c: reload(c, first.batch_id)) == (BatchState.DONE, 2, {"outputs": ["x"]})
    with pytest.raises(EntityNotFound):
        ledger.run(lambda c: reload(c, "nope"))


def test_a_worker_that_dies_each_time_is_found_by_halving(ledger: Ledger) -> None:
    ledger.register(*(stat(f"{n}") for n in range(5)))
    succeeded: list[str] = []
    for _ in range(60):
        taken = ledger.claim()
        if taken is None:
            break
        if "3" in keys(taken):
            ledger.expire(taken.batch_id)  # killed without a word
        else:
            ledger.commit(taken)
            ledger.run(lambda c, taken=taken: finish(c, taken))
            succeeded += keys(taken)
    assert sorted(succeeded) == ["0", "1", "2", "4"]
    assert ledger.statuses()["3@e1"] == "QUARANTINED"
    assert ledger.run(lambda c: seconds_until_due(c, ledger.pipeline)) is None
    error = ledger.run(
        lambda c: c.execute("SELECT error_message FROM file_version WHERE status = 'QUARANTINED'").fetchone()
    )[0]
    assert "the worker died 3 times" in error


def test_a_file_skipped_while_its_batch_waits_is_left_out(ledger: Ledger) -> None:
    ledger.register(stat("a"), stat("b"))
    taken = ledger.claimed()
    ledger.run(lambda c: fail(c, taken, error="x", transient=True, policy=POLICY, new_id=new_batch_id))
    ledger.run(lambda c: skip(c, "events", "a"))
    again = ledger.claimed()
    assert (again.batch_id, keys(again), again.files[0].retry_count) == (taken.batch_id, ["b"], 1)
    ledger.commit(again)
    assert ledger.statuses() == {"a@e1": "SKIPPED", "b@e1": "SUCCEEDED"}


def test_a_batch_whose_files_were_all_skipped_ends(ledger: Ledger) -> None:
    ledger.register(stat("a"))
    taken = ledger.claimed()
    ledger.run(lambda c: fail(c, taken, error="x", transient=True, policy=POLICY, new_id=new_batch_id))
    ledger.run(lambda c: skip(c, "events", "a"))
    assert ledger.claim() is None
    assert ledger.run(lambda c: reload(c, taken.batch_id)).state is BatchState.DONE
    assert ledger.run(lambda c: seconds_until_due(c, ledger.pipeline)) is None


def test_when_to_ask_again(ledger: Ledger) -> None:
    def due() -> float | None:
        found: float | None = ledger.run(lambda c: seconds_until_due(c, ledger.pipeline))
        return found

    assert due() is None
    ledger.register(stat("a"))
    assert due() == 0
    taken = ledger.claimed(lease_s=50)
    assert 45 < (due() or 0) <= 50
    ledger.run(
        lambda c: fail(
            c, taken, error="x", transient=True, policy=ClaimPolicy(backoff_s=10), new_id=new_batch_id
        )
    )
    assert 15 < (due() or 0) <= 20, "backoff 10 s doubled once"
    ledger.run(lambda c: create(c, ledger.pipeline, BatchKind.COMPACT, spec={}, new_id=new_batch_id))
    assert due() == 0


def test_other_kinds_are_claimed_without_moving_files(ledger: Ledger) -> None:
    ledger.register(stat("a"))
    ingest = ledger.claimed()
    ledger.commit(ingest)
    ledger.run(lambda c: finish(c, ingest))
    ids = [f.id for f in ingest.files]
    batch = ledger.run(
        lambda c: create(
            c, ledger.pipeline, BatchKind.REPLAY, file_ids=ids, spec={"letters": [1]}, new_id=new_batch_id
        )
    )
    taken = ledger.claimed()
    assert (taken.batch_id, taken.kind, taken.epoch, taken.spec) == (
        batch,
        BatchKind.REPLAY,
        1,
        {"letters": [1]},
    )
    assert keys(taken) == ["a"]
    assert ledger.statuses() == {"a@e1": "SUCCEEDED"}
    for _ in range(2):
        ledger.expire(batch)
        taken = ledger.claimed()
    ledger.expire(batch)
    assert ledger.claim() is None
    assert ledger.run(lambda c: reload(c, batch)).state is BatchState.FAILED
    assert ledger.statuses() == {"a@e1": "SUCCEEDED"}


def test_a_committed_batch_can_wait_with_its_error(ledger: Ledger) -> None:
    ledger.register(stat("a"))
    taken = ledger.claimed()
    ledger.run(lambda c: postpone(c, taken, "too early", 0))
    assert ledger.claim() is None, "it is RUNNING: that is the lease's to decide"
    ledger.commit(taken)
    ledger.run(lambda c: postpone(c, taken, "bucket is\x00gone", 0))
    assert ledger.column(taken.batch_id, "error_message") == "bucket is\\u0000gone"
    assert ledger.run(lambda c: seconds_until_due(c, ledger.pipeline)) == 0
    assert ledger.run(lambda c: seconds_until_due(c, ledger.pipeline, [taken.batch_id])) is None
    again = ledger.claimed()
    assert (again.batch_id, again.state) == (taken.batch_id, BatchState.COMMITTED)
    ledger.run(lambda c: postpone(c, taken, "of an older epoch", 600))
    assert ledger.column(taken.batch_id, "error_message") == "bucket is\\u0000gone"
    ledger.run(lambda c: finish(c, again))
    assert ledger.column(taken.batch_id, "error_message") is None
