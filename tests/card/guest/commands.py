# SPDX-License-Identifier: Apache-2.0
"""Runs in the card VM: commands.py JSON. Runs commands one after the other, in one process.

``portside`` is not started anew each time, for in an emulated machine its imports take longer
than all else. Prints as JSON what became of each: ``code``, ``out``, ``err``.
"""

import contextlib
import io
import json
import subprocess
import sys

from sidecar.cli.app import app


def main() -> None:
    """Run the commands, lists of words; one fails or not, the next is run."""
    results = [
        in_process(words[1:]) if words[0] == "portside" else in_shell(words)
        for words in json.loads(sys.argv[1])
    ]
    sys.stdout.write(json.dumps(results))


def in_process(words: list[str]) -> dict[str, object]:
    """Run ``portside``."""
    out, err = io.StringIO(), io.StringIO()
    code: object = 0
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            app(args=words, prog_name="portside")
        except SystemExit as stopped:
            code = stopped.code or 0
    return {"code": code, "out": out.getvalue(), "err": err.getvalue()}


def in_shell(words: list[str]) -> dict[str, object]:
    """Run any other command."""
    done = subprocess.run(  # noqa: S603 - the tests' own commands
        words, capture_output=True, text=True, check=False
    )
    return {"code": done.returncode, "out": done.stdout, "err": done.stderr}


if __name__ == "__main__":
    main()
