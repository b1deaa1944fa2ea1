"""getResolvedOptions, by its documented forms."""

from __future__ import annotations

import pytest

from awsglue.utils import GlueArgumentError, getResolvedOptions


def test_values_in_both_forms() -> None:
    argv = ["s.py", "--JOB_NAME", "j", "--day=2024-01-01", "--n", "-5", "--empty=", "--other", "x"]
    found = getResolvedOptions(argv, ["JOB_NAME", "day", "n", "empty"])
    assert {k: found[k] for k in ("JOB_NAME", "day", "n", "empty")} == {
        "JOB_NAME": "j", "day": "2024-01-01", "n": "-5", "empty": "",
    }  # fmt: skip
    assert "other" not in found


def test_hyphens_and_what_glue_gives_itself() -> None:
    argv = [
        "s.py",
        "--my-option",
        "v",
        "--job-bookmark-option",
        "job-bookmark-enable",
        "--TempDir",
        "s3://t/",
        "--JOB_RUN_ID",
        "jr",
    ]
    found = getResolvedOptions(argv, ["my-option"])
    assert found["my_option"] == "v"
    assert found["job_bookmark_option"] == "job-bookmark-enable"
    assert found["TempDir"] == "s3://t/"
    assert found["JOB_RUN_ID"] == "jr"
    assert getResolvedOptions(["s.py"], [])["job_bookmark_option"] == "job-bookmark-disable"


@pytest.mark.parametrize(
    ("argv", "options", "said"),
    [
        (["s.py"], ["day"], "the following arguments are required: --day"),
        (["s.py", "--day"], ["day"], "argument --day: expected one argument"),
        (["s.py"], ["job-bookmark-option"], "Using reserved arguments: job-bookmark-option"),
        (["s.py", "--job-bookmark-option", "on"], [], "invalid choice: 'on'"),
    ],
)
def test_mistakes(argv: list[str], options: list[str], said: str) -> None:
    with pytest.raises(GlueArgumentError, match=said):
        getResolvedOptions(argv, options)
