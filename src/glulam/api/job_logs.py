"""CloudWatch Logs, as far as it shows the logs of job runs: four groups, and in each a stream for every run, under its id.

    /aws-glue/jobs/output, /aws-glue/jobs/error                  Spark, Ray and pipelines
    /aws-glue/python-jobs/output, /aws-glue/python-jobs/error    Python shell

Reading only: what runs write is the worker's to keep.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

import psycopg

from glulam.api.job_runs import DEFAULT_LOG_GROUP, LOG_GROUPS
from glulam.api.jobs import place_of
from glulam.api.paging import Paging
from glulam.jobs import log_streams, logs
from glulam.jobs.log_streams import LogStream
from glulam.jobs.logs import Line, Stream
from glulam.model.caller import Caller
from glulam.model.errors import InvalidLogParameter, LogNotFound
from glulam.store.database import Database

_GROUPS: Mapping[str, tuple[bool, Stream]] = {
    f"{head}/{stream}": (head == DEFAULT_LOG_GROUP, stream)
    for head in (DEFAULT_LOG_GROUP, *LOG_GROUPS.values())
    for stream in (Stream.ERROR, Stream.OUTPUT)
}
"""By name: whether it holds Spark's (and not Python shell's) runs, and which of their streams."""
_DESCRIBED, _EVENTS = 50, 10_000


@dataclass(frozen=True, kw_only=True)
class JobLogs:
    """The operations of the service `logs`."""

    database: Database
    paging: Paging
    retention_days: int

    def describe_log_groups(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        prefix, part = asked.get("logGroupNamePrefix", ""), asked.get("logGroupNamePattern", "")

        def read(position: list[Any], limit: int) -> list[str]:
            after = position[0] if position else ""
            names = (
                n for n in sorted(_GROUPS) if n.startswith(prefix) and part.lower() in n.lower() and n > after
            )
            return list(islice(names, limit))

        found, token = self._page("DescribeLogGroups", caller, asked, read, lambda name: [name])
        groups = [
            {"logGroupName": name, "arn": _arn(caller, name) + ":*", "logGroupArn": _arn(caller, name),
             "retentionInDays": self.retention_days, "storedBytes": 0, "metricFilterCount": 0, "creationTime": 0,
             "logGroupClass": "STANDARD"}
            for name in found
        ]  # fmt: skip
        return {"logGroups": groups, "nextToken": token}

    def describe_log_streams(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        name = _group_name(asked)
        spark, stream = _group(name)
        by_time = asked.get("orderBy") == "LastEventTime"
        prefix = asked.get("logStreamNamePrefix", "")
        if by_time and prefix:
            raise InvalidLogParameter("Cannot order by LastEventTime with a logStreamNamePrefix.")

        def read(position: list[Any], limit: int) -> list[LogStream]:
            with self.database.connection() as conn:
                found = log_streams.find(conn, place_of(caller), spark=spark, stream=stream, prefix=prefix)
            found.sort(
                key=lambda s: (s.last_ms if by_time else 0, s.run_id), reverse=bool(asked.get("descending"))
            )
            start = int(position[0]) if position else 0
            return [replace(s, place=start + i + 1) for i, s in enumerate(found[start : start + limit])]

        found, token = self._page("DescribeLogStreams", caller, asked, read, lambda s: [s.place])
        return {"logStreams": [_stream(caller, name, s) for s in found], "nextToken": token}

    def get_log_events(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        name, run_id, limit = _group_name(asked), asked["logStreamName"], asked.get("limit", _EVENTS)
        _, stream = _group(name)
        within = _within(asked)
        direction, at = _token(asked.get("nextToken"), run_id)
        if direction is None:
            direction = "f" if asked.get("startFromHead") else "b"
            at = (0, -1) if direction == "f" else (1 << 62, 0)
        with self.database.connection() as conn:
            _require_stream(conn, caller, name, run_id)
            if direction == "f":
                lines = list(
                    islice(filter(within, logs.read(conn, [run_id], stream=stream, after=at)), limit)
                )
            else:
                back = logs.read_back(conn, [run_id], stream=stream, before=at)
                lines = list(islice(filter(within, back), limit))[::-1]
        first = (lines[0].row, lines[0].place) if lines else at
        last = (lines[-1].row, lines[-1].place) if lines else at
        if not lines and direction == "b":
            last = (max(0, at[0]), at[1] - 1) if at[0] < 1 << 62 else (0, -1)
        events = [{"timestamp": e.at_ms, "message": e.text or " ", "ingestionTime": e.at_ms} for e in lines]
        return {"events": events, "nextForwardToken": f"f/{last[0]}/{last[1]}",
                "nextBackwardToken": f"b/{first[0]}/{first[1]}"}  # fmt: skip

    def filter_log_events(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        name, limit = _group_name(asked), asked.get("limit", _EVENTS)
        spark, stream = _group(name)
        matches, within = pattern(asked.get("filterPattern", "")), _within(asked)
        token, question = asked.get("nextToken"), _question(asked)
        position = self.paging.decode("FilterLogEvents", caller, question, token) if token else [0, -1]
        with self.database.connection() as conn:
            there = log_streams.find(
                conn,
                place_of(caller),
                spark=spark,
                stream=stream,
                prefix=asked.get("logStreamNamePrefix", ""),
            )
            wanted = [s.run_id for s in there]
            if "logStreamNames" in asked:
                wanted = [n for n in asked["logStreamNames"] if n in set(wanted)]
            lines = logs.read(conn, wanted, stream=stream, after=(position[0], position[1]))
            found = list(islice((e for e in lines if within(e) and matches(e.text)), limit + 1))
        more = len(found) > limit
        shown = found[:limit]
        end = [shown[-1].row, shown[-1].place] if shown else []
        following = self.paging.encode("FilterLogEvents", caller, question, end) if more else None
        events = [
            {"logStreamName": e.run_id, "timestamp": e.at_ms, "message": e.text or " ", "ingestionTime": e.at_ms,
             "eventId": f"{e.row:020d}{e.place:010d}"}
            for e in shown
        ]  # fmt: skip
        return {"events": events, "searchedLogStreams": [], "nextToken": following}

    def _page(
        self, operation: str, caller: Caller, asked: Mapping[str, Any], read: Callable[[list[Any], int], Any],
        position: Callable[[Any], Sequence[Any]],
    ) -> tuple[Any, str | None]:  # fmt: skip
        named = {**_question(asked), "NextToken": asked.get("nextToken"), "MaxResults": asked.get("limit")}
        return self.paging.page(operation, caller, named, _DESCRIBED, read, position)


def pattern(text: str) -> Callable[[str], bool]:
    """CloudWatch's filter pattern for plain lines: `a b` both, `?a ?b` either, `-a` not, `"a b"` as it is, `%regex%`.

    Raises InvalidLogParameter for patterns over JSON or columns, which lines of scripts do not have."""
    if text[:1] in "{[" and text:
        raise InvalidLogParameter(
            f"filterPattern {text!r}: expected words, ?words, -words, quoted text or %regex%"
        )
    try:
        words = shlex.split(text, posix=False)
        plain = [word.strip('"') if word.startswith('"') else word for word in words]
        if len(text) > 1 and text.startswith("%") and text.endswith("%"):
            expression = re.compile(text[1:-1])
            return lambda line: expression.search(line) is not None
    except (ValueError, re.error) as error:
        raise InvalidLogParameter(f"filterPattern {text!r}: {error}") from error
    either = [w[1:].strip('"') for w in plain if w.startswith("?")]
    never = [w[1:].strip('"') for w in plain if w.startswith("-") and len(w) > 1]
    all_ = [w for w in plain if not w.startswith("?") and not (w.startswith("-") and len(w) > 1)]
    return lambda line: (
        all(w in line for w in all_)
        and not any(w in line for w in never)
        and (not either or any(w in line for w in either))
    )


def _question(asked: Mapping[str, Any]) -> dict[str, Any]:
    """What is asked for, without which page of it."""
    return {name: value for name, value in asked.items() if name not in ("nextToken", "limit")}


def _group_name(asked: Mapping[str, Any]) -> str:
    name, identifier = asked.get("logGroupName"), asked.get("logGroupIdentifier")
    if (name is None) == (identifier is None):
        raise InvalidLogParameter("expected exactly one of logGroupName and logGroupIdentifier")
    return str(name or str(identifier).rpartition("log-group:")[2])


def _group(name: str) -> tuple[bool, Stream]:
    if name not in _GROUPS:
        raise LogNotFound("The specified log group does not exist.")
    return _GROUPS[name]


def _within(asked: Mapping[str, Any]) -> Callable[[Line], bool]:
    start, end = asked.get("startTime", 0), asked.get("endTime", 1 << 62)
    return lambda line: start <= line.at_ms < end


def _token(token: str | None, stream: str) -> tuple[str | None, tuple[int, int]]:
    """`f/<row>/<place>`: what comes after; `b/...`: what is before. GetLogEvents gives both, always."""
    if token is None:
        return None, (0, -1)
    found = re.fullmatch(r"([fb])/(\d{1,19})/(-?\d{1,9})", token)
    if found is None:
        raise InvalidLogParameter(f"nextToken was not given out for the stream {stream}")
    return found[1], (int(found[2]), int(found[3]))


def _require_stream(conn: psycopg.Connection, caller: Caller, group: str, run_id: str) -> None:
    spark, stream = _group(group)
    if not log_streams.find(conn, place_of(caller), spark=spark, stream=stream, prefix=run_id):
        raise LogNotFound("The specified log stream does not exist.")


def _arn(caller: Caller, group: str) -> str:
    return f"arn:aws:logs:{caller.region}:{caller.account_id}:log-group:{group}"


def _stream(caller: Caller, group: str, found: LogStream) -> dict[str, Any]:
    return {
        "logStreamName": found.run_id, "creationTime": found.created_ms, "firstEventTimestamp": found.first_ms,
        "lastEventTimestamp": found.last_ms, "lastIngestionTime": found.last_ms, "storedBytes": 0,
        "arn": f"{_arn(caller, group)}:log-stream:{found.run_id}",
    }  # fmt: skip
