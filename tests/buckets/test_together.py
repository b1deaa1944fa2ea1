"""Work that is done for all who wait: in one go, each with its own outcome, and nobody waits for the batch after their own."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from glulam.buckets.together import Together

PATIENCE_S = 30


class Gated:
    """Notes the batches; each waits for a permit."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.begun, self.permits = threading.Semaphore(0), threading.Semaphore(0)

    def __call__(self, works: Sequence[int]) -> None:
        self.batches.append(list(works))
        self.begun.release()
        assert self.permits.acquire(timeout=PATIENCE_S)
        if 13 in works:
            raise ValueError("unlucky")


def test_those_who_wait_are_one_batch_and_go_on_while_the_next_one_runs() -> None:
    run = Gated()
    together = Together(run)
    with ThreadPoolExecutor(8) as pool:
        first = pool.submit(together.do, 0)
        assert run.begun.acquire(timeout=PATIENCE_S)
        others = [pool.submit(together.do, n) for n in (1, 2, 3)]
        while len(together._queue) < 3:
            threading.Event().wait(0.01)
        run.permits.release()
        first.result(PATIENCE_S)
        assert run.begun.acquire(timeout=PATIENCE_S)
        last = pool.submit(together.do, 4)
        while len(together._queue) < 1:
            threading.Event().wait(0.01)
        run.permits.release()
        assert run.begun.acquire(timeout=PATIENCE_S)  # the last one's batch runs, and has no permit yet
        for other in others:
            other.result(PATIENCE_S)
        run.permits.release()
        last.result(PATIENCE_S)
    assert [sorted(batch) for batch in run.batches] == [[0], [1, 2, 3], [4]]


def test_one_bad_work_does_not_fail_the_others() -> None:
    run = Gated()
    for _ in range(9):
        run.permits.release()
    together = Together(run)
    with ThreadPoolExecutor(8) as pool:
        done = {n: pool.submit(together.do, n) for n in (12, 13, 14)}
        with pytest.raises(ValueError, match="unlucky"):
            done[13].result(PATIENCE_S)
        done[12].result(PATIENCE_S)
        done[14].result(PATIENCE_S)
    together.do(15)
