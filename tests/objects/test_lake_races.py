"""No version of a source is lost by a move, whatever a writer does and wherever the process dies.

Two ways to look: every interleaving of one move with writers and a crash, step by step (a step is one call to
the operating system); and real threads for a while.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from glulam.model.errors import ObjectChanged, ObjectNotFound
from glulam.model.uri import S3Uri
from glulam.objects.lake import Lake
from glulam.objects.versions import ASIDE, etag_of

STEPS = ("lstat", "stat", "link", "rename", "replace", "unlink", "listdir", "mkdir", "makedirs")
"""The calls that look at or change names; a writer may come, or the power go, before each of them."""
SOURCE, TARGET = S3Uri("b", "raw/a.json"), S3Uri("b", "done/a.json")
Action = Callable[[Path], None]


def replace(source: Path) -> None:
    """A writer that renames a new version into place."""
    fresh = source.with_name("fresh.tmp~")
    fresh.write_bytes(b"second, longer")
    os.rename(fresh, source)


def create(source: Path) -> None:
    """A writer that writes only where nothing is."""
    with contextlib.suppress(FileExistsError), open(source, "xb") as file:
        file.write(b"third, created")


def rewrite(source: Path) -> None:
    """A writer that writes in place."""
    if source.exists():
        source.write_bytes(b"second, in place")


def swap_out(source: Path) -> None:
    """A writer that puts a new version in place of the old one and keeps that."""
    if source.exists():
        os.rename(source, source.with_name("kept.tmp~"))
        source.write_bytes(b"second, longer")


def swap_back(source: Path) -> None:
    """The same writer thinks better of it."""
    kept = source.with_name("kept.tmp~")
    if kept.exists():
        os.rename(kept, source)


class PowerCut(BaseException):
    """Ends a move at a step. No later step has an effect, so nothing is cleaned up, as after kill -9."""


def die(source: Path) -> None:
    raise PowerCut


class Stepped:
    """Counts the steps of this thread while it is entered, and does `at[n]` before step n."""

    def __init__(self, source: Path, at: dict[int, Action]) -> None:
        self.source, self.at, self.steps, self.dead, self.acting = source, at, 0, False, False
        self.thread = threading.get_ident()
        self.real: dict[str, Callable[..., object]] = {name: getattr(os, name) for name in STEPS}

    def __enter__(self) -> Stepped:
        for name, call in self.real.items():
            setattr(os, name, functools.partial(self.step, call))
        return self

    def __exit__(self, *error: object) -> None:
        for name, call in self.real.items():
            setattr(os, name, call)

    def step(self, call: Callable[..., object], *args: object, **kwargs: object) -> object:
        if threading.get_ident() != self.thread or self.acting:
            return call(*args, **kwargs)
        action = self.at.get(self.steps)
        self.steps += 1
        if action is die or self.dead:
            self.dead = True
            raise PowerCut
        if action is not None:
            self.acting = True
            action(self.source)
            self.acting = False
        return call(*args, **kwargs)


@dataclass
class Outcome:
    """The state after a move that was perhaps cut short, and was done again."""

    raw: list[bytes] = field(default_factory=list)
    done: list[bytes] = field(default_factory=list)


def _outcome(base: Path, name: str, at: dict[int, Action]) -> tuple[Outcome, int]:
    """Move, with `at[n]` done before step n; move again; check what must always hold. Returns what is where,
    and how many steps the first move took."""
    root = base / name
    source = root / "b" / "raw" / "a.json"
    source.parent.mkdir(parents=True)
    source.write_bytes(b"first")
    etag, said_moved = Lake(root).head(SOURCE).etag, False
    with Stepped(source, at) as stepped, contextlib.suppress(PowerCut, ObjectChanged):
        Lake(root).move(SOURCE, TARGET, etag)
        said_moved = True
    try:
        Lake(root).move(SOURCE, TARGET, etag)
        said_moved = True
    except (ObjectChanged, ObjectNotFound):
        pass
    found = Outcome()
    for page in Lake(root).list(S3Uri("b", "")):
        for stat in page:
            content = (root / stat.uri.bucket / stat.uri.key).read_bytes()
            (found.raw if stat.uri.key.startswith("raw/") else found.done).append(content)
    assert not any((root / "b").rglob(f"{ASIDE}/*")), f"{name}: a file was left aside"
    assert found.done in ([b"first"], []), f"{name}: the target holds {found.done}"
    assert found.done or not said_moved, f"{name}: said to be moved, but is not there"
    return found, stepped.steps


def _steps_of_a_move(base: Path) -> int:
    found, steps = _outcome(base, "alone", {})
    assert (found.raw, found.done) == ([], [b"first"])
    assert steps > 5, "the counting of steps does not work"
    return steps


def test_a_crash_at_every_step(tmp_path: Path) -> None:
    for crash in range(_steps_of_a_move(tmp_path)):
        found, _ = _outcome(tmp_path, f"crash-{crash}", {crash: die})
        assert (found.raw, found.done) == ([], [b"first"]), f"crash before step {crash}"


@pytest.mark.parametrize(
    ("writer", "content"),
    [(replace, b"second, longer"), (rewrite, b"second, in place"), (create, b"third, created")],
)
def test_a_writer_and_a_crash_at_every_step(tmp_path: Path, writer: Action, content: bytes) -> None:
    steps = _steps_of_a_move(tmp_path)
    wrote = 0
    for write in range(steps):
        _, after = _outcome(tmp_path, f"{write}", {write: writer})
        for crash in (None, *range(write + 1, after)):
            at = {write: writer} if crash is None else {write: writer, crash: die}
            found, _ = _outcome(tmp_path, f"{write}-{crash}", at)
            about = f"write before step {write}, crash before step {crash}"
            everything = found.raw + found.done
            wrote += content in everything
            if writer is create:  # it never destroys: the first version must be there too
                assert b"first" in everything, about
            else:
                assert content in found.raw or (writer is rewrite and found.done == [b"first"]), about
            assert found.raw.count(content) <= 1, about
    assert wrote, "the writer never got its chance"


def test_two_writers_at_every_pair_of_steps(tmp_path: Path) -> None:
    """One replaces, the other creates where nothing is (and so destroys nothing): its version and the one
    before it are both kept."""
    steps = _steps_of_a_move(tmp_path)
    both = 0
    for first in range(steps):
        for second in range(first + 1, steps + 8):
            found, _ = _outcome(tmp_path, f"{first}-{second}", {first: replace, second: create})
            assert b"second, longer" in found.raw, f"replaced before {first}, created before {second}"
            both += b"third, created" in found.raw
    assert both, "the second writer never got its chance"


def test_a_version_that_goes_and_comes_back(tmp_path: Path) -> None:
    """What was linked in between is not the version that was there before and after."""
    steps = _steps_of_a_move(tmp_path)
    for out in range(steps):
        for back in range(out + 1, steps):
            found, _ = _outcome(tmp_path, f"{out}-{back}", {out: swap_out, back: swap_back})
            still_kept = (tmp_path / f"{out}-{back}" / "b" / "raw" / "kept.tmp~").exists()
            about = f"out before {out}, back before {back}"
            assert still_kept or b"first" in found.raw + found.done, about


def _exchange(a: Path, b: Path) -> bool:
    """Swap two names atomically (Linux); False when one is not there."""
    libc = ctypes.CDLL(None, use_errno=True)
    at_cwd, exchange = -100, 2
    return bool(libc.renameat2(at_cwd, os.fsencode(a), at_cwd, os.fsencode(b), exchange) == 0)


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "renameat2"), reason="needs renameat2")
def test_threads_that_move_while_one_replaces(tmp_path: Path) -> None:
    """The writer swaps a new version in and keeps the old one, so it destroys nothing: every version ever
    written must be with the writer, at the source or at a target."""
    root, stop, errors = tmp_path / "lake", threading.Event(), list[BaseException]()
    raw, kept = root / "b" / "raw", root / "b" / "kept"
    raw.mkdir(parents=True)
    kept.mkdir()
    lake, moved = Lake(root), set[str]()

    def mover() -> None:
        while not stop.is_set():
            try:
                etag = lake.head(SOURCE).etag
                lake.move(SOURCE, S3Uri("b", f"done/{etag}"), etag)
                moved.add(etag)
            except (ObjectChanged, ObjectNotFound):
                continue
            except BaseException as error:
                errors.append(error)
                return

    movers = [threading.Thread(target=mover) for _ in range(2)]
    for thread in movers:
        thread.start()
    written, deadline = 0, time.monotonic() + 1.5
    while time.monotonic() < deadline:
        fresh = kept / f"{written}"
        fresh.write_text(f"version {written}")
        written += 1
        if not _exchange(fresh, raw / "a.json"):
            with contextlib.suppress(FileExistsError):
                os.link(fresh, raw / "a.json")
                fresh.unlink()
    stop.set()
    for thread in movers:
        thread.join()
    assert errors == []
    assert not any((root / "b").rglob(f"{ASIDE}/*"))
    done = {path.name: path for path in (root / "b" / "done").iterdir()}
    for etag in moved:
        assert etag_of(done[etag].lstat()) == etag, "the target holds another version than was asked for"
    contents = {path.read_text() for folder in (raw, kept, root / "b" / "done") for path in folder.iterdir()}
    lost = {f"version {number}" for number in range(written)} - contents
    assert lost == set()
    assert len(moved) > 20, "the movers hardly moved"
    assert len(list(kept.iterdir())) > 20, "the writer hardly replaced"


def test_movers_side_by_side(tmp_path: Path) -> None:
    """Two processes redo the same moves at once (a worker stopped past its lease, and its successor)."""
    lake = Lake(tmp_path)
    (tmp_path / "b" / "raw").mkdir(parents=True)
    for number in range(300):
        (tmp_path / "b" / "raw" / f"{number}").write_text(f"{number}")
    todo = [stat for page in lake.list(S3Uri("b", "raw/")) for stat in page]
    errors = list[BaseException]()

    def work() -> None:
        try:
            for stat in todo:
                lake.move(stat.uri, S3Uri("b", f"done/{stat.uri.key[4:]}"), stat.etag)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert sorted(path.read_text() for path in (tmp_path / "b" / "done").iterdir()) == sorted(
        f"{number}" for number in range(300)
    )
    assert [stat for page in lake.list(S3Uri("b", "raw/")) for stat in page] == []
