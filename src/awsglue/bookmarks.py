"""Job bookmarks on the job's side: what a source has that earlier runs did not read, and the state to keep.

    unread(listing, state) -> (work, next state)        pure, for files
    window(keys, state, top) -> (condition, next state) pure, for JDBC tables

State is one JSON value for each transformation_ctx. It moves only when the job commits: a run that fails reads the same
again. A file is known by its path and etag, so one that was written again is read again, whatever its time says.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from awsglue.listing import FileVersion
from glulam.model.errors import InvalidInput

log = logging.getLogger("awsglue")
State = dict[str, Any]
ENABLE, DISABLE, PAUSE = "job-bookmark-enable", "job-bookmark-disable", "job-bookmark-pause"


class BookmarkClient(Protocol):
    def load(self, job_name: str, run_id: str | None = None) -> State:
        """State by transformation_ctx, as it is or as that run left it; empty when there is none."""

    def commit(self, job_name: str, run_id: str, state: State) -> None:
        """Keep the state; visible to later runs once this run has succeeded."""


def digest(file: FileVersion) -> str:
    return hashlib.blake2b(f"{file.path}\0{file.etag}".encode(), digest_size=8).hexdigest()


def unread(listing: Iterable[FileVersion], state: State | None) -> tuple[list[FileVersion], State]:
    """Versions that no committed run has read. The next state knows every version that is there now, and no other."""
    seen = set((state or {}).get("seen", ()))
    found = [(file, digest(file)) for file in listing]
    work = [file for file, name in found if name not in seen]
    return work, {"kind": "files", "seen": sorted(name for _, name in found)}


@dataclass(frozen=True, kw_only=True)
class Keys:
    """The columns whose values grow (or fall) with each new row."""

    names: Sequence[str]
    descending: bool = False
    lookback: float = 0
    """So much before the last value is read again: for rows that were committed late. Numbers only."""


def within(listing: Iterable[FileVersion], end: State | None) -> list[FileVersion]:
    """The versions that were there when `end` was committed; all without an end."""
    seen = None if end is None else set(end.get("seen", ()))
    return [file for file in listing if seen is None or digest(file) in seen]


Top = Sequence[Any]
"""The last values of the keys that are in the table now."""


def window(keys: Keys, state: State | None, top: Top | None) -> tuple[str | None, State]:
    """The rows between what was read and `top`, as an SQL condition, None for all of them; `1 = 0` for an empty table."""
    last = (state or {}).get("last")
    if top is None:
        return "1 = 0", state or {}
    parts = [f"NOT ({_beyond(keys, top)})"]
    if last is not None:
        if list((state or {}).get("keys", ())) != list(keys.names):
            raise InvalidInput(
                f"the bookmark is on {(state or {}).get('keys')}, the job asks for {list(keys.names)}; reset it"
            )
        parts.append(f"({_beyond(keys, _looking_back(keys, last))})")
    return " AND ".join(parts), {"kind": "jdbc", "keys": list(keys.names), "last": [_plain(v) for v in top]}


def _looking_back(keys: Keys, last: Top) -> Top:
    if not keys.lookback:
        return last
    if len(last) != 1 or not isinstance(last[0], int | float):
        raise InvalidInput("a lookback needs one bookmark key, and that a number")
    return [last[0] + keys.lookback if keys.descending else last[0] - keys.lookback]


def _beyond(keys: Keys, values: Top) -> str:
    """(a, b) > (x, y), written out as databases without row values take it."""
    sign = "<" if keys.descending else ">"
    terms = []
    for at, (name, value) in enumerate(zip(keys.names, values, strict=True)):
        equal = [f"{n} = {literal(v)}" for n, v in zip(keys.names[:at], values[:at], strict=True)]
        terms.append("(" + " AND ".join([*equal, f"{name} {sign} {literal(value)}"]) + ")")
    return " OR ".join(terms)


def literal(value: Any) -> str:
    """A value as SQL."""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, int | float):
        return repr(value)
    return "'" + str(value).replace("'", "''") + "'"


def _plain(value: Any) -> Any:
    return value if isinstance(value, int | float | str) else str(value)


@dataclass(kw_only=True)
class JobBookmark:
    """What a run knows: the state it started from, and the one that its commit will leave."""

    job_name: str
    run_id: str
    option: str
    client: BookmarkClient
    before: State = field(default_factory=dict)
    until: State | None = None
    """Of a paused bookmark with a range: what lies beyond this state is not read."""
    after: State = field(default_factory=dict)

    @classmethod
    def begin(
        cls, client: BookmarkClient, *, job_name: str, run_id: str, option: str, start: str | None = None,
        end: str | None = None,
    ) -> JobBookmark:  # fmt: skip
        """`start` and `end`: ids of runs, for a paused bookmark. What the runs up to `start` read is left out, and what
        came after `end`."""
        if option not in (ENABLE, DISABLE, PAUSE):
            raise InvalidInput(f"--job-bookmark-option {option!r}: expected {ENABLE}, {DISABLE} or {PAUSE}")
        if (start or end) and option != PAUSE:
            raise InvalidInput(
                f"--job-bookmark-from and --job-bookmark-to need --job-bookmark-option {PAUSE}"
            )
        before = {} if option == DISABLE else client.load(job_name, start)
        until = client.load(job_name, end) if end else None
        return cls(
            job_name=job_name, run_id=run_id, option=option, client=client, before=before, until=until,
            after=dict(before),
        )  # fmt: skip

    @property
    def reads(self) -> bool:
        """Whether sources leave out what was read before."""
        return self.option != DISABLE

    def state(self, transformation_ctx: str) -> State | None:
        found: State | None = self.before.get(transformation_ctx)
        return found

    def end(self, transformation_ctx: str) -> State | None:
        """The state beyond which nothing is read, None without such an end."""
        return None if self.until is None else self.until.get(transformation_ctx, {})

    def note(self, transformation_ctx: str, state: State) -> None:
        if self.option == ENABLE:
            self.after[transformation_ctx] = state

    def commit(self) -> None:
        if self.option == ENABLE:
            self.client.commit(self.job_name, self.run_id, self.after)
            self.before = dict(self.after)
