"""Tests a connection for real, in a process of its own that ends with the test or is killed: a driver that hangs or
crashes takes no server with it, and what it loads stays out of the server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import asdict, dataclass

from glulam.catalog.connection_targets import Target
from glulam.model.errors import ConnectionFailed, InvalidInput

LOOPBACK = ("127.0.0.0/8", "::1/128")
_PASSED_ON = ("PATH", "PYTHONPATH", "LD_LIBRARY_PATH", "LANG", "LC_ALL")
"""Of the environment: nothing that holds a secret, or that would change where a driver connects to."""
_START_S = 5


@dataclass(frozen=True, kw_only=True)
class ConnectionTester:
    """Tests connections to the addresses that are allowed."""

    allowed: tuple[str, ...] = LOOPBACK
    """Networks, addresses and host names."""
    timeout_s: int = 10

    @classmethod
    def parse(cls, text: str) -> ConnectionTester:
        """From `Settings.connection_hosts`: entries with commas between; empty allows loopback only."""
        return cls(allowed=tuple(entry.strip() for entry in text.split(",") if entry.strip()) or LOOPBACK)

    def test(self, target: Target) -> None:
        """Raises InvalidInput (not allowed, no driver) or ConnectionFailed (it was tried)."""
        asked = {"target": asdict(target), "allowed": self.allowed, "timeout_s": self.timeout_s}
        where = f"{target.engine} at {target.host}:{target.port}"
        try:
            ended = subprocess.run(
                [sys.executable, "-m", "glulam.catalog.connection_probe"], input=json.dumps(asked), text=True,
                capture_output=True, timeout=self.timeout_s + _START_S, check=False,
                env={name: os.environ[name] for name in _PASSED_ON if name in os.environ},
            )  # fmt: skip
        except subprocess.TimeoutExpired as error:
            raise ConnectionFailed(f"{where}: no answer within {self.timeout_s} seconds") from error
        if ended.returncode != 0:
            raise ConnectionFailed(f"{where}: the test's process ended with code {ended.returncode}")
        found = json.loads(ended.stdout)
        if "refused" in found:
            raise InvalidInput(f"{where}: not tested: {found['refused']}")
        if "failed" in found:
            raise ConnectionFailed(f"{where}: {found['failed']}")
