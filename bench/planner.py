# SPDX-License-Identifier: Apache-2.0
"""The planner alone: how long it takes, and how that grows."""

import time
from collections.abc import Callable, Sequence
from functools import partial

from lxml import etree

from bench.figures import describe_machine, judge, median
from sidecar.domainxml.addressing.inventory import take_inventory
from sidecar.domainxml.reservation.planner import Planner

DEVICES = 50
DEVICES_MILLISECONDS = 1.0
PORTS = (25, 50, 75, 100, 125, 150, 175, 200)
GROWTH = 1.5
"""Slope over the larger half of the sizes against that over the smaller half: 1 is linear,
2.6 quadratic."""
_REPEATS = 200


def main() -> None:
    """Measure and print."""
    print(f"planner: {describe_machine()}")
    domain = make_domain(DEVICES)
    judge(
        f"lay out {DEVICES} devices and 8 more ports",
        time_milliseconds(partial(plan, domain, 8)),
        DEVICES_MILLISECONDS,
        "ms",
    )
    report_growth("devices without address", [(n, make_domain(n), 0) for n in PORTS])
    small = make_domain(4)
    report_growth("ports to reserve for 4 devices", [(n, small, n) for n in PORTS])


def report_growth(name: str, cases: Sequence[tuple[int, etree._Element, int]]) -> None:
    """Print times over sizes, the straight line through them, and how far it is from straight."""
    sizes = [float(size) for size, _, _ in cases]
    times = [time_milliseconds(partial(plan, domain, ports)) for _, domain, ports in cases]
    offset, slope, fit = fit_line(sizes, times)
    print(f" {name}")
    for size, taken in zip(sizes, times, strict=True):
        print(f"  {size:5.0f} {taken:8.3f} ms")
    print(f"  line: {offset:.3f} ms + {slope * 1000:.2f} us each, R^2 {fit:.4f}")
    half = len(sizes) // 2
    upper = fit_line(sizes[half:], times[half:])[1]
    lower = fit_line(sizes[:half], times[:half])[1]
    judge("slope of the larger half over that of the smaller", upper / lower, GROWTH)


def make_domain(devices: int) -> etree._Element:
    """Return a q35 domain with so many virtio interfaces, none of which has an address."""
    interface = "<interface type='ethernet'><model type='virtio-non-transitional'/></interface>"
    return etree.fromstring(
        "<domain type='qemu'><name>bench</name><os><type arch='x86_64' machine='q35'>hvm</type>"
        f"</os><devices>{interface * devices}<memballoon model='none'/></devices></domain>"
    )


def plan(domain: etree._Element, ports: int) -> None:
    """Do what a call of the hook asks of the planner."""
    planner = Planner()
    layout = planner.lay_out(take_inventory(domain))
    if ports:
        planner.extend(layout, ports)


def time_milliseconds(action: Callable[[], None]) -> float:
    """Return the median of many runs, in CPU time: other processes do not count."""
    action()
    taken = []
    for _ in range(_REPEATS):
        before = time.thread_time()
        action()
        taken.append(time.thread_time() - before)
    return median(taken) * 1000


def fit_line(sizes: Sequence[float], times: Sequence[float]) -> tuple[float, float, float]:
    """Return offset, slope and coefficient of determination of the least-squares line."""
    count = len(sizes)
    mean_size, mean_time = sum(sizes) / count, sum(times) / count
    slope: float = sum(
        (size - mean_size) * (taken - mean_time) for size, taken in zip(sizes, times, strict=True)
    ) / sum((size - mean_size) ** 2 for size in sizes)
    offset = mean_time - slope * mean_size
    rest = sum(
        (taken - offset - slope * size) ** 2 for size, taken in zip(sizes, times, strict=True)
    )
    return offset, slope, 1 - rest / sum((taken - mean_time) ** 2 for taken in times)


if __name__ == "__main__":
    main()
