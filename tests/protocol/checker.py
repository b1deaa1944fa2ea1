"""Walks all states of the model and checks the invariants in each.

`explore` goes depth first through everything and also shows that no run can go round for ever: then every
run, whatever the schedule, ends, and PROGRESS says in what kind of state. `hunt` goes breadth first, to a
violation with a trace as short as any.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from protocol.invariants import CHECKS, progress
from protocol.model import Successor, duties, faults
from protocol.state import Config, State, World, initial

ALL = (*CHECKS, "PROGRESS")


@dataclass(frozen=True, kw_only=True, slots=True)
class Violation:
    invariants: tuple[str, ...]
    detail: str
    trace: tuple[str, ...]
    """The steps that lead from the start to the state."""

    def __str__(self) -> str:
        steps = "\n".join(f"  {number:2}. {label}" for number, label in enumerate(self.trace, 1))
        return f"{', '.join(self.invariants)}: {self.detail}\n{steps}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Result:
    states: int
    worlds: int
    """Distinct contents of database and object store among them."""
    ends: int
    """States in which the protocol has nothing left to do."""
    seconds: float
    violation: Violation | None


class _Walk:
    """What both searches share: the invariants asked for, the worlds checked, the ends met."""

    def __init__(self, config: Config, invariants: Iterable[str]) -> None:
        self.config = config
        self.names = tuple(invariants)
        self.worlds: set[World] = set()
        self.ends = 0
        self.started = time.perf_counter()

    def visit(self, state: State) -> tuple[list[Successor], dict[str, str]]:
        """The successors, and what fell (by invariant). A world is checked once."""
        successors = list(duties(self.config, state))
        ended = not successors
        successors.extend(faults(self.config, state))
        fallen: dict[str, str] = {}
        before = len(self.worlds)
        self.worlds.add(state.world)
        if len(self.worlds) > before:
            verdicts = {name: CHECKS[name](self.config, state.world) for name in self.names if name in CHECKS}
            fallen = {name: verdict for name, verdict in verdicts.items() if verdict}
        if ended:
            self.ends += 1
            if "PROGRESS" in self.names and (verdict := progress(self.config, state)):
                fallen["PROGRESS"] = verdict
        return successors, fallen

    def result(self, states: int, fallen: dict[str, str], trace: Iterable[str]) -> Result:
        violation = None
        if fallen:
            violation = Violation(
                invariants=tuple(fallen), detail="; ".join(fallen.values()), trace=tuple(trace)
            )
        return Result(
            states=states,
            worlds=len(self.worlds),
            ends=self.ends,
            seconds=time.perf_counter() - self.started,
            violation=violation,
        )


def explore(config: Config, invariants: Iterable[str] = ALL) -> Result:
    """Depth first through every state, up to a violation. A cycle is a violation of PROGRESS."""
    walk = _Walk(config, invariants)
    start = initial(config)
    on_path: dict[State, bool] = {start: True}
    successors, fallen = walk.visit(start)
    path: list[tuple[str, State, Iterator[Successor]]] = [("", start, iter(successors))]
    with _no_collector():
        while path and not fallen:
            _, state, remaining = path[-1]
            following = next(remaining, None)
            if following is None:
                on_path[state] = False
                path.pop()
                continue
            label, after = following
            before = len(on_path)
            known = on_path.setdefault(after, True)
            if len(on_path) > before:
                successors, fallen = walk.visit(after)
                path.append((label, after, iter(successors)))
            elif known and "PROGRESS" in walk.names:
                fallen = {"PROGRESS": "a run can go round for ever"}
                path.append((label, after, iter(())))
        return walk.result(len(on_path), fallen, [label for label, _, _ in path[1:]])


def hunt(config: Config, invariants: Iterable[str] = ALL) -> Result:
    """Breadth first to the nearest violation."""
    walk = _Walk(config, invariants)
    start = initial(config)
    came_from: dict[State, tuple[State, str] | None] = {start: None}
    level = [start]
    while level:
        deeper: list[State] = []
        for state in level:
            successors, fallen = walk.visit(state)
            if fallen:
                return walk.result(len(came_from), fallen, _trace(came_from, state))
            for label, after in successors:
                if after not in came_from:
                    came_from[after] = (state, label)
                    deeper.append(after)
        level = deeper
    return walk.result(len(came_from), {}, ())


def _trace(came_from: dict[State, tuple[State, str] | None], state: State) -> list[str]:
    labels: list[str] = []
    while (step := came_from[state]) is not None:
        state, label = step
        labels.append(label)
    return labels[::-1]


@contextmanager
def _no_collector() -> Iterator[None]:
    """Millions of tuples, no cycle among them: the garbage collector would walk them again and again."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
