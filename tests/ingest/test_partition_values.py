"""A record whose partition value no folder and no catalog can hold is a dead letter; its neighbours are not."""

from __future__ import annotations

import pytest

from glulam.engine.partition_values import FOLDER_BYTES
from glulam.model.states import FileStatus

from .conftest import Project

BY_MODE = "transform: {select: ['*'], partition_by: [mode]}"
ROOM = FOLDER_BYTES - len("mode=")


@pytest.mark.parametrize(
    ("value", "detail"),
    [
        ("z\0", "partition column mode: its value has the character U+0000"),
        ("a" * (ROOM + 1), "partition column mode: its folder name needs 256 bytes, at most 255 fit"),
        (":" * (ROOM // 3 + 1), "partition column mode: its folder name needs 257 bytes, at most 255 fit"),
        ("é" * (ROOM // 2 + 1), "partition column mode: its folder name needs 257 bytes, at most 255 fit"),
    ],
    ids=["NUL", "long", "long when escaped", "long in bytes"],
)
def test_a_value_that_does_not_fit(project: Project, value: str, detail: str) -> None:
    project.put(
        "historical/a.json", {"id": 1, "mode": "x"}, {"id": 2, "mode": value}, {"id": 3, "mode": None}
    )
    report = project.run(BY_MODE)
    assert (report.read, report.written, report.rejected) == (3, 2, 1)
    assert report.reasons == {"BAD_PARTITION_VALUE": 1}
    assert [f.status for f in project.files()] == [FileStatus.SUCCEEDED]
    (letter,) = project.dead()
    assert (letter["record_no"], letter["reason_code"], letter["reason"]) == (
        2,
        "BAD_PARTITION_VALUE",
        detail,
    )
    assert sorted(row["id"] for row in project.rows()) == [1, 3]


@pytest.mark.parametrize("value", ["a" * ROOM, ":" * (ROOM // 3), "é" * (ROOM // 2)])
def test_the_longest_value_that_fits(project: Project, value: str) -> None:
    project.put("historical/a.json", {"id": 1, "mode": value})
    assert project.run(BY_MODE).written == 1


def test_folders_that_are_too_long_together(project: Project) -> None:
    keys = [f"k{n}" for n in range(5)]
    project.put(
        "historical/a.json",
        dict.fromkeys(keys, "a" * 149),
        dict.fromkeys(keys, "a" * 150),
        {"k0": "\0" * 300},
    )
    report = project.run(f"transform: {{select: ['*'], partition_by: {keys}}}")
    assert (report.written, report.reasons) == (1, {"BAD_PARTITION_VALUE": 2})
    assert project.dead()[0]["reason"].startswith("partition columns: their folder names need 770 bytes")
