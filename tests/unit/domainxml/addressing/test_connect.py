# SPDX-License-Identifier: Apache-2.0
import pytest

from sidecar.domainxml.addressing import connect

PORT, SLOT = connect.EXPRESS_DEVICE, connect.CONVENTIONAL_DEVICE
WHERE_DEVICES_GO = {
    "pci-root": SLOT,
    "pci-bridge": SLOT,
    "pci-expander-bus": SLOT,
    "pcie-to-pci-bridge": SLOT,
    "pcie-root-port": PORT,
    "pcie-switch-downstream-port": PORT,
}


@pytest.mark.parametrize("model", connect.BUS_MODELS)
@pytest.mark.parametrize("device", [PORT, SLOT, PORT | connect.HOTPLUG, SLOT | connect.HOTPLUG])
def test_libvirt_puts_devices_only_here(model: str, device: int) -> None:
    flags = connect.BUS_MODELS[model].accepts
    expected = WHERE_DEVICES_GO.get(model) == device & ~connect.HOTPLUG
    assert connect.accepts(flags, device, bus_is_root=False) is expected


@pytest.mark.parametrize(
    ("controller", "buses"),
    [
        ("pcie-root-port", {"pcie-root", "pcie-expander-bus"}),
        ("pcie-switch-upstream-port", {"pcie-root-port", "pcie-switch-downstream-port"}),
        ("pcie-switch-downstream-port", {"pcie-switch-upstream-port"}),
        ("pcie-to-pci-bridge", {"pcie-root-port", "pcie-switch-downstream-port"}),
        ("pcie-expander-bus", {"pcie-root"}),
        ("dmi-to-pci-bridge", {"pcie-root", "pcie-expander-bus"}),
        ("pci-expander-bus", {"pci-root"}),
        (
            "pci-bridge",
            {
                "pci-root",
                "pci-bridge",
                "pci-expander-bus",
                "dmi-to-pci-bridge",
                "pcie-to-pci-bridge",
            },
        ),
        ("pcie-root", set()),
        ("pci-root", set()),
    ],
)
def test_controllers_plug_into(controller: str, buses: set[str]) -> None:
    wanted = connect.BUS_MODELS[controller].plugs_into
    fit = {
        name
        for name, model in connect.BUS_MODELS.items()
        if connect.accepts(model.accepts, wanted, bus_is_root=False)
    }
    assert fit == buses


def test_integrated_devices_sit_on_bus_zero_only() -> None:
    device = PORT | connect.INTEGRATED
    root = connect.BUS_MODELS["pcie-root"].accepts
    assert connect.accepts(root, device, bus_is_root=True)
    port = connect.BUS_MODELS["pcie-root-port"].accepts
    assert not connect.accepts(port, device, bus_is_root=False)
    assert not connect.accepts(root, PORT, bus_is_root=True)


def test_an_unpluggable_port_takes_what_is_not_plugged() -> None:
    locked = connect.BUS_MODELS["pcie-root-port"].accepts & ~connect.HOTPLUG
    assert connect.accepts(locked, PORT, bus_is_root=False)
    assert not connect.accepts(locked, PORT | connect.HOTPLUG, bus_is_root=False)
