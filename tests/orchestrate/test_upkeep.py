"""Old runs are forgotten, with all that belongs to them; young and open ones are not."""

from __future__ import annotations

from glulam.model.place import Place
from glulam.orchestrate import runs, upkeep
from glulam.orchestrate.decide import Node, RunStatus
from glulam.orchestrate.definition import Kind
from glulam.store.database import Database

PLACE = Place(account_id="123456789012", region="us-east-1")
AGE = "UPDATE workflow_run SET completed_at = now() - make_interval(days => %s) WHERE id = %s"
EVENT = """
INSERT INTO trigger_event (account_id, region, workflow, event_id, detail, at, run_id)
VALUES ('123456789012', 'us-east-1', 'w', %s, '{}', now() - interval '100 days', %s)
"""


def test_what_is_forgotten(database: Database) -> None:
    with database.transaction() as conn:
        old, young, still_open = (runs.insert(conn, PLACE, "w", (), {}).id for _ in range(3))
        for days, run_id in ((31, old), (29, young)):
            run = runs.lock(conn, run_id)
            assert run is not None
            node = Node(kind=Kind.JOB, name="a", trigger="t", action=0, child_id=run_id, state="SUCCEEDED")
            runs.add_node(conn, run_id, node)
            runs.fire(conn, run_id, "t")
            runs.move(conn, run, RunStatus.COMPLETED)
            conn.execute(AGE, (days, run_id))
        for run_id in (old, young, None):
            conn.execute(EVENT, (str(run_id), run_id))
        assert upkeep.step(conn, 100, days=30) == 2
        assert upkeep.step(conn, 100, days=30) == 0
        assert [run.id for run in runs.page(conn, PLACE, "w", limit=9)] == [still_open, young]
        events = conn.execute("SELECT event_id FROM trigger_event ORDER BY id").fetchall()
        assert events == [(young,), ("None",)]
