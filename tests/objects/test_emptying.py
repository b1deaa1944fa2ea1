"""Removing folders that are too deep for shutil.rmtree, and nothing that a link leads to."""

from __future__ import annotations

import os
from pathlib import Path

from glulam.objects.emptying import remove_folders


def test_very_deep_folders_go(tmp_path: Path) -> None:
    folder = os.open(tmp_path, os.O_RDONLY)
    for _ in range(3000):  # deeper than a call stack, longer than a path
        os.mkdir("_~_", dir_fd=folder)
        os.close(os.open("file", os.O_CREAT | os.O_WRONLY, dir_fd=folder))
        below = os.open("_~_", os.O_RDONLY, dir_fd=folder)
        os.close(folder)
        folder = below
    os.close(folder)
    remove_folders(str(tmp_path))
    assert [found.name for found in tmp_path.iterdir()] == ["file"]


def test_links_hidden_folders_and_files_of_the_root_stay(tmp_path: Path) -> None:
    root, elsewhere = tmp_path / "lake", tmp_path / "elsewhere"
    for folder in (root / "bucket" / "inner", root / "other" / "deep" / "inner", root / ".hidden", elsewhere):
        folder.mkdir(parents=True)
        (folder / "kept").touch()
    (root / "file").touch()
    (root / "bucket" / "link").symlink_to(elsewhere)
    (root / "linked").symlink_to(elsewhere)
    remove_folders(str(root))
    assert {found.name for found in root.iterdir()} == {".hidden", "file", "linked"}
    assert (elsewhere / "kept").exists()
    assert (root / ".hidden" / "kept").exists()
