"""The pure parts: what is due, which events make a batch, what follows in a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glulam.model.errors import InvalidInput
from glulam.orchestrate.batching import Waiting, batches
from glulam.orchestrate.decide import Node, RunStatus, RunView, decide
from glulam.orchestrate.definition import Kind, Trigger, check_trigger, read_trigger
from glulam.orchestrate.due import MISSED_TAG, ZONE_TAG, Due, due

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
QUARTERS = "cron(0/15 * * * ? *)"


def at(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


def asked(next_at: datetime | None, now: datetime, expression: str = QUARTERS, **tags: str) -> Due:
    named: Mapping[str, str] = {
        {"zone": ZONE_TAG, "missed": MISSED_TAG}[name]: value for name, value in tags.items()
    }
    return due(expression, next_at, now, anchor=NOON, tags=named)


def test_a_new_schedule_begins_with_its_next_tick() -> None:
    assert asked(None, at(1)) == Due(next_at=at(15))
    assert asked(None, at(0)) == Due(next_at=at(15))


def test_a_tick_is_acted_on_once() -> None:
    assert asked(at(15), at(14.99)) == Due(next_at=at(15))
    assert asked(at(15), at(15)) == Due(ticks=(at(15),), next_at=at(30))
    assert asked(at(15), at(15.5)) == Due(ticks=(at(15),), next_at=at(30))


@pytest.mark.parametrize(
    ("missed", "expected"),
    [
        ("once", (at(60),)),
        ("skip", ()),
        ("all", (at(15), at(30), at(45), at(60))),
    ],
)
def test_missed_ticks(missed: str, expected: tuple[datetime, ...]) -> None:
    assert asked(at(15), at(70), missed=missed) == Due(ticks=expected, next_at=at(75))
    assert asked(at(15), at(70)).ticks == (at(60),)


def test_skip_acts_on_a_tick_that_is_only_just_late() -> None:
    assert asked(at(15), at(60.5), missed="skip") == Due(ticks=(at(60),), next_at=at(75))


def test_many_missed_ticks_are_made_up_for_in_several_decisions() -> None:
    first = asked(at(1), at(250), "cron(* * * * ? *)", missed="all")
    assert (len(first.ticks), first.next_at) == (100, at(101))
    second = asked(first.next_at, at(250), "cron(* * * * ? *)", missed="all")
    third = asked(second.next_at, at(250), "cron(* * * * ? *)", missed="all")
    assert (len(third.ticks), third.next_at) == (50, at(251))


def test_a_clock_that_goes_back_makes_nothing_due_twice() -> None:
    decided = asked(at(15), at(15.2))
    assert asked(decided.next_at, at(14)) == Due(next_at=at(30))
    assert asked(decided.next_at, at(15)).ticks == ()


@pytest.mark.parametrize("years", [1, 10])
def test_a_clock_that_jumps_ahead_costs_one_tick(years: int) -> None:
    now = at(60 * 24 * 365 * years + 7)
    decided = asked(at(15), now)
    [tick] = decided.ticks
    assert timedelta() <= now - tick < timedelta(minutes=15)
    assert decided.next_at == tick + timedelta(minutes=15)


def test_a_schedule_that_is_over_is_never_due() -> None:
    decided = asked(at(15), at(15), "cron(15 12 4 5 ? 2026)")
    assert decided.ticks == (at(15),)
    assert decided.next_at.year == 9999


def test_the_zone_of_its_hours() -> None:
    assert asked(None, at(0), "cron(0 16 * * ? *)", zone="Europe/Berlin").next_at == at(120)


@pytest.mark.parametrize("tags", [{"zone": "Mars"}, {"missed": "sometimes"}])
def test_tags_that_say_nothing(tags: dict[str, str]) -> None:
    with pytest.raises(InvalidInput, match=r"Mars|sometimes"):
        asked(None, NOON, **tags)


@given(
    st.sampled_from([QUARTERS, "cron(7 3 ? * MON-FRI *)", "cron(0 0 L * ? *)", "rate(7 minutes)"]),
    st.lists(st.integers(0, 4000), min_size=1, max_size=30),
)
def test_whenever_one_looks_each_tick_is_acted_on_at_most_once_and_the_latest_never_missed(
    expression: str, looks: list[int]
) -> None:
    now, next_at, seen = NOON, asked(None, NOON, expression).next_at, list[datetime]()
    for minutes in looks:
        now += timedelta(minutes=minutes)
        decided = asked(next_at, now, expression)
        for tick in decided.ticks:
            assert next_at <= tick <= now
        assert decided.next_at > now
        assert bool(decided.ticks) == (next_at <= now)
        seen, next_at = [*seen, *decided.ticks], decided.next_at
    assert seen == sorted(set(seen))


def waiting(*minutes: float) -> list[Waiting]:
    return [Waiting(id=number, at=at(m)) for number, m in enumerate(minutes)]


def test_a_batch_is_full_or_its_window_over() -> None:
    found = batches(waiting(0, 1, 2, 3, 4), at(5), size=2, window_s=900)
    assert (found.full, found.look_again_at) == (((0, 1), (2, 3)), at(19))
    found = batches(waiting(0, 1, 2), at(15), size=2, window_s=900)
    assert (found.full, found.look_again_at) == (((0, 1),), at(17))
    found = batches(waiting(0), at(15), size=2, window_s=900)
    assert (found.full, found.look_again_at) == (((0,),), None)
    assert batches([], NOON, size=2, window_s=900).full == ()


def conditional(name: str, *conditions: str, logical: str = "AND", state: str = "ACTIVATED") -> Trigger:
    """A condition is `a=SUCCEEDED`, or `c:x=FAILED` for a crawler."""
    read = []
    for text in conditions:
        what, _, wanted = text.partition("=")
        job = {"LogicalOperator": "EQUALS", "JobName": what, "State": wanted}
        crawler = {"LogicalOperator": "EQUALS", "CrawlerName": what[2:], "CrawlState": wanted}
        read.append(crawler if what.startswith("c:") else job)
    document = {"Actions": [{"JobName": "z"}], "Predicate": {"Logical": logical, "Conditions": read}}
    check_trigger(name, "CONDITIONAL", "w", document)
    return read_trigger(name, "CONDITIONAL", state, "w", document)


def ended(name: str, state: str | None, kind: Kind = Kind.JOB) -> Node:
    return Node(kind=kind, name=name, trigger=f"of-{name}", action=0, child_id=name, state=state)


def view(*triggers: Trigger, nodes: list[Node], fired: set[str] | None = None) -> RunView:
    return RunView(status=RunStatus.RUNNING, triggers=triggers, fired=frozenset(fired or ()), nodes=nodes)


def fires(*args: Trigger, nodes: list[Node], fired: set[str] | None = None) -> list[str]:
    return [t.name for t in decide(view(*args, nodes=nodes, fired=fired)).fire]


def test_all_conditions_or_any() -> None:
    both, one = (
        conditional("t", "a=SUCCEEDED", "b=SUCCEEDED"),
        conditional("u", "a=SUCCEEDED", "b=FAILED", logical="ANY"),
    )
    assert fires(both, one, nodes=[ended("a", None), ended("b", None)]) == []
    assert fires(both, one, nodes=[ended("a", "SUCCEEDED"), ended("b", None)]) == ["u"]
    assert fires(both, one, nodes=[ended("a", "SUCCEEDED"), ended("b", "SUCCEEDED")]) == ["t", "u"]
    assert fires(both, one, nodes=[ended("a", "FAILED"), ended("b", "FAILED")]) == ["u"]


def test_a_job_and_a_crawler_of_one_name_are_two_things() -> None:
    trigger = conditional("t", "c:a=SUCCEEDED")
    assert fires(trigger, nodes=[ended("a", "SUCCEEDED")]) == []
    assert fires(trigger, nodes=[ended("a", "SUCCEEDED", Kind.CRAWLER)]) == ["t"]


def test_a_trigger_fires_once_and_only_when_it_is_active() -> None:
    done = [ended("a", "SUCCEEDED")]
    assert fires(conditional("t", "a=SUCCEEDED"), nodes=done, fired={"t"}) == []
    for state in ("CREATED", "DEACTIVATED"):
        assert fires(conditional("t", "a=SUCCEEDED", state=state), nodes=done) == []


def test_how_a_run_ends() -> None:
    waits = conditional("t", "b=SUCCEEDED")
    assert decide(view(waits, nodes=[ended("a", None)])).becomes is None
    assert decide(view(waits, nodes=[ended("a", "FAILED")])).becomes is RunStatus.COMPLETED
    assert decide(view(nodes=[])).becomes is RunStatus.COMPLETED
    stopping = replace(
        view(conditional("t", "a=STOPPED"), nodes=[ended("a", "STOPPED")]), status=RunStatus.STOPPING
    )
    assert (decide(stopping).fire, decide(stopping).becomes) == ((), RunStatus.STOPPED)
    assert decide(replace(stopping, nodes=[ended("a", None)])).becomes is None
    for over in (RunStatus.COMPLETED, RunStatus.STOPPED, RunStatus.ERROR):
        assert decide(replace(stopping, status=over)) == decide(view(nodes=[ended("a", None)]))


@pytest.mark.parametrize(
    ("kind", "workflow", "document", "said"),
    [
        ("ON_DEMAND", "", {"Actions": []}, "Actions is empty"),
        ("ON_DEMAND", "", {"Actions": [{}]}, r"Actions\[0\]: expected JobName or CrawlerName; found neither"),
        ("ON_DEMAND", "", {"Actions": [{"JobName": "a", "CrawlerName": "b"}]}, "found both"),
        ("ON_DEMAND", "", {"Actions": [{"CrawlerName": "b", "Timeout": 3}]}, "Timeout is for jobs"),
        ("ON_DEMAND", "", {"Actions": [{"JobName": "a"}], "Schedule": QUARTERS}, "Schedule is given"),
        ("SCHEDULED", "", {"Actions": [{"JobName": "a"}]}, "Schedule is missing"),
        ("SCHEDULED", "", {"Actions": [{"JobName": "a"}], "Schedule": "cron(x)"}, "expected cron"),
        ("CONDITIONAL", "", {"Actions": [{"JobName": "a"}]}, "Predicate is missing"),
        ("CONDITIONAL", "", {"Actions": [{"JobName": "a"}], "Predicate": {"Logical": "AND"}}, "Conditions is empty"),
        ("CONDITIONAL", "", {"Actions": [{"JobName": "a"}], "Predicate": {"Conditions": [{"State": "FAILED"}]}}, "neither"),
        ("CONDITIONAL", "", {"Actions": [{"JobName": "a"}], "Predicate": {"Conditions": [
            {"JobName": "b", "State": "RUNNING"}]}}, "State is 'RUNNING'; expected one of SUCCEEDED"),
        ("CONDITIONAL", "", {"Actions": [{"JobName": "a"}], "Predicate": {"Conditions": [
            {"CrawlerName": "b", "State": "SUCCEEDED"}]}}, "CrawlState is 'SUCCEEDED'"),
        ("EVENT", "", {"Actions": [{"JobName": "a"}]}, "WorkflowName is missing"),
        ("SCHEDULED", "w", {"Actions": [{"JobName": "a"}], "Schedule": QUARTERS, "EventBatchingCondition": {"BatchSize": 1}},
         "EventBatchingCondition is for EVENT"),
    ],
)  # fmt: skip
def test_what_no_trigger_could_do_is_refused(
    kind: str, workflow: str, document: dict[str, object], said: str
) -> None:
    with pytest.raises(InvalidInput, match=said):
        check_trigger("t", kind, workflow, document)
