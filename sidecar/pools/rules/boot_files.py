# SPDX-License-Identifier: Apache-2.0
"""Files that give a pool its VFs at boot, on hosts without the node agent."""

from sidecar.errors import RequestError
from sidecar.model.pool import PoolRecord


def format_udev_rule(record: PoolRecord, needs_up: str = "") -> str:
    """Return a udev rule that makes the VFs as soon as the PF's interface is there.

    It writes only where the kernel says that there are none: udev(7), ``ATTR{}`` with
    ``==`` is a match, with ``=`` a write. It cannot start the network.

    Args:
        record: of the pool.
        needs_up: the PF's driver if it makes VFs only while the PF is up, else empty.

    Raises:
        RequestError: the pool does not say how many VFs it wants, or a rule would make none:
            an interface that appears is down.
    """
    definition = record.definition
    if needs_up:
        raise RequestError(
            "a udev rule would make no VFs here",
            where=f"pool {definition.name}, PF {record.pf}",
            found=f"driver {needs_up}, which makes VFs only while the PF's interface is up; when "
            "the rule runs, it is down",
            expected="a driver that makes VFs of a PF that is down",
            todo=f"Use the unit of portside pool systemd {definition.name}, or the node agent "
            f"(portside pool autostart {definition.name}): both bring the interface up first",
        )
    if definition.minimum is None:
        raise RequestError(
            "a udev rule needs the number of VFs",
            where=f"pool {definition.name}",
            found="no <vf num='...'/> in its definition",
        )
    return (
        f"# VFs of pool {definition.name}, made when {definition.pf_name} appears.\n"
        "# Goes in /etc/udev/rules.d/80-portside-POOL.rules; then: udevadm control --reload\n"
        f'ACTION=="add", SUBSYSTEM=="net", KERNELS=="{record.pf}", '
        'ATTR{device/sriov_numvfs}=="0", '
        f'ATTR{{device/sriov_numvfs}}="{definition.minimum}"\n'
    )


def format_unit(record: PoolRecord, command: str) -> str:
    """Return a systemd unit that starts a pool once its PF and libvirt are there.

    Args:
        record: of the pool.
        command: absolute path of ``portside``: a unit has no shell's PATH to look in.
    """
    definition = record.definition
    device = _escape(f"sys/subsystem/net/devices/{definition.pf_name}")
    return (
        "# Goes in /etc/systemd/system/portside-POOL.service; then:\n"
        "# systemctl enable --now portside-POOL\n"
        "[Unit]\n"
        f"Description=Pool of virtual functions {definition.name.replace('%', '%%')}\n"
        f"Wants={device}.device\n"
        f"After={device}.device libvirtd.service virtqemud.service virtnetworkd.service\n"
        "Before=libvirt-guests.service\n"
        "\n"
        "[Service]\n"
        "Type=oneshot\n"
        "RemainAfterExit=yes\n"
        f"ExecStart={_quote(command)} pool start {_quote(definition.name)}\n"
        "\n"
        "[Install]\n"
        "WantedBy=multi-user.target\n"
    )


def _escape(path: str) -> str:
    """Escape a path as ``systemd-escape --path`` does (systemd.unit(5))."""
    return "".join(
        "-"
        if one == "/"
        else one
        if one.isalnum() or (one in ":_." and index)
        else "".join(f"\\x{byte:02x}" for byte in one.encode())
        for index, one in enumerate(path)
    )


def _quote(text: str) -> str:
    """Quote an argument of ``ExecStart`` (systemd.service(5))."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return f'"{escaped}"'
