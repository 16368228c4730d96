"""The console blocks of README and the guides do what they show; the links between documents lead somewhere.

A block is fenced with its language. ``sh`` is run; a comment line after a command is what the command prints. In
``console`` a line after ``$`` is a command and the others are what it prints. ``sql`` is run by psql. All blocks of a
document are one session, as for a reader. Figures, ids and dates of what is printed may differ, words may not; a line
``…`` means any number of lines, ``…`` in a line any text; what only rules a table is left out. A command fails where it
prints a refusal, and nowhere else.
"""

import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import make_url

from dairy_app.database import embedded_postgres
from tests.conftest import SECRET_KEY, Server, psycopg_dsn, server_dir, short_temp_dir
from tests.preloaded import preloaded

TOP = Path(__file__).resolve().parent.parent
DOCUMENTS = sorted([*TOP.glob("*.md"), *(TOP / "docs").rglob("*.md")])
FOR_READERS = ("README.md", "docs/accountant-guide.md")
FOR_DBAS = "docs/dba-guide.md"

#: Languages that nobody runs, and why.
SHOWN = {
    "text": "what something prints, or a path",
    "ini": "the configuration of another program",
    "json": "what is sent to another program",
}
#: A block that holds one of these is not run, and why.
NOT_RUN = {
    "make demo": "fills a sample and serves it, as is done here for the session below",
    "make test ": "runs this test",
    "you@example.org": "serves an empty dairy, as the guide for DBAs does",
    "make revision": "tests/migrations/test_new_revision.py runs it on a copy",
    "npx": "needs the network, as does the generator of clients",
    "openapi-python-client": "needs the network, as does the linter",
    "import-mongo mongodump": "needs a dump of the earlier system; tests/legacy_import runs the command",
    "/srv/": "needs a server that archives; deploy/try_point_in_time.py does it",
    "pgbackrest --stanza": "needs pgBackRest; deploy/try_point_in_time.py does it",
    "pg_upgrade": "needs two versions of the server; deploy/try_upgrade.py does it",
    "old.csv": "needs a file and a database of the earlier system",
}
#: Somebody to change: what the guide changes has to be there.
A_CUSTOMER = "INSERT INTO customers (code, name) VALUES ('C000001', 'Asha Rao')"
FENCE = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
#: What is another one each time: uuids, tokens, hashes; then figures, dates and the newest revision.
IDENTITY = re.compile(r"(?<!\w)(?=[\w-]*\d)[\w-]{16,}(?:…)?")
PROGRESS = "━━━━"
FIGURE = re.compile(r"NNNN|-?\d+(?:[.,:-]\d+)*")


@dataclass(frozen=True)
class Block:
    line: int
    language: str
    text: str

    def reason(self) -> str | None:
        """Why it is not run; None when it is."""
        if self.language in SHOWN:
            return SHOWN[self.language]
        return next((why for words, why in NOT_RUN.items() if words in f"{self.text}```"), None)

    def steps(self) -> list[tuple[str, list[str]]]:
        """Commands, each with the lines that it prints."""
        if self.language == "sql":
            return [(f"psql -X -q -v ON_ERROR_STOP=1 \"$READ\" <<'END' >/dev/null\n{self.text}END", [])]
        found: list[tuple[str, list[str]]] = []
        for line in self.text.splitlines():
            is_command = line.startswith("$ ") if self.language == "console" else not line.startswith("# ")
            if not is_command:
                found[-1][1].append(line if self.language == "console" else line.removeprefix("# "))
            elif self.language == "console":
                found.append((line.removeprefix("$ "), []))
            elif found and not found[-1][1]:
                found[-1] = (f"{found[-1][0]}\n{line}", [])
            else:
                found.append((line, []))
        return found


def name_of(document: Path) -> str:
    return str(document.relative_to(TOP))


def blocks(document: Path) -> list[Block]:
    text = document.read_text(encoding="utf-8")
    return [Block(text.count("\n", 0, each.start()) + 2, each[1], each[2]) for each in FENCE.finditer(text)]


def shape(line: str) -> str:
    """A line without what differs each time."""
    words = FIGURE.sub("0", IDENTITY.sub("ID", line))
    return " ".join(re.sub("[─━┌┐└┘├┤┬┴┼-]{2,}", "-", words).split())


def shows(printed: list[str], wanted: list[str]) -> bool:
    """Whether the lines wanted are printed in this order, alone where no line ``…`` says that there are others."""
    pattern = "".join(
        "(?:.*\n)*" if line == "…" else re.escape(shape(line)).replace("…", ".*") + "\n" for line in lines_of(wanted)
    )
    return re.fullmatch(pattern, "".join(f"{shape(line)}\n" for line in lines_of(printed))) is not None


def lines_of(text: Iterable[str]) -> list[str]:
    """The lines that say something: not those that only rule a table, nor a progress bar."""
    return [each for each in text if re.search(r"\w|…", each) and PROGRESS not in each]


def refuses(wanted: list[str]) -> bool:
    return bool(wanted) and wanted[-1].startswith(("ERROR:", "dairy: "))


@dataclass(frozen=True)
class Session:
    """Where the commands of a document run, and which of their words are others there."""

    folder: Path
    environment: dict[str, str]
    replaced: dict[str, str]
    #: Text of a command → commands before it, unseen by the reader.
    before: dict[str, str]

    def here(self, text: str) -> str:
        # In one go, the longest first: in another month the name of one is what is written for the next.
        written = "|".join(re.escape(each) for each in sorted(self.replaced, key=len, reverse=True))
        return re.sub(written, lambda found: self.replaced[found[0]], text)

    def run(self, document: Path) -> list[str]:
        """Run a document's blocks; returns what is wrong."""
        steps = [
            (block.line, self.here(command), [self.here(line) for line in printed])
            for block in blocks(document)
            if block.reason() is None
            for command, printed in block.steps()
        ]
        script = [
            "exec 2>&1 </dev/null",
            "set -E -o pipefail",
            'trap \'printf "\\n@failed@ %s\\n" "$BASH_COMMAND"\' ERR',
        ]
        for number, (_, command, _) in enumerate(steps):
            unseen = [f"{{ {more}; }} >/dev/null 2>&1" for words, more in self.before.items() if words in command]
            script += [*unseen, f"printf '\\n@step {number}@\\n'", command]
        text = "\n".join([*script, "printf '\\n@step end@\\n'", "kill $(jobs -p) 2>/dev/null; wait"])
        done = subprocess.run(
            ["bash", "-c", text],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=110,
            check=False,
        )
        parts = re.split(r"\n@step (?:\d+|end)@\n", f"\n{done.stdout}")
        faults = []
        for (line, command, wanted), printed in zip(steps, parts[1:], strict=False):
            lines = printed.replace("\ufeff", "").splitlines()
            failed = [each.removeprefix("@failed@ ") for each in lines if each.startswith("@failed@")]
            said = [each for each in lines if not each.startswith(("@failed@", "LINE 1:"))]
            if bool(failed) != refuses(wanted) or (wanted and not shows(said, wanted)):
                place = f"{name_of(document)}:{line}"
                faults.append("\n".join([place, command, *(f"  failed: {each}" for each in failed), *said]))
        if len(parts) != len(steps) + 2:
            faults.append(f"{name_of(document)}: ended early\n{done.stdout[-2000:]}{done.stderr}")
        return faults


def month(back: int) -> str:
    """A month as the sample dairy sees it today, or so many before."""
    day = datetime.now(ZoneInfo("Asia/Kolkata")).date().replace(day=1)
    for _ in range(back):
        day = (day - timedelta(days=1)).replace(day=1)
    return f"{day:%Y-%m}"


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """What an installed package puts into a folder of programs."""
    with (
        tempfile.TemporaryDirectory(prefix="dairy-", dir=short_temp_dir()) as folder,
        preloaded(Path(folder)) as programs,
    ):
        (programs / "python").symlink_to(sys.executable)
        yield programs


@pytest.fixture(scope="module")
def tools(programs: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a terminal in which the program is installed."""
    home = tmp_path_factory.mktemp("home")
    return {"PATH": f"{programs}:{os.environ['PATH']}", "HOME": str(home), "LANG": "C.UTF-8", "COLUMNS": "160"}


@pytest.fixture(scope="module")
def sample(
    server: Server, programs: Path, tools: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Session]:
    """The sample dairy, served, in a folder like a checkout's."""
    folder = tmp_path_factory.mktemp("checkout")
    (folder / ".venv").mkdir()
    (folder / ".venv/bin").symlink_to(programs)
    url = server.create_database()
    port = free_port()
    environment = {
        **tools,
        "DATABASE_URL": psycopg_dsn(url),
        "DAIRY_SECRET_KEY": SECRET_KEY,
        "DAIRY_DATA_DIR": ".dairy",
        "DAIRY_BACKUP_DIR": ".",
    }
    with (folder / "demo.log").open("w") as log:
        demo = subprocess.Popen(
            [sys.executable, "-m", "dairy_app.cli", "demo", "--customers", "20", "--port", str(port)],
            cwd=folder,
            env={**environment, "PYTHONUNBUFFERED": "1"},
            stdout=log,
            stderr=log,
        )
    until(lambda: "serving at" in (folder / "demo.log").read_text(), demo)
    password = re.search(r"milk-\w+", (folder / "demo.log").read_text())
    assert password is not None
    first, last, this = month(2), month(1), month(0)
    end = date.fromisoformat(f"{this}-01") - timedelta(days=1)
    replaced = {
        "127.0.0.1:8000": f"127.0.0.1:{port}",
        "milk-…": password[0],
        "2026-10-31": f"{end}",
        "2026-09": first,
        "2026-10": last,
        "2026-11": this,
        # The tests' server would not survive a power cut, which preflight refuses.
        "dairy preflight  ": "dairy preflight || test $? = 1",
    }
    yield Session(folder, environment, replaced, before={})
    demo.terminate()
    demo.wait(timeout=40)
    server.drop_database(url)


def until(reached: Callable[[], bool], process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 100
    while not reached():
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.1)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture(scope="module")
def administered(tools: dict[str, str]) -> Iterator[Session]:
    """A server whose superuser is at the terminal; ``dairy`` is not made yet. Its own: roles belong to a server."""
    with tempfile.TemporaryDirectory(prefix="dairy-dba-", dir=server_dir(), ignore_cleanup_errors=True) as top:
        Path(top).chmod(0o755)
        data, folder = Path(top) / "pg", Path(top) / "work"
        folder.mkdir()
        try:
            url = make_url(embedded_postgres.start(data))
            port = free_port()
            environment = {
                **tools,
                "PATH": f"{embedded_postgres.bin_dir()}:{tools['PATH']}",
                "PGHOST": str(url.query["host"]),
                "PGUSER": "dairy",
            }
            subprocess.run(
                ["psql", "-X", "-q", "-d", "postgres", "-c", "DROP DATABASE dairy"], env=environment, check=True
            )
            yield Session(
                folder,
                environment,
                replaced={
                    "-h 127.0.0.1 -p 5432": "",
                    "postgres@127.0.0.1:5432/": "dairy@/",
                    "@127.0.0.1:5432/": "@/",
                    "--port 8000 --workers 2 &": f"--port {port} --workers 1 >server.log 2>&1 &",
                    "127.0.0.1:8000": f"127.0.0.1:{port}",
                    "2026-11-28": f"{date.today()}",
                    "PostgreSQL 15.18 (Debian 15.18-0+deb12u1), UTF8, time zone Etc/UTC": "PostgreSQL …",
                },
                before={
                    "export DATABASE_URL": "createdb -O dairy_owner -T dairy dairy_rows",
                    "dairy db backup": "rm -f backup/*.dump",
                    "db sql --from 0016": "kill %1; wait; DATABASE_URL=$OWNER dairy db downgrade 0016",
                    "downgrade base": "DATABASE_URL=$OWNER dairy db upgrade; dairy db roles | psql -X -q -d dairy",
                    "ticket 4711'; UPDATE": f'psql -X "$OWNER" -c "{A_CUSTOMER}"',
                },
            )
        finally:
            embedded_postgres.stop(data)


#: Python and make are all that `make test` asks for; whoever types the blocks has these too.
needs_a_terminal = pytest.mark.skipif(not (shutil.which("bash") and shutil.which("curl")), reason="no bash or no curl")


def test_every_block_says_what_it_is() -> None:
    """With a language that is known here; what is not run has its reason, and each reason is still needed."""
    found = [(document, block) for document in DOCUMENTS for block in blocks(document)]
    fences = sum(len(re.findall("^ *```", each.read_text(encoding="utf-8"), re.MULTILINE)) for each in DOCUMENTS)
    assert fences == 2 * len(found)
    known = {"sh", "console", "sql", *SHOWN}
    assert [f"{name_of(document)}:{block.line}" for document, block in found if block.language not in known] == []
    assert {block.reason() for _, block in found} == {None, *SHOWN.values(), *NOT_RUN.values()}
    assert {name_of(document) for document, block in found if block.reason() is None} == {*FOR_READERS, FOR_DBAS}


@needs_a_terminal
@pytest.mark.slow
@pytest.mark.timeout(300)
def test_what_readers_type_does_what_is_shown(sample: Session) -> None:
    faults = [fault for name in FOR_READERS for fault in sample.run(TOP / name)]
    assert faults == [], "\n\n".join(faults)


@needs_a_terminal
@pytest.mark.slow
@pytest.mark.timeout(300)
def test_what_administrators_type_does_what_is_shown(administered: Session) -> None:
    faults = administered.run(TOP / FOR_DBAS)
    assert faults == [], "\n\n".join(faults)


def test_the_judge_of_outputs_is_awake() -> None:
    printed = ["│ INV │ 2627 │ 12 │", "├─────┼──────┤", "the database is at revision 0028"]
    assert shows(printed, ["│ INV │ 2526 │ 401 │", "the database is at revision NNNN"])
    assert shows(printed, ["…", "the … is at revision NNNN"])
    assert not shows(printed, ["the database is at revision NNNN"])
    assert not shows(printed, ["│ INV │ 2526 │ 401 │", "…", "the database stands at revision NNNN"])
    assert not shows([], ["…", "anything"])


def anchors(document: Path) -> set[str]:
    """What GitHub makes of the headings."""
    headings = re.findall(r"^#+ (.*)$", FENCE.sub("", document.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_links_and_paths_lead_somewhere(document: Path) -> None:
    text = FENCE.sub("", document.read_text(encoding="utf-8"))
    lost = []
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if not re.match(r"\w+:", target):
            path, _, anchor = target.partition("#")
            there = (document.parent / path).resolve() if path else document
            if not there.exists() or (anchor and anchor not in anchors(there)):
                lost.append(target)
    for path in re.findall(r"`((?:alembic|benchmarks|dairy_app|docs|tests|\.ci)/[\w./-]*)`", text):
        if not (TOP / path).exists():
            lost.append(path)
    assert lost == []


def test_every_document_is_in_the_index() -> None:
    index = (TOP / "docs/README.md").read_text(encoding="utf-8")
    linked = {(TOP / "docs" / target).resolve() for target in re.findall(r"\]\(([^)#]+)\)", index)}
    decisions = (TOP / "docs/decisions/README.md").read_text(encoding="utf-8")
    linked |= {(TOP / "docs/decisions" / target).resolve() for target in re.findall(r"\]\(([^)#]+)\)", decisions)}
    assert [name_of(each) for each in DOCUMENTS if each not in linked and each != TOP / "docs/README.md"] == []
