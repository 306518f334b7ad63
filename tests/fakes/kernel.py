# SPDX-License-Identifier: Apache-2.0
"""A kernel for the fake sysfs: its files that act answer as Linux 6.12 does, or never.

Reads and writes of ``sriov_numvfs`` and of the files of binding go through FUSE to here, and
change the tree. What would sleep on a device's lock sleeps, unkillable, until the lock is
free. ``tests/card/errnos.py`` holds what a real kernel answered; a test holds this against it.
"""

import errno
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from sidecar.host.sysfs import Sysfs
from tests.fakes.behaviour import BEHAVIOURS, Behaviour
from tests.fakes.bus import Bus, Taken
from tests.fakes.calls import Calls, Steps
from tests.fakes.fuse import AnsweredFiles, Request
from tests.fakes.sriov import FakePf


class FakeKernel:
    """A host with SR-IOV cards, below ``folder``; its files answer while it is entered.

    Attributes:
        root: of its sysfs.
        behaviours: of the PF drivers, by name; may be changed at any time.
    """

    def __init__(self, folder: Path, pfs: Sequence[FakePf] = (), *, shared: bool = False) -> None:
        self.root = folder / "sys"
        self.sysfs = Sysfs(self.root)
        self.behaviours: dict[str, Behaviour] = dict(BEHAVIOURS)
        answers = folder / "answers"
        self._bus = Bus(self.root, pfs, answers, self.behaviours, shared=shared)
        self._files = AnsweredFiles(answers, lambda _: True, self._serve)
        self._entered = threading.RLock()
        self._timers: list[threading.Timer] = []
        self._calls = Calls(self._bus, self._later)
        self._bugs: list[Exception] = []
        self._waiting: list[tuple[Steps, Request]] = []
        self._bus.load("vfio-pci")

    def __enter__(self) -> Self:
        self._files.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Let everybody go who still sleeps, then unmount."""
        for timer in self._timers:
            timer.cancel()
        with self._entered:
            for function in self._bus.functions.values():
                function.lets_go = True
            self._go_on()
        self._files.__exit__(kind, error, trace)
        if self._bugs:
            raise ExceptionGroup("the fake kernel itself failed", self._bugs)

    @property
    def stuck(self) -> tuple[int, ...]:
        """The processes that sleep in the kernel."""
        with self._entered:
            return tuple(request.pid for _, request in self._waiting)

    @property
    def taken(self) -> tuple[Taken, ...]:
        """The VFs that were taken from who had them, by whichever process (0: another tool)."""
        with self._entered:
            return tuple(self._bus.taken)

    def made(self, pf: str) -> int:
        """Return how many VFs a PF ever got, besides those that it had."""
        return self._bus.made[pf]

    def flaps(self, pf: str) -> int:
        """Return how often a PF lost its link."""
        return self._bus.flaps[pf]

    def vfs(self, pf: str) -> tuple[str, ...]:
        """Return the addresses of a PF's VFs."""
        with self._entered:
            return tuple(one.address for one in self._bus.vfs(pf))

    def driver(self, address: str) -> str:
        """Return the driver that a function has, empty for none."""
        return self._bus.functions[address].driver

    def user(self, address: str) -> str:
        """Return who uses a VF, empty if nobody does, or if it is gone."""
        with self._entered:
            function = self._bus.functions.get(address)
            return "" if function is None else self._bus.user(function)

    def set_up(self, address: str, *, up: bool = True) -> None:
        """Bring a PF's or VF's interface up or down."""
        with self._entered:
            self._bus.set_up(address, up=up)

    def set_mac(self, address: str, mac: str) -> None:
        """Have the PF keep a MAC address for a VF: its driver takes it when it binds next."""
        with self._entered:
            self._bus.keep_mac(address, mac)

    def break_probe(self, address: str) -> None:
        """Have no driver get on with a function from now on: its probe fails with EIO."""
        with self._entered:
            self._bus.broken.add(address)

    def mac(self, address: str) -> str:
        """Return the MAC address of a function's own interface, empty if it has none."""
        folder = self._bus.tree.function(address)
        return next((one.read_text().strip() for one in folder.glob("net/*/address")), "")

    def hold(self, address: str, holder: str, *, lets_go: bool = True) -> None:
        """Open a VF that vfio-pci has, as a guest; ``lets_go`` when the kernel asks for it."""
        with self._entered:
            function = self._bus.functions[address]
            assert (function.driver, function.holder) == ("vfio-pci", "")
            function.holder, function.lets_go = holder, lets_go
            self._bus.set_enable(function, 1)

    def move(self, address: str, namespace: str) -> None:
        """Move a VF's interface into another network namespace."""
        with self._entered:
            function = self._bus.functions[address]
            self._bus.hide_interfaces(function)
            function.holder = f"namespace {namespace}"

    def release(self, address: str) -> None:
        """Let go of a VF, which may be gone."""
        with self._entered:
            function = self._bus.functions.get(address)
            if function is not None and function.holder:
                function.holder = ""
                if function.driver == "vfio-pci":
                    self._bus.set_enable(function, 0)
                elif function.driver:
                    self._bus.show_interfaces(function)
            self._go_on()

    def write(self, name: str, text: str) -> int:
        """Write as another tool of the host does; return 0, an errno, or EINPROGRESS if it hangs.

        Args:
            name: ``0000:01:00.0,sriov_numvfs``, ``vfio-pci,bind``, ``,drivers_probe`` ...
            text: what is written.
        """
        answers: list[int | bytes] = []
        self._serve(Request(name, text.encode(), 0, answers.append))
        if not answers:
            return errno.EINPROGRESS
        (answer,) = answers
        return -answer if isinstance(answer, int) and answer < 0 else 0

    def _later(self, seconds: float, act: Callable[[], None]) -> None:
        def run() -> None:
            with self._entered:
                act()

        timer = threading.Timer(seconds, run)
        self._timers.append(timer)
        timer.start()

    def _serve(self, request: Request) -> None:
        with self._entered:
            self._waiting.append((self._calls.steps(request), request))
            self._go_on()

    def _go_on(self) -> None:
        """Let everybody go on as far as it goes; who ends may free a lock for one before it."""
        ended = True
        while ended:
            ended = False
            for entry in list(self._waiting):
                steps, request = entry
                try:
                    next(steps)
                except StopIteration as stop:
                    answer = stop.value
                except Exception as error:  # noqa: BLE001 - raised again at the end; nobody may hang
                    self._bugs.append(error)
                    answer = -errno.EIO
                else:
                    continue
                self._waiting.remove(entry)
                request.answer(answer)
                ended = True
