"""What the process of a run asks the server that runs it, beside AWS's operations: signed with the run's own key.

That key stands in variables of its own, because those of AWS may hold another one: a script sets them to reach somebody
else's account, or GLULAM_JOB_ENV brings the key of an S3.
"""

from __future__ import annotations

import os
import urllib.request

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

KEY = ("GLULAM_RUN_ACCESS_KEY_ID", "GLULAM_RUN_SECRET_ACCESS_KEY", "GLULAM_RUN_SESSION_TOKEN")
"""The variables with the run's own key."""


def server() -> str | None:
    """Its URL; None: this is no run of a server's."""
    endpoint = os.environ.get("AWS_ENDPOINT_URL_GLUE") or os.environ.get("AWS_ENDPOINT_URL")
    return endpoint.rstrip("/") if endpoint and KEY[0] in os.environ else None


def ask(method: str, path: str, body: bytes = b"", *, timeout_s: float) -> bytes:
    """The answer's body; path with its query. Raises urllib's HTTPError for a refusal, OSError when nobody answers."""
    url = f"{server()}{path}"
    request = AWSRequest(method=method, url=url, data=body, headers={"Content-Type": "application/json"})
    SigV4Auth(Credentials(*(os.environ[name] for name in KEY)), "glue", os.environ["AWS_REGION"]).add_auth(
        request
    )
    sent = urllib.request.Request(url, data=body or None, method=method, headers=dict(request.headers))
    with urllib.request.urlopen(sent, timeout=timeout_s) as answer:
        found: bytes = answer.read()
        return found
