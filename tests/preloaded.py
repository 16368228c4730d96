"""``dairy`` for a test that runs many short commands: a process that has loaded the program forks for each of them.

Starting a command takes up to a second of a core, most of it imports; forked it takes a tenth of that. What is run is
``cli.main``, with the arguments, the environment, the folder and the three streams of whoever typed it.
"""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shlex import quote

import click

#: What stands for the program: hands everything to the process that has it loaded, and ends as that ends.
CLIENT = """import json, os, socket, sys
if sys.argv[1:2] == ["serve"]:
    os.execv({python!r}, [{python!r}, "-m", "dairy_app.cli", *sys.argv[1:]])
with socket.socket(socket.AF_UNIX) as there:
    there.connect({address!r})
    what = [sys.argv[1:], os.getcwd(), dict(os.environ)]
    socket.send_fds(there, [json.dumps(what).encode()], [0, 1, 2])
    code = there.recv(1)
sys.exit(code[0] if code else 1)
"""


@contextmanager
def preloaded(folder: Path) -> Iterator[Path]:
    """A folder with a program ``dairy`` in it, which works while the block runs."""
    address, programs = str(folder / "socket"), folder / "bin"
    programs.mkdir()
    client = programs / "dairy"
    script = client.with_name(f"{client.name}.py")
    script.write_text(CLIENT.format(python=sys.executable, address=address))
    # By a shell: the path of an interpreter after "#!" may hold no blank.
    client.write_text(f'#!/bin/sh\nexec {quote(sys.executable)} -SE {quote(str(script))} "$@"\n')
    client.chmod(0o755)
    ready, at_work = os.pipe()
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.preloaded", address, str(at_work)],
        cwd=Path(__file__).resolve().parent.parent,
        pass_fds=[at_work],
    )
    os.close(at_work)
    try:
        os.read(ready, 1)
        yield programs
    finally:
        os.close(ready)
        process.terminate()
        process.wait(timeout=30)


def wait_for_commands(address: str, at_work: int) -> None:
    from dairy_app import cli

    context = click.Context(cli.root)
    for name in cli.root.list_commands(context):
        cli.root.get_command(context, name)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for a command here: it says itself how it ended
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen()
        os.close(at_work)
        while True:
            connection, _ = listener.accept()
            with connection:
                if os.fork() == 0:
                    listener.close()
                    run(connection)


def run(connection: socket.socket) -> None:
    """The command that somebody typed, in this process; does not return."""
    from dairy_app import cli

    code = 1
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        what, streams, _, _ = socket.recv_fds(connection, 1 << 20, 3)
        arguments, folder, environment = json.loads(what)
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
            os.close(stream)
        os.chdir(folder)
        os.environ.clear()
        os.environ.update(environment)
        try:
            cli.main(arguments)
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 1
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        connection.sendall(bytes([code]))
        os._exit(code)


if __name__ == "__main__":
    wait_for_commands(sys.argv[1], int(sys.argv[2]))
