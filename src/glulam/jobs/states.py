"""States of a job run, and the moves between them. The database refuses every other move (trigger job_run_moves).

    WAITING --------> STARTING --------> RUNNING --------> SUCCEEDED
      |  a place is      |   a worker      |  \\ \\---------> FAILED      (again: a new run, while retries are left)
      |  free            |   claims it     |   \\----------> TIMEOUT
      |                  |                 v
      |                  |              STOPPING --------> STOPPED     (or SUCCEEDED: the script was done first)
      \\----> EXPIRED     \\------> STOPPED, ERROR (its job was deleted)

A worker that ends in order gives back what it claimed and did not start: RUNNING -> STARTING.
"""

from __future__ import annotations

from enum import StrEnum


class RunState(StrEnum):
    """Glue's JobRunState."""

    WAITING = "WAITING"
    STARTING = "STARTING"
    RUNNING = "RUNNING"
    STOPPING = "STOPPING"
    STOPPED = "STOPPED"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    TIMEOUT = "TIMEOUT"
    ERROR = "ERROR"
    EXPIRED = "EXPIRED"

    @property
    def ended(self) -> bool:
        return self not in OPEN


OPEN = frozenset({RunState.WAITING, RunState.STARTING, RunState.RUNNING, RunState.STOPPING})
