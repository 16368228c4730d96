"""Try the upgrade of the server, PostgreSQL 15 to 18, on a database that the program filled: by dump, by pg_upgrade.

``python deploy/try_upgrade.py [dump] [pg_upgrade] [--customers N]`` makes a server of the old version, fills it (up to
900 customers the sample dairy, above that the dairy of ``make bench`` with a billed month), and brings it to the new
version: by a dump that is restored, by ``pg_upgrade``, or by each in turn. It compares every row, the structure with a
database that is made anew, and the documents, and says what took how long. The old version is the one of
/usr/lib/postgresql/15, or ``--old FOLDER``, the new one the embedded server's. Ends with exit code 1 when something is
not as it should be.
"""

import argparse
import secrets
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

from click import echo
from loopback_postgres import (
    Postgres,
    contents,
    dairy,
    difference,
    embedded_bin,
    run,
    seconds,
    system_bin,
    work_folder,
)
from sqlalchemy import make_url
from try_proxies import DAIRY, Faults

WAYS = ("dump", "pg_upgrade")
#: Name of the dump → how it is written. What follows the format holds for the restore, too.
FORMATS = {"dairy.dump": ["-Fc"], "dairy.dir": ["-Fd", "-j", "2"]}
#: More than these are not for the sample dairy, which is made like one by people.
MOST_OF_THE_SAMPLE = 900


def fill(server: Postgres, customers: int, folder: Path) -> None:
    """A dairy with billed months, its roles and their rights."""
    began = time.monotonic()
    if customers <= MOST_OF_THE_SAMPLE:
        done = dairy(server, "demo", "--no-serve", "--customers", str(customers), folder=folder)
        if done.returncode:
            raise SystemExit(done.stderr)
    else:
        sys.path.insert(0, str(Path(__file__).parents[1]))
        from benchmarks.databases import BenchDatabase
        from benchmarks.sample import build

        build(BenchDatabase(make_url(server.url)), customers, history=1)
        server.sql("DROP TABLE bench_queue; DROP SEQUENCE bench_turn")
        for table in contents(server):
            server.sql(f'ALTER TABLE "{table}" RESET (autovacuum_enabled)')
    server.script(roles(folder))
    server.sql("VACUUM ANALYZE")
    orders = server.sql("SELECT count(*) FROM orders")
    size = int(server.sql("SELECT pg_database_size(current_database())"))
    echo(
        f"PostgreSQL {server.version}: {customers} customers, {orders} orders, {size / 1e6:,.0f} MB ({seconds(began)})"
    )


def roles(folder: Path) -> str:
    """What ``dairy db roles`` prints."""
    done = subprocess.run([*DAIRY, "db", "roles"], capture_output=True, text=True, check=True, cwd=folder)
    return done.stdout


def by_dump(old: Postgres, new: Postgres, folder: Path, faults: Faults, before: dict[str, str]) -> None:
    """Dump with the new version's programs, restore into the new version."""
    echo("by pg_dump and pg_restore")
    for name, options in FORMATS.items():
        began = time.monotonic()
        run([new.bin / "pg_dump", *options, "-f", folder / name], env=old.environment)
        echo(f"  pg_dump {' '.join(options)}: {seconds(began)}, {size_of(folder / name) / 1e6:,.1f} MB")
        new.create_database()
        new.script(roles(folder / "data"))  # the roles themselves are in no dump
        began = time.monotonic()
        new.tool("pg_restore", *options[1:], "-d", "dairy", folder / name)
        took = seconds(began)
        began = time.monotonic()
        new.sql("ANALYZE")
        jobs = " ".join(["pg_restore", *options[1:]])
        echo(f"  {jobs}: {took}, then ANALYZE: {seconds(began)}")
        lost = difference(before, contents(new))
        faults.look("every row of every table is the same", not lost, lost or f"{len(before)} tables")
    judge(new, folder, faults)


def by_pg_upgrade(old: Postgres, new: Postgres, folder: Path, faults: Faults, before: dict[str, str]) -> None:
    """The files of the old cluster, taken over by the new version."""
    echo("by pg_upgrade")
    places = ["-b", old.bin, "-B", new.bin, "-d", old.folder, "-D", new.folder, "-p", old.port, "-P", new.port]
    upgrade = [new.bin / "pg_upgrade", *places, "-U", "dairy", "-j", "2"]
    began = time.monotonic()
    run([*upgrade, "--check"], env=new.environment, cwd=folder)
    echo(f"  --check, while the old server is in use: {seconds(began)}")
    down = time.monotonic()
    old.stop()
    began = time.monotonic()
    said = run(upgrade, env=new.environment, cwd=folder)
    echo(f"  pg_upgrade: {seconds(began)}")
    new.start()
    if (extensions := folder / "update_extensions.sql").exists():
        new.tool("psql", "-Xq", "-v", "ON_ERROR_STOP=1", "-f", extensions)
    echo(f"  nobody was served for {seconds(down)}")
    began = time.monotonic()
    new.tool("vacuumdb", "--all", "--analyze-in-stages", "-q")
    echo(f"  statistics made anew, while it is in use: {seconds(began)}")
    faults.look("pg_upgrade says that it is complete", "Upgrade Complete" in said, f"PostgreSQL {new.version}")
    lost = difference(before, contents(new))
    faults.look("every row of every table is the same", not lost, lost or f"{len(before)} tables")
    had = "SELECT string_agg(extname || ' ' || extversion, ', ' ORDER BY extname) FROM pg_extension"
    behind = "SELECT count(*) FROM pg_available_extensions WHERE installed_version <> default_version"
    faults.look("extensions are those of the new version", new.sql(behind) == "0", new.sql(had))
    judge(new, folder, faults)


def judge(server: Postgres, folder: Path, faults: Faults) -> None:
    """What the program says of it, and whether it goes on."""
    for command in ("db check", "check-data", "verify-invoices"):
        done = dairy(server, *command.split(), folder=folder / "data")
        said = (done.stdout or done.stderr).strip().splitlines()
        faults.look(f"dairy {command}", done.returncode == 0, said[-1] if said else "nothing")
    own_id = server.sql("INSERT INTO areas (name) VALUES ('after the upgrade') RETURNING id")
    newest = server.sql("SELECT max(id::text) FROM customers")
    faults.look("a new row has a later id, by our uuid7()", own_id > newest and own_id[14] == "7", own_id)
    server.sql("INSERT INTO customers (name) VALUES ('After the upgrade')")
    server.sql("SELECT number_events(1000000)")
    waiting = server.sql("SELECT count(*) FILTER (WHERE id IS NULL), max(id) FROM events")
    faults.look("events are numbered on", waiting.startswith("0|"), f"the last one is {waiting[2:]}")
    may = server.sql(
        "SELECT string_agg(p, ' ') FROM unnest(ARRAY['SELECT', 'INSERT', 'TRUNCATE']) p"
        " WHERE has_table_privilege('dairy_app', 'orders', p)"
    )
    faults.look("the role that serves has its rights", may == "SELECT INSERT", f"of these three: {may}")


def size_of(path: Path) -> int:
    """Bytes of a file, or of all files below a folder."""
    return sum(each.stat().st_size for each in path.rglob("*")) if path.is_dir() else path.stat().st_size


def main(arguments: list[str]) -> int:
    """Try both ways; the exit code."""
    parser = argparse.ArgumentParser(description="Try the upgrade of the server from PostgreSQL 15 to 18.")
    parser.add_argument("ways", nargs="*", metavar="WAY", help="dump, pg_upgrade; without: both")
    parser.add_argument("--customers", type=int, default=200)
    parser.add_argument("--old", type=Path, default=system_bin(15), help="folder of the old version's programs")
    given = parser.parse_args(arguments)
    if not set(given.ways) <= set(WAYS):
        parser.error(f"the ways are {' and '.join(WAYS)}")
    if given.old is None or not (given.old / "initdb").exists():
        echo("The old version is not here: install postgresql-15, or name its folder with --old")
        return 1
    faults = Faults()
    with work_folder() as folder, ExitStack() as ends:
        (folder / "data").mkdir()
        password = secrets.token_hex(8)
        old, new = Postgres(given.old, folder / "old", password), Postgres(embedded_bin(), folder / "new", password)
        other = Postgres(new.bin, folder / "other", password)
        for each in (old, new, other):
            ends.callback(each.stop)
        old.make()
        # Both must do the same: initdb of 18 turns checksums on, that of 15 did not.
        new.make("--no-data-checksums")
        other.make()
        old.start()
        old.create_database()
        fill(old, given.customers, folder / "data")
        before = contents(old)
        if "dump" in (given.ways or WAYS):
            other.start()
            by_dump(old, other, folder, faults, before)
            other.stop()
        if "pg_upgrade" in (given.ways or WAYS):
            by_pg_upgrade(old, new, folder, faults, before)
    echo(f"{faults.count} wrong")
    return 1 if faults.count else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
