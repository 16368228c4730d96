"""``dairy …`` without a process of its own: starting one takes up to a second, what it does a tenth of that."""

import io
import os
import subprocess
from contextlib import redirect_stderr, redirect_stdout

from dairy_app import cli


def run_command(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    """What ``dairy`` prints and ends with, given nothing but these settings. A traceback fails the test itself."""
    words = [str(each) for each in arguments]
    kept, out, err = dict(os.environ), io.TextIOWrapper(io.BytesIO(), "utf-8", newline=""), io.StringIO()
    os.environ.clear()
    os.environ.update({"PATH": kept["PATH"], "LANG": "C.UTF-8", **environment})
    try:
        with redirect_stdout(out), redirect_stderr(err):
            cli.main(words)
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
        out.flush()  # some commands write bytes past it
        return subprocess.CompletedProcess(words, code, out.buffer.getvalue().decode(), err.getvalue())  # type: ignore[attr-defined]
    finally:
        os.environ.clear()
        os.environ.update(kept)
    raise AssertionError("a command ends with sys.exit")
