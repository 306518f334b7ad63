# SPDX-License-Identifier: Apache-2.0
"""Runs in the card VM: starts the jobs that appear in a shared folder.

``N.job`` (JSON: ``arguments``, ``seconds``) appears complete, by a rename. The job writes into
``N.stdout`` and ``N.stderr``; ``N.done`` (JSON: ``code``) follows when it has ended. ``N.stop``
ends it early. A job ``fork`` starts no process here: the fork server runs the rest of its words.
"""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any, BinaryIO

from tests.card.guest import portside

POLL_SECONDS = 0.05
KILL_SECONDS = 5.0
TIMEOUT, UNKILLABLE = "timeout", "unkillable"


def main() -> None:
    """Serve the folder until a file ``end`` appears."""
    folder = Path(sys.argv[1])
    seen: set[str] = set()
    (folder / "ready").touch()
    while True:
        names = set(os.listdir(folder))  # noqa: PTH208 - names are all that is wanted, often
        if "end" in names:
            return
        for name in sorted(names - seen):
            if name.endswith(".job"):
                threading.Thread(target=run, args=(folder / name,), daemon=True).start()
        seen = names
        time.sleep(POLL_SECONDS)


def run(job: Path) -> None:
    """Run one job to its end, its time limit, or its ``.stop``."""
    wanted = json.loads(job.read_text())
    with job.with_suffix(".stdout").open("wb") as out, job.with_suffix(".stderr").open("wb") as err:
        if wanted["arguments"][0] == "fork":
            code = run_forked(wanted, out, err)
        else:
            code = run_process(wanted, job.with_suffix(".stop"), out, err)
    partial = job.with_suffix(".partial")
    partial.write_text(json.dumps({"code": code}))
    partial.rename(job.with_suffix(".done"))


def run_process(wanted: dict[str, Any], stop: Path, out: BinaryIO, err: BinaryIO) -> int | str:
    """Run a command; return its exit code, or why there is none."""
    process = subprocess.Popen(  # noqa: S603 - running what the tests ask for is the purpose
        wanted["arguments"],
        stdin=subprocess.DEVNULL,
        stdout=out,
        stderr=err,
        start_new_session=True,
        cwd="/root",
    )
    return wait(process, time.monotonic() + wanted["seconds"], stop)


def run_forked(wanted: dict[str, Any], out: BinaryIO, err: BinaryIO) -> int | str:
    """Run a command in a fork; return its code, or that its time was over. It lives on then."""
    try:
        told = portside.run(wanted["arguments"][1:], time.monotonic() + wanted["seconds"])
    except TimeoutError:
        return TIMEOUT
    except (OSError, ValueError) as error:
        # The fork died before it had answered.
        err.write(f"no answer from forkserver.py: {error!r}\n".encode())
        return 1
    out.write(told["out"].encode())
    err.write(told["err"].encode())
    return told["code"]


def wait(process: subprocess.Popen[bytes], deadline: float, stop: Path) -> int | str:
    """Return the exit code, or why there is none."""
    while time.monotonic() < deadline:
        try:
            return process.wait(POLL_SECONDS)
        except subprocess.TimeoutExpired:
            if stop.exists():
                break
    stopped = stop.exists()
    os.killpg(process.pid, signal.SIGKILL)
    try:
        # Somebody in the midst of a write to sysfs may not die.
        code = process.wait(KILL_SECONDS)
    except subprocess.TimeoutExpired:
        return UNKILLABLE
    return code if stopped else TIMEOUT


if __name__ == "__main__":
    main()
