"""Whether the lake's file system keeps apart the names that S3 keeps apart."""

from __future__ import annotations

import os
import shutil
import unicodedata
from collections.abc import Callable

from glulam.model.errors import InvalidConfig
from glulam.objects.versions import TEMPORARY, unique_name

_PAIRS = (("a", "A", "case"), ("\u00e9", unicodedata.normalize("NFD", "\u00e9"), "how an accent is written"))


def require_exact_names(root: str, exists: Callable[[str], bool] = os.path.lexists) -> None:
    """Raises InvalidConfig when two keys would be one file."""
    folder = f"{root}/.names-{unique_name()}{TEMPORARY}"
    os.mkdir(folder)
    try:
        for made, other, difference in _PAIRS:
            os.mkdir(f"{folder}/{made}")
            if exists(f"{folder}/{other}"):
                raise InvalidConfig(
                    f"the lake {root} is on a file system that takes names for one that differ in {difference} only; S3 "
                    "keys need a file system that does not (GLULAM_LAKE names another folder)"
                )
    finally:
        shutil.rmtree(folder)
