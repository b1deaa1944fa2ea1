"""When a file is an object that came: not while it is written, and not under a name that says it is no data yet.

A file that lies in a folder says nothing about being complete. It counts once nobody wrote to it for a while (the settle time);
whoever moves a complete file in place, and S3 itself, need no such wait, but get the same. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta

from glulam.objects.base import ObjectStat

_ENDS = (
    ".tmp",
    ".temp",
    ".part",
    ".partial",
    ".filepart",
    ".crdownload",
    ".inprogress",
    ".swp",
    "._copying_",
    "~",
)
"""Of the names under which programs write before they rename, in lower case."""


def is_hidden(key: str) -> bool:
    """Whether some part of the key begins with a dot, or its name is a temporary one. `_SUCCESS` is an object like others."""
    return key.startswith(".") or "/." in key or key.lower().endswith(_ENDS)


def is_settled(found: ObjectStat, now: datetime, settle: timedelta) -> bool:
    """A time of change that lies ahead was set by hand."""
    return found.last_modified + settle <= now or found.last_modified > now + settle
