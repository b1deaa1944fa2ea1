"""What an installation chooses: one frozen value, read once from the environment.

Plain dataclass on purpose: a cold `glulam run` must not pay a quarter of a second for a settings library.
Every field is documented in docs/settings.md; a test compares the two.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path

from glulam.model.errors import InvalidConfig
from glulam.model.place import Place


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Each field is read from the environment variable `GLULAM_<FIELD IN CAPITALS>`."""

    home: Path = Path(".glulam")
    """Folder of the installation's own state: the embedded PostgreSQL, spooled downloads, logs."""
    lake: Path | None = None
    """Root folder of the local lake: `s3://bucket/key` is the file `<lake>/bucket/key`. Default `<home>/../lake`."""
    database_url: str | None = None
    """A `postgresql://` URL. Unset: PostgreSQL runs embedded in `<home>/postgres`."""
    objects: str = "local"
    """`local` (the lake folder) or `s3` (AWS_ENDPOINT_URL, AWS_REGION and credentials from the usual variables)."""
    engine: str = "duckdb"
    """`duckdb` or `spark`."""
    spark_master: str = "local[*]"
    """Spark's master: `local[*]`, `spark://host:7077`, or `sc://host:15002` for Spark Connect."""
    threads: int = 0
    """Worker threads of the embedded engine. 0: one for each CPU."""
    memory_mb: int = 1024
    """Memory that the embedded engine plans for, in MiB; beyond it, work spills to `<home>/spill`."""
    secret_key: str | None = field(default=None, repr=False)
    """Key that encrypts secrets at rest: base64 of 32 bytes. Unset: `<home>/secret.key`, made at first use."""
    account_id: str = "123456789012"
    """The AWS account id that the server answers for: twelve digits, part of every ARN."""
    region: str = "us-east-1"
    """The region whose catalog the pipelines and `glulam sql` use. (A client's is the one that it signs for.)"""
    host: str = "127.0.0.1"
    """Address that `glulam up` listens on. Any but a loopback address needs access keys and TLS."""
    port: int = 5150
    """Port that `glulam up` listens on; 0 takes a free one."""
    tls_certificate: Path | None = None
    """PEM file with the server's certificate chain."""
    tls_key: Path | None = None
    """PEM file with the certificate's private key."""
    keep_versions: int = 0
    """So many versions of a table are kept at most; 0: all."""
    max_body_mb: int = 16
    """Largest request that the Glue API takes, in MiB."""
    connection_hosts: str = ""
    """Networks, addresses and host names, with commas between, that TestConnection may connect to. Empty: loopback."""
    endpoint: str | None = None
    """URL at which the runs of a worker, and `glulam plan` and `apply`, reach the server. Unset: `http://127.0.0.1:<port>`."""
    job_slots: int = 0
    """Job runs that a worker carries out at a time. 0: one for each CPU, at least two."""
    job_user: str | None = None
    """The account that scripts run as when the worker is root. Unset: `glulam-jobs`, `nobody` or `daemon`."""
    job_role: str = "author"
    """The role of the key that each run gets for the server."""
    job_env: str = ""
    """Names of the worker's environment variables that runs get, with commas between."""
    job_index: str | None = None
    """URL of the package index for --additional-python-modules. Unset: pip's own configuration decides."""
    job_log_days: int = 30
    """The lines that runs wrote are kept for so many days."""
    job_run_days: int = 90
    """Job runs are kept for so many days after their end."""
    job_warm: int | None = None
    """Spark sessions that a worker keeps ready for the next run. Unset: one after its first Spark job where there are 8 GB of
    memory or more, else none."""
    job_dpu_price: str = "0.44"
    """What an hour of a DPU costs, for the cost of a run in its metrics."""
    event_queues: str = ""
    """ARNs or URLs of SQS queues whose messages are events of objects, with commas between."""
    event_token: str | None = field(default=None, repr=False)
    """The token that others send with notifications to `/_glulam/events`. Unset: only signed requests are taken."""
    event_look_s: int = 60
    """So often the prefixes that event rules name are looked at, for objects that nobody told of."""
    event_settle_ms: int = 1000
    """A file in the lake counts as complete when nobody wrote to it for so long."""
    event_days: int = 7
    """Events that all rules have seen are kept for so many days."""
    alert_days: int = 90
    """Alerts are kept for so many days after the last event that they were for."""
    alert_hosts: str = ""
    """Networks, addresses and host names, with commas between, that alert channels may connect to beside public addresses.
    Empty: none, or all private ones while the server listens on a loopback address."""

    @property
    def place(self) -> Place:
        """Whose the installation's own events, jobs and alerts are: what the commands show."""
        return Place(account_id=self.account_id, region=self.region)

    @property
    def lake_root(self) -> Path:
        return self.lake if self.lake is not None else self.home.absolute().parent / "lake"

    @classmethod
    def from_env(cls, env: Mapping[str, str] | None = None) -> Settings:
        """Read every `GLULAM_*` variable. Raises InvalidConfig that names the variable and what it held."""
        env = os.environ if env is None else env
        values: dict[str, object] = {}
        for known in fields(cls):
            name = f"GLULAM_{known.name.upper()}"
            text = env.get(name)
            if not text:
                continue
            if known.name in ("home", "lake", "tls_certificate", "tls_key"):
                values[known.name] = Path(text)
            elif known.name in (
                "threads",
                "memory_mb",
                "port",
                "keep_versions",
                "max_body_mb",
                "job_slots",
                "job_log_days",
                "event_look_s",
                "event_settle_ms",
                "job_run_days",
                "job_warm",
                "event_days",
                "alert_days",
            ):
                if not text.isdigit():
                    raise InvalidConfig(f"{name}={text!r}: expected a whole number")
                values[known.name] = int(text)
            else:
                values[known.name] = text
        settings = cls(**values)  # type: ignore[arg-type]
        for name, found, allowed in (
            ("GLULAM_OBJECTS", settings.objects, ("local", "s3")),
            ("GLULAM_ENGINE", settings.engine, ("duckdb", "spark")),
        ):
            if found not in allowed:
                raise InvalidConfig(f"{name}={found!r}: expected one of {', '.join(allowed)}")
        if settings.port > 65_535:
            raise InvalidConfig(f"GLULAM_PORT={settings.port}: expected a port, 0 to 65535")
        if not (len(settings.account_id) == 12 and settings.account_id.isdigit()):
            raise InvalidConfig(f"GLULAM_ACCOUNT_ID={settings.account_id!r}: expected twelve digits")
        return settings
