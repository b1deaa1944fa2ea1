"""From the outbox to the workflows: what matches, once, whatever dies, in bounded memory."""

from __future__ import annotations

import tracemalloc
from datetime import datetime, timedelta, timezone

from events.conftest import PLACE, Events, running, s3_pattern, within
from glulam.events import announcing, rules
from glulam.ledger.outbox import announce
from glulam.model.place import Place
from glulam.model.uri import S3Uri
from glulam.objects.notices import Change, Notice
from glulam.observe.events import waiting

ELSEWHERE = Place(account_id="123456789012", region="eu-west-1")
FOREIGN = Place(account_id="210987654321", region="us-east-1")


def _notice(key: str, *, etag: str = "e", sequencer: str = "", gone: bool = False, size: int = 1) -> Notice:
    return Notice(change=Change.DELETED if gone else Change.CREATED, uri=S3Uri("raw", key), etag=etag, size_bytes=size,
                  sequencer=sequencer)  # fmt: skip


def _tell(events: Events, *notices: Notice) -> int:
    with events.database.transaction() as conn:
        return announcing.objects(conn, notices)


def test_by_prefix_suffix_and_size(events: Events) -> None:
    events.rule(s3_pattern(key=[{"wildcard": "in/*.json"}], size=[{"numeric": [">", 10]}]))
    _tell(events, _notice("in/a.json", size=11), _notice("in/b.json", size=10), _notice("in/c.csv", size=99),
          _notice("out/d.json", size=99), _notice("in/2024/e.json", size=99))  # fmt: skip
    assert events.keys() == ["in/a.json", "in/2024/e.json"]
    (event, _) = events.routed()
    assert (event["source"], event["detail-type"], event["account"]) == (
        "aws.s3",
        "Object Created",
        PLACE.account_id,
    )
    assert event["detail"]["bucket"] == {"name": "raw"}
    assert event["resources"] == ["arn:aws:s3:::raw"]
    assert len(event["id"]) == 36


def test_of_the_own_account_in_every_region_and_of_none_other(events: Events) -> None:
    for place in (ELSEWHERE, FOREIGN):
        events.workflow(place.account_id + place.region, place)
        events.rule(s3_pattern(), place=place, workflow=place.account_id + place.region)
    _tell(events, _notice("a"))
    (event,) = events.routed(ELSEWHERE.account_id + ELSEWHERE.region)
    assert event["region"] == "eu-west-1"
    assert events.routed(FOREIGN.account_id + FOREIGN.region) == []


def test_job_events_are_of_their_place(events: Events) -> None:
    events.workflow("w", ELSEWHERE)
    pattern = {"source": ["aws.glue"], "detail": {"jobName": ["j"], "state": ["FAILED"]}}
    events.rule(pattern)
    events.rule(pattern, place=ELSEWHERE)
    with events.database.transaction() as conn:
        for state in ("FAILED", "SUCCEEDED"):
            announce(conn, "Glue Job State Change", {"jobName": "j", "state": state}, source="aws.glue",
                     account_id=PLACE.account_id, region=PLACE.region)  # fmt: skip
    (event,) = events.routed()
    assert (event["region"], event["detail"]["state"]) == ("us-east-1", "FAILED")


def test_an_alert_rule_sees_the_same_event(events: Events) -> None:
    events.rule({"source": ["shop"]})
    with events.database.transaction() as conn:
        at = datetime(2024, 1, 31, 13, 0, 0, 750_000, timezone(timedelta(hours=1)))
        said = announcing.custom(
            conn, PLACE, source="shop", detail_type="Sold", detail={"n": 1}, resources=["arn:x"], at=at
        )
        (alerted,) = waiting(conn, PLACE, 10)
    (event,) = events.routed()
    assert alerted.document == event
    assert (event["id"], event["time"], event["resources"]) == (said, "2024-01-31T12:00:00Z", ["arn:x"])


def test_a_rule_that_is_off_or_whose_workflow_is_gone_routes_nothing(events: Events) -> None:
    events.rule(s3_pattern())
    with events.database.transaction() as conn:
        rules.switch(conn, PLACE, "r", enabled=False)
    _tell(events, _notice("a"))
    assert events.routed() == []
    with events.database.transaction() as conn:
        rules.switch(conn, PLACE, "r", enabled=True)
    events.rule(s3_pattern(), name="r2", workflow="not there")
    _tell(events, _notice("b"))
    assert events.keys() == ["b"]  # what came while it was off was ticked off
    assert events.routed("not there") == []


def test_two_rules_to_one_workflow_are_one_event(events: Events) -> None:
    events.rule(s3_pattern())
    events.rule(s3_pattern(key=[{"prefix": "a"}]), name="r2")
    _tell(events, _notice("a"), _notice("b"))
    assert events.keys() == ["a", "b"]


def test_what_is_told_twice_is_one_event(events: Events) -> None:
    told = [
        _tell(events, _notice("a", sequencer="05")),
        _tell(events, _notice("a", sequencer="05")),
        _tell(events, _notice("a")),  # somebody looked
        _tell(events, _notice("a", etag="f", sequencer="06"), _notice("a", etag="f", sequencer="06")),
        _tell(events, _notice("a", etag="e", sequencer="05")),  # late
        _tell(events, _notice("a", gone=True, sequencer="07")),
        _tell(events, _notice("a", gone=True, sequencer="07")),
        _tell(events, _notice("a", etag="f", sequencer="06")),  # late
        _tell(events, _notice("a", etag="f", sequencer="070001")),  # there again
    ]
    assert told == [1, 0, 0, 1, 0, 1, 0, 0, 1]
    assert [kind for kind, _ in events.told()] == ["Object Created"] * 2 + [
        "Object Deleted",
        "Object Created",
    ]


def test_a_burst_in_bounded_memory(events: Events) -> None:
    events.rule(s3_pattern(key=[{"suffix": ".json"}]))
    for part in range(10):
        _tell(events, *(_notice(f"in/{part}/{n}.json") for n in range(1000)))
    tracemalloc.start()
    steps = 0
    while events.router.step():
        steps += 1
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert steps == 20
    assert most < 16 << 20
    found = events.keys()
    assert len(found) == len(set(found)) == 10_000


def test_two_routers_route_each_event_once(events: Events) -> None:
    events.rule(s3_pattern())
    with running(events.router.run), running(events.router.run):
        for part in range(5):
            _tell(events, *(_notice(f"{part}/{n}") for n in range(400)))
        within(20, lambda: events._rows("SELECT count(*) FROM outbox WHERE NOT routed")[0][0], 0)
    assert len(events.keys()) == 2000


def test_old_objects_that_nobody_asks_for_are_forgotten(events: Events) -> None:
    _tell(
        events,
        *(_notice(key) for key in ("in/old", "in/gone", "other/old", "other/new")),
        _notice("in/gone", gone=True),
    )
    with events.database.transaction() as conn:
        conn.execute("INSERT INTO object_watch (bucket, prefix) VALUES ('raw', 'in/'), ('another', 'other/')")
        conn.execute("UPDATE object_seen SET seen_at = now() - interval '31 days' WHERE key <> 'other/new'")
        conn.execute("UPDATE object_seen SET seen_at = now() - interval '29 days' WHERE key = 'other/new'")
    found = []
    for _ in range(3):
        with events.database.transaction() as conn:
            found.append(announcing.forget_old(conn, 1))
    assert found == [1, 1, 0]
    with events.database.connection() as conn:
        kept = conn.execute("SELECT key FROM object_seen ORDER BY key").fetchall()
    assert kept == [("in/old",), ("other/new",)]
    assert _tell(events, _notice("in/old")) == 0  # it is known still, and no news


def test_a_notice_wakes_the_router(events: Events) -> None:
    events.rule(s3_pattern())
    with running(events.router.run):
        within(
            5,
            lambda: events._rows(
                "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'LISTEN \"glulam_event\"%%'"
            )[0][0],
            1,
        )
        _tell(events, _notice("a"))
        within(1, lambda: events._rows("SELECT count(*) FROM trigger_event")[0][0], 1)
