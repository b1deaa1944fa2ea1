"""Removes folders with all that is in them, however deep they are.

A key of S3 can make a thousand folders in each other: too deep for a function that calls itself, too long for a path, and
too many for open descriptors. So what lies in a folder is moved up, beside it, before the folder goes.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from itertools import count

from glulam.objects.versions import unique_name

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def remove_folders(root: str) -> None:
    """All folders right below `root`, but hidden ones. No link is followed; what a writer puts in meanwhile may stay."""
    above = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with os.scandir(above) as entries:
            waiting = [e.name for e in entries if e.name[0] != "." and e.is_dir(follow_symlinks=False)]
        numbers, stem = count(), unique_name()
        while waiting:
            name = waiting.pop()
            with contextlib.suppress(OSError):
                waiting += _moved_up(above, name, (f"{stem}-{number}" for number in numbers))
                os.rmdir(name, dir_fd=above)
    finally:
        os.close(above)


def _moved_up(above: int, name: str, names: Iterator[str]) -> list[str]:
    """The new names, beside it, of the folders that were in the folder of that name; everything else in it is removed."""
    found: list[str] = []
    folder = os.open(name, _FOLDER, dir_fd=above)
    try:
        with os.scandir(folder) as entries:
            inside = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries]
        for inner, is_folder in inside:
            with contextlib.suppress(FileNotFoundError):
                if not is_folder:
                    os.unlink(inner, dir_fd=folder)
                    continue
                new = next(names)
                os.rename(inner, new, src_dir_fd=folder, dst_dir_fd=above)
                found.append(new)
    finally:
        os.close(folder)
    return found
