"""Retries that wait, runs of one host only, runs that are forgotten; and workers that are fenced off."""

from __future__ import annotations

from datetime import timedelta

import psycopg
import pytest

from glulam.jobs import claims, logs, runs, sessions, upkeep
from glulam.jobs.arguments import BACKOFF, merge
from glulam.jobs.claims import Outcome
from glulam.jobs.logs import Stream
from glulam.jobs.states import RunState
from glulam.model.errors import Fenced, InvalidInput

from .conftest import PLACE, Site


def test_the_backoff_doubles_up_to_an_hour() -> None:
    arguments = merge({BACKOFF: "7"}, {BACKOFF: "10"}, None)
    assert [arguments.backoff_s(n) for n in (1, 2, 3, 9, 10, 5000)] == [10, 20, 40, 2560, 3600, 3600]
    assert merge(None, None, None).backoff_s(3) == 0
    for wrong in ("soon", "-1", "nan", "inf"):
        with pytest.raises(InvalidInput, match=BACKOFF):
            merge(None, {BACKOFF: wrong}, None).backoff_s(1)


def test_a_retry_is_claimed_when_it_is_due_and_not_before(site: Site) -> None:
    job = site.job("raise ValueError('no')", MaxRetries=2, DefaultArguments={BACKOFF: "1"})
    with pytest.raises(InvalidInput):
        site.start(job, Arguments={BACKOFF: "x"})
    with site.working():
        first = site.start(job)
        site.ended(first)
        second = site.until(f"{first}_attempt_1", lambda run: run.state.ended)
        third = site.until(f"{first}_attempt_2", lambda run: run.state.ended)
    for run, wait_s in ((second, 1), (third, 2)):
        assert run.began_at is not None
        waited = run.began_at - run.created_at
        assert timedelta(seconds=wait_s) <= waited < timedelta(seconds=wait_s + 0.9), "woken when due"
    assert (second.state, third.attempt) == (RunState.FAILED, 2)


def test_a_worker_knows_when_the_next_retry_is_due(site: Site) -> None:
    job = site.job("pass", MaxRetries=1, DefaultArguments={BACKOFF: "100"})
    with site.app.database.transaction() as conn:
        assert claims.due_in(conn) is None
        run_id = runs.start(conn, PLACE, job, {}).id
        [run] = claims.claim(conn, worker="w", limit=9, lease_s=30)
        claims.settle(conn, run.id, run.epoch, Outcome(state=RunState.FAILED, error="no"))
        assert claims.claim(conn, worker="w", limit=9, lease_s=30) == []
        assert 95 < (claims.due_in(conn) or 0) <= 100
        runs.stop(conn, PLACE, job, f"{run_id}_attempt_1")
        assert claims.due_in(conn) is None


def test_a_run_of_one_host_is_no_other_hosts(site: Site) -> None:
    job = site.job("raise ValueError", MaxRetries=1)
    with site.app.database.transaction() as conn:
        runs.start(conn, PLACE, job, {}, host="here:/x")
        assert claims.claim(conn, worker="w", limit=9, lease_s=30) == []
        assert claims.claim(conn, worker="w", limit=9, lease_s=30, host="there:/x") == []
        [run] = claims.claim(conn, worker="w", limit=9, lease_s=30, host="here:/x")
        claims.settle(conn, run.id, run.epoch, Outcome(state=RunState.FAILED, error="no"))
        assert claims.claim(conn, worker="w", limit=9, lease_s=30) == [], "its retry is that host's, too"
        assert len(claims.claim(conn, worker="w", limit=9, lease_s=30, host="here:/x")) == 1


def test_old_runs_are_forgotten_with_their_lines_and_sessions(site: Site) -> None:
    job = site.job("print('hello')")
    with site.working():
        old, new = site.start(job), site.start(job)
        site.ended(old)
        site.ended(new)
    with site.app.database.transaction() as conn:
        session = sessions.create(conn, PLACE, "s", {"Role": "r", "Command": {"Name": "pythonshell"}})
        waiting = site_start(conn, job)
        runs.stop(conn, PLACE, session.run.job_name, session.run.id)
        conn.execute(
            "UPDATE job_run SET created_at = now() - interval '91 days', "
            "completed_at = completed_at - interval '91 days' WHERE id = ANY (%s)",
            ([old, waiting, session.run.id],),
        )
        upkeep.step(conn, 100, log_days=3650, run_days=90)
        left = {row[0] for row in conn.execute("SELECT id FROM job_run").fetchall()}
        assert left == {new, waiting}, "what has not ended stays, however old"
        assert [line.text for line in logs.read(conn, [old, new], stream=Stream.OUTPUT)] == ["hello"]
        assert conn.execute("SELECT count(*) FROM job_session").fetchone() == (0,)


def site_start(conn: psycopg.Connection, job: str) -> str:
    return runs.start(conn, PLACE, job, {}).id


def test_a_worker_that_slept_is_fenced_off(site: Site) -> None:
    """Its heartbeat, its outcome and its hand back have no effect on a run that somebody else ended or took."""
    job = site.job("pass", MaxRetries=0)
    with site.app.database.transaction() as conn:
        run_id = runs.start(conn, PLACE, job, {}).id
        [slept] = claims.claim(conn, worker="slept", limit=1, lease_s=0.0)
    with site.app.database.transaction() as conn:
        assert claims.rescue(conn, 10) == 1
    with site.app.database.transaction() as conn:
        assert claims.beat(conn, worker="slept", ids=[run_id], lease_s=30) == {}
        claims.hand_back(conn, slept)
        with pytest.raises(Fenced, match="has ended already: FAILED"):
            claims.settle(conn, run_id, slept.epoch, Outcome(state=RunState.SUCCEEDED))
    assert "slept was not heard of" in (site.get(run_id).error_message or "")

    with site.app.database.transaction() as conn:
        again = runs.start(conn, PLACE, job, {}).id
        [first] = claims.claim(conn, worker="first", limit=1, lease_s=30)
        claims.hand_back(conn, first)
        [second] = claims.claim(conn, worker="second", limit=1, lease_s=30)
    with (
        site.app.database.transaction() as conn,
        pytest.raises(Fenced, match=f"no longer of epoch {first.epoch}"),
    ):
        claims.settle(conn, again, first.epoch, Outcome(state=RunState.SUCCEEDED))
    with site.app.database.transaction() as conn:
        done = claims.settle(conn, again, second.epoch, Outcome(state=RunState.SUCCEEDED))
        assert (
            claims.settle(conn, again, second.epoch, Outcome(state=RunState.SUCCEEDED)).changed_at
            == done.changed_at
        )
    assert site.get(again).state is RunState.SUCCEEDED
