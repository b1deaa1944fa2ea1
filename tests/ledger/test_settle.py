"""Commit, failure, replay: accounts balance or nothing happens."""

from __future__ import annotations

from dataclasses import replace

import psycopg
import pytest

from glulam.ledger import BatchKind, Claim, FailOutcome, FileCounts, commit, fail, settle_replay
from glulam.ledger.batches import create, finish, reload
from glulam.ledger.files import get_by_key
from glulam.model.clock import new_batch_id
from glulam.model.errors import AccountsUnbalanced, ConcurrentModification, Fenced
from glulam.model.states import BatchState, FileStatus

from .conftest import POLICY, Ledger, stat


def failed(ledger: Ledger, taken: Claim, **how: object) -> FailOutcome:
    given = {"error": "boom", "transient": False, "policy": POLICY, "new_id": new_batch_id, **how}
    outcome: FailOutcome = ledger.run(lambda c: fail(c, taken, **given))
    return outcome


def test_a_commit_settles_every_file_and_the_batch(ledger: Ledger) -> None:
    ledger.register(stat("a"), stat("b"), stat("gone"))
    taken = ledger.claimed()
    ledger.commit(taken, {"outputs": [1]}, superseded=[taken.files[2].id])
    assert ledger.run(lambda c: reload(c, taken.batch_id)) == (BatchState.COMMITTED, 1, {"outputs": [1]})
    totals = ledger.run(
        lambda c: c.execute(
            "SELECT records_read, records_written, records_rejected, records_rescued FROM batch"
        ).fetchone()
    )
    assert totals == (20, 18, 2, 4)
    a = ledger.run(lambda c: get_by_key(c, "events", "a"))
    assert (a.status, a.records_read, a.records_written, a.records_rejected, a.records_rescued, a.archive_key) == (
        FileStatus.SUCCEEDED, 10, 9, 1, 2, f"done/{a.id}",
    )  # fmt: skip
    assert a.processed_at is not None
    assert ledger.statuses()["gone@e1"] == "SUPERSEDED"
    with pytest.raises(Fenced, match="it is COMMITTED"):
        ledger.commit(taken)


def test_a_commit_can_be_rolled_back_whole(ledger: Ledger) -> None:
    ledger.register(stat("a"))
    taken = ledger.claimed()

    def commit_and_break(c: psycopg.Connection) -> None:
        commit(c, taken, {}, [ledger.counts(taken.files[0].id)])
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        ledger.run(commit_and_break)
    assert ledger.run(lambda c: reload(c, taken.batch_id)) == (BatchState.RUNNING, 1, None)
    assert ledger.statuses() == {"a@e1": "PROCESSING"}


@pytest.mark.parametrize("wrong", ["unbalanced", "negative", "missing", "twice", "foreign", "both"])
def test_accounts_that_do_not_balance_stop_the_run(ledger: Ledger, wrong: str) -> None:
    ledger.register(stat("a"), stat("b"))
    taken = ledger.claimed()
    a, b = (ledger.counts(f.id) for f in taken.files)
    counts: list[FileCounts]
    counts, gone = {
        "unbalanced": ([a, replace(b, written=8)], []),
        "negative": ([a, replace(b, written=11, rejected=-1)], []),
        "missing": ([a], []),
        "twice": ([a, b, b], []),
        "foreign": ([a, replace(b, file_id=777)], []),
        "both": ([a, b], [b.file_id]),
    }[wrong]
    with pytest.raises(AccountsUnbalanced, match=taken.batch_id):
        ledger.run(lambda c: commit(c, taken, {}, counts, gone))
    assert ledger.run(lambda c: reload(c, taken.batch_id)).state is BatchState.RUNNING


def test_the_database_refuses_unbalanced_accounts_too(ledger: Ledger) -> None:
    ledger.register(stat("a"))
    for counts in ("records_read = 3, records_written = 1, records_rejected = 1", "records_read = NULL"):
        with pytest.raises(psycopg.errors.CheckViolation):
            ledger.run(lambda c, s=counts: c.execute(f"UPDATE file_version SET status = 'SUCCEEDED', {s}"))  # noqa: S608


def test_a_file_that_is_not_processing_cannot_be_settled(ledger: Ledger) -> None:
    ledger.register(stat("a"))
    taken = ledger.claimed()
    ledger.run(lambda c: c.execute("UPDATE file_version SET status = 'PENDING'"))
    with pytest.raises(AccountsUnbalanced, match="0 of them are PROCESSING"):
        ledger.commit(taken)


def test_a_bad_file_is_isolated_by_halving(ledger: Ledger) -> None:
    ledger.register(*(stat(f"{n:02d}") for n in range(20)))
    outcomes: list[FailOutcome] = []
    while (taken := ledger.claim()) is not None:
        if "13" in {f.uri.key for f in taken.files}:
            outcomes.append(failed(ledger, taken))
        else:
            ledger.commit(taken)
            ledger.run(lambda c, taken=taken: finish(c, taken))
    statuses = ledger.statuses()
    assert statuses.pop("13@e1") == "QUARANTINED"
    assert set(statuses.values()) == {"SUCCEEDED"}
    assert outcomes[-3:] == [FailOutcome.RETRY, FailOutcome.RETRY, FailOutcome.QUARANTINED]
    assert set(outcomes[:-3]) == {FailOutcome.SPLIT}
    assert 4 <= len(outcomes[:-3]) <= 5
    bad = ledger.run(lambda c: get_by_key(c, "events", "13"))
    assert (bad.error_message, bad.retry_count) == ("boom", len(outcomes))
    open_batches = ledger.run(
        lambda c: c.execute(
            "SELECT count(*) FROM batch WHERE state NOT IN ('DONE', 'SPLIT', 'FAILED')"
        ).fetchone()
    )
    assert open_batches == (0,)


def test_a_split_freezes_the_same_files_in_two_children(ledger: Ledger) -> None:
    ledger.register(*(stat(f"{n}") for n in range(5)))
    taken = ledger.claimed()
    ids = iter(("b", "a"))  # of one millisecond: they come in any order
    assert failed(ledger, taken, new_id=lambda: next(ids)) is FailOutcome.SPLIT
    assert set(ledger.statuses().values()) == {"FAILED"}
    left, right = ledger.claimed(), ledger.claimed()
    assert [len(left.files), len(right.files)] == [3, 2]
    assert [f.id for f in left.files + right.files] == [f.id for f in taken.files]
    assert ledger.column(left.batch_id, "parent_id") == taken.batch_id
    assert (left.epoch, left.attempts) == (1, 1)
    with pytest.raises(Fenced, match="it is SPLIT"):
        ledger.commit(taken)


def test_a_passing_trouble_is_tried_again_whole_then_split(ledger: Ledger) -> None:
    ledger.register(stat("a"), stat("b"))
    for attempt in (1, 2):
        taken = ledger.claimed()
        assert (taken.attempts, taken.epoch) == (attempt, attempt)
        assert failed(ledger, taken, transient=True) is FailOutcome.RETRY
    assert failed(ledger, ledger.claimed(), transient=True) is FailOutcome.SPLIT


def test_what_would_hit_each_half_alike_is_not_split(ledger: Ledger) -> None:
    ledger.register(stat("a"), stat("b"))
    for expected in (FailOutcome.RETRY, FailOutcome.RETRY, FailOutcome.QUARANTINED):
        assert failed(ledger, ledger.claimed(), splittable=False) is expected
    assert set(ledger.statuses().values()) == {"QUARANTINED"}


def test_an_error_with_a_nul_in_it_is_kept(ledger: Ledger) -> None:
    ledger.register(stat("a"))
    failed(ledger, ledger.claimed(), error="bad \x00 byte")
    assert ledger.run(lambda c: get_by_key(c, "events", "a")).error_message == "bad \\u0000 byte"


def replay(ledger: Ledger, ids: list[int]) -> Claim:
    ledger.run(
        lambda c: create(c, ledger.pipeline, BatchKind.REPLAY, file_ids=ids, spec={}, new_id=new_batch_id)
    )
    return ledger.claimed()


def test_a_replay_moves_records_from_rejected_to_written(ledger: Ledger) -> None:
    ledger.register(stat("a"), stat("b"))
    taken = ledger.claimed()
    a, b = (f.id for f in taken.files)
    ledger.run(lambda c: commit(c, taken, {}, [ledger.counts(a, rejected=3), ledger.counts(b, rejected=1)]))
    ledger.run(lambda c: finish(c, taken))
    first = replay(ledger, [a, b])
    ledger.run(lambda c: settle_replay(c, first, {"m": 1}, [(a, 4), (a, 7), (b, 1)]))
    entry = ledger.run(lambda c: get_by_key(c, "events", "a"))
    assert (entry.records_read, entry.records_written, entry.records_rejected) == (10, 9, 1)
    assert ledger.run(lambda c: reload(c, first.batch_id)).state is BatchState.COMMITTED

    second = replay(ledger, [a])
    with pytest.raises(ConcurrentModification, match="1 of 2 dead letters are settled already"):
        ledger.run(lambda c: settle_replay(c, second, {}, [(a, 4), (a, 9)]))
    assert ledger.run(lambda c: reload(c, second.batch_id)).state is BatchState.RUNNING
    with pytest.raises(psycopg.errors.CheckViolation):  # more letters than the file has rejects
        ledger.run(lambda c: settle_replay(c, second, {}, [(a, 8), (a, 9)]))
    ledger.run(lambda c: settle_replay(c, second, {}, []))
    with pytest.raises(Fenced):
        ledger.run(lambda c: settle_replay(c, second, {}, []))


def test_a_compaction_commits_without_files(ledger: Ledger) -> None:
    ledger.run(
        lambda c: create(c, ledger.pipeline, BatchKind.COMPACT, spec={"uris": []}, new_id=new_batch_id)
    )
    for _ in range(2):
        assert failed(ledger, ledger.claimed()) is FailOutcome.RETRY
    taken = ledger.claimed()
    ledger.run(lambda c: commit(c, taken, {"outputs": []}))
    ledger.run(lambda c: finish(c, taken))
    assert ledger.run(lambda c: reload(c, taken.batch_id)).state is BatchState.DONE
    ledger.run(lambda c: create(c, ledger.pipeline, BatchKind.COMPACT, spec={}, new_id=new_batch_id))
    outcomes = [failed(ledger, ledger.claimed()) for _ in range(3)]
    assert outcomes == [FailOutcome.RETRY, FailOutcome.RETRY, FailOutcome.FAILED]
