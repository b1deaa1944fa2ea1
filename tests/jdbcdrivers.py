"""JDBC drivers for the tests. None is part of Glulam: GLULAM_TEST_POSTGRES_JAR and GLULAM_TEST_MARIADB_JAR name them, else
they are where Debian's packages (libpostgresql-jdbc-java, libmariadb-java) put them."""

from __future__ import annotations

import os
from pathlib import Path


def _found(variable: str, installed: str) -> str | None:
    return os.environ.get(variable) or (installed if Path(installed).is_file() else None)


POSTGRES_JAR = _found("GLULAM_TEST_POSTGRES_JAR", "/usr/share/java/postgresql.jar")
MARIADB_JAR = _found("GLULAM_TEST_MARIADB_JAR", "/usr/share/java/mariadb-java-client.jar")
