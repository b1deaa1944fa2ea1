"""Which project a command finds."""

from __future__ import annotations

from pathlib import Path

import pytest

from glulam.cli.project import new_settings, pipeline_path, settings_for
from glulam.model.errors import EntityNotFound


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GLULAM_HOME", "GLULAM_LAKE", "GLULAM_DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)


def test_the_nearest_folder_above_with_a_pipeline_or_state(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a" / "b" / "c").mkdir(parents=True)
    (tmp_path / "a" / "pipeline.yaml").write_text("")
    monkeypatch.chdir(tmp_path / "a" / "b" / "c")
    settings = settings_for(None)
    assert settings.home == tmp_path / "a" / ".glulam"
    assert settings.lake_root == tmp_path / "a" / "lake"
    (tmp_path / "a" / "b" / ".glulam").mkdir()
    assert settings_for(None).home == tmp_path / "a" / "b" / ".glulam"


def test_around_the_pipeline_file_wherever_the_command_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "p" / "more").mkdir(parents=True)
    (tmp_path / "p" / ".glulam").mkdir()
    other = tmp_path / "p" / "more" / "other.yaml"
    other.write_text("")
    monkeypatch.chdir("/")
    assert settings_for(None, other).home == tmp_path / "p" / ".glulam"
    alone = tmp_path / "alone.yaml"
    alone.write_text("")
    assert settings_for(None, alone).home == tmp_path / ".glulam"


def test_home_in_the_environment_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GLULAM_HOME", str(tmp_path / "home"))
    assert settings_for(tmp_path).home == tmp_path / "home"
    assert new_settings(tmp_path).home == tmp_path / "home"


def test_no_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(EntityNotFound, match="glulam init"):
        settings_for(None)
    with pytest.raises(EntityNotFound, match="no such pipeline file"):
        pipeline_path(tmp_path / "x.yaml", None)


def test_a_folder_stands_for_its_pipeline(tmp_path: Path) -> None:
    (tmp_path / "pipeline.yaml").write_text("")
    assert pipeline_path(tmp_path, None) == tmp_path / "pipeline.yaml"
    assert pipeline_path(None, tmp_path) == tmp_path / "pipeline.yaml"
