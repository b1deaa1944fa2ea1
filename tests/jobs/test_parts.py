"""The small parts: what a process is, what arguments mean, how a failure is said."""

from __future__ import annotations

import os
import select
from pathlib import Path

import pytest

from glulam.jobs.account import job_account
from glulam.jobs.arguments import merge
from glulam.jobs.capacity import capacity_of
from glulam.jobs.explain import hint, root_cause, sentence
from glulam.jobs.launcher import Ended, Launcher, ProcessPlan
from glulam.model.errors import InvalidConfig, InvalidInput


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_root_becomes_the_account_with_no_groups_and_no_way_back(tmp_path: Path) -> None:
    script = Path("/tmp") / f"glulam-test-{os.getpid()}.py"
    script.write_text(
        "import os\nprint(os.getuid(), os.getgid(), os.getgroups())\n"
        "try:\n    os.setuid(0)\nexcept PermissionError:\n    print('refused')\n"
    )
    script.chmod(0o644)
    plan = ProcessPlan(argv=(str(script),), script=str(script), python_path=(), folder=Path("/tmp"), env={}, limits={},
                       user=(65534, 65534), grace_s=1)  # fmt: skip
    try:
        with Launcher() as launcher:
            process = launcher.start(plan)
            said = b""
            while process.ended is None:
                for ready in select.select([process.output, process.control], [], [])[0]:
                    if ready is process.control:
                        process.hear()
                    else:
                        said += os.read(process.output, 1000)
            said += os.read(process.output, 1000)
            process.close()
    finally:
        script.unlink()
    assert said.decode().splitlines() == ["65534 65534 []", "refused"]


def test_the_account_is_never_roots_or_postgresqls() -> None:
    if os.geteuid() != 0:
        with pytest.raises(InvalidConfig, match="only root"):
            job_account("nobody", Path("/nowhere"))
        return
    with pytest.raises(InvalidConfig, match="expected an account"):
        job_account("no-such-account", Path("/nowhere"))
    found = job_account(None, Path("/nowhere"))
    assert (found.user is None) == (found.why_not is not None)
    assert found.user is None or found.user[0] != 0
    assert job_account("root", Path("/nowhere")).user is None


def test_spark_settings_and_driver_variables() -> None:
    arguments = merge(
        {"--conf": "a=1 --conf b='x y' --conf c=d=e", "--customer-driver-env-vars": "A=1,B=2"}, {}, {}
    )
    assert arguments.spark_conf() == {"a": "1", "b": "x y", "c": "d=e"}
    assert arguments.driver_env() == {"A": "1", "B": "2"}
    with pytest.raises(InvalidInput, match="expected name=value"):
        merge({"--conf": "a"}, {}, {}).spark_conf()


def test_sizes() -> None:
    spark = capacity_of({"Command": {"Name": "glueetl"}, "WorkerType": "G.2X", "NumberOfWorkers": 5})
    assert (spark.workers, spark.cores, spark.memory_bytes, spark.dpu) == (5, 8, 32 << 30, 10)
    shell = capacity_of({"Command": {"Name": "pythonshell"}, "MaxCapacity": 0.0625})
    assert (shell.cores, shell.memory_bytes, shell.dpu) == (1, 1 << 30, 0.0625)


def test_the_root_cause_of_a_java_error_is_the_innermost_one() -> None:
    text = (
        "An error occurred while calling o1.save.\n: org.apache.spark.SparkException: Job aborted.\n"
        "\tat org.apache.X\nCaused by: java.io.IOException: No space left on device\n\tat java.base/Y\n"
    )
    report = {
        "type": "py4j.protocol.Py4JJavaError",
        "message": text,
        "file": "/x/s.py",
        "line": 3,
        "text": "df.save()",
    }
    said = sentence(root_cause(Ended(status=1, report=report, usage={})))
    assert said == (
        "java.io.IOException: No space left on device (s.py, line 3: df.save()). "
        "the disk of the run's folder is full"
    )
    assert "out of memory" in sentence(root_cause(Ended(status=-9, report=None, usage={})))
    assert hint("ModuleNotFoundError: No module named 'pyspark'") == "pip install 'glulam[spark]'"
    missing = "java.lang.ClassNotFoundException: Class org.apache.hadoop.fs.s3a.S3AFileSystem not found"
    assert "org.apache.hadoop:hadoop-aws:" in (hint(missing) or "")
    assert hint("nothing known") is None
