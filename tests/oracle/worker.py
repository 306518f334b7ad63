# SPDX-License-Identifier: Apache-2.0
"""A real libvirt behind a pipe: define a domain, hand back what libvirt made of it.

Needs nothing but the standard library and libvirt-python, so that it runs in the tree of
another Debian suite too. Usage: ``worker.py [CAPABILITY-CACHE]``. The first line of its
output names the versions; from then on each input line ``{"xml": ...}`` is answered by
``{"ok": true, "xml": ...}`` or ``{"ok": false, "error": ...}``. By hand::

    echo '{"xml": "<domain ..."}' | python tests/oracle/worker.py
"""

import json
import os
import sys
import tempfile
import threading
from pathlib import Path

import libvirt

QEMU_CONF = f"""\
user = "+{os.geteuid()}"
group = "+{os.getegid()}"
remember_owner = 0
stdio_handler = "file"
security_driver = "none"
security_default_confined = 0
namespaces = []
cgroup_controllers = []
"""


def run_events() -> None:
    while True:
        libvirt.virEventRunDefaultImpl()


def answer(connection: "libvirt.virConnect", xml: str) -> dict[str, object]:
    try:
        domain = connection.defineXML(xml)
        try:
            text = domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE)
        finally:
            domain.undefineFlags(libvirt.VIR_DOMAIN_UNDEFINE_KEEP_NVRAM)
    except libvirt.libvirtError as error:
        return {"ok": False, "error": error.get_error_message()}
    return {"ok": True, "xml": text}


def say(message: dict[str, object]) -> None:
    print(json.dumps(message), flush=True)  # noqa: T201 -- the pipe is standard output


def main() -> None:
    libvirt.registerErrorHandler(lambda _context, _error: None, None)
    libvirt.virEventRegisterDefaultImpl()
    threading.Thread(target=run_events, daemon=True).start()
    with tempfile.TemporaryDirectory(prefix="portside-oracle-") as root:
        Path(root, "etc").mkdir()
        Path(root, "etc", "qemu.conf").write_text(QEMU_CONF)
        if len(sys.argv) > 1:
            Path(sys.argv[1]).mkdir(parents=True, exist_ok=True)
            Path(root, "cache", "qemu").mkdir(parents=True)
            Path(root, "cache", "qemu", "capabilities").symlink_to(sys.argv[1])
        connection = libvirt.open(f"qemu:///embed?root={root}")
        say({"libvirt": connection.getLibVersion()})
        for line in sys.stdin:
            say(answer(connection, json.loads(line)["xml"]))


if __name__ == "__main__":
    main()
