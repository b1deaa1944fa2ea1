"""The process of one command, made for what it is: a short life with large arrays.

Python's defaults are those of a long life. Its collector looks at every object each time a few hundred were made, and
its exit takes the interpreter apart module by module; together that is a tenth of a run. Nothing here changes what a
command does. Left to `main.py`: the command itself."""

from __future__ import annotations

import atexit
import gc
import logging
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import ModuleType
from typing import NoReturn

_OBJECTS_PER_COLLECTION = 100_000


def prepare() -> None:
    """Before anything heavy is imported."""
    gc.set_threshold(_OBJECTS_PER_COLLECTION, 50, 100)
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # numpy's, which we do no linear algebra with
    # Arrow's own allocator has the kernel clear huge pages over and over: a second of a seven-second run
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")


@contextmanager
def hidden(package: str) -> Iterator[None]:
    """Inside, an import finds no such package, unless it is imported already."""

    class Hidden:
        @staticmethod
        def find_spec(name: str, path: Sequence[str] | None = None, target: ModuleType | None = None) -> None:
            if name == package:
                raise ModuleNotFoundError(f"{name} is hidden", name=name)

    sys.meta_path.insert(0, Hidden)
    try:
        yield
    finally:
        sys.meta_path.remove(Hidden)


def warn_on_stderr() -> None:
    """Warnings in a line each. What is worse is in the command's answer; its traceback would only hide that."""
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("glulam: %(message)s"))
    handler.addFilter(lambda record: record.levelno <= logging.WARNING)
    handler.setLevel(logging.WARNING)
    logging.getLogger("glulam").addHandler(handler)


def leave(code: int) -> NoReturn:
    """End now. What was registered for the exit is done; what the kernel frees anyway is left to it."""
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
