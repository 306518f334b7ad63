# SPDX-License-Identifier: Apache-2.0
"""The log of a process that serves: JSON, one event a line, on standard error."""

import logging
from collections.abc import Mapping

import structlog

from sidecar.process.log_writer import LogWriter


class JsonLog:
    """Writes the log.

    Args:
        level: one of ``LOG_LEVELS``; below it nothing is written.
        writer: where to write.
    """

    def __init__(self, level: str, writer: LogWriter) -> None:
        self._writer = writer
        self._log: structlog.typing.FilteringBoundLogger = structlog.wrap_logger(
            _Lines(writer),
            processors=[
                structlog.processors.add_log_level,
                structlog.processors.TimeStamper(fmt="iso", utc=True),
                structlog.processors.JSONRenderer(),
            ],
            wrapper_class=structlog.make_filtering_bound_logger(level),
        )

    def close(self) -> bool:
        """Let the last lines out, for a moment; say whether all of them went."""
        return self._writer.close()

    @property
    def debug(self) -> bool:
        """Whether lines of level debug are written."""
        return self._log.is_enabled_for(logging.DEBUG)

    def event(self, event: str, *, level: str = "info", **fields: object) -> None:
        """Write a line; never waits for whoever reads it."""
        self.write(level, event, fields)

    def write(self, level: str, event: str, fields: Mapping[str, object]) -> None:
        """Write a line whose fields are at hand as a mapping."""
        getattr(self._log, level)(event, **fields)


class _Lines:
    """What structlog hands its lines to."""

    def __init__(self, writer: LogWriter) -> None:
        self.debug = self.info = self.warning = self.error = writer.write


class ForeignHandler(logging.Handler):
    """Turns lines of the standard library's logging (gRPC's) into JSON lines of ours."""

    def __init__(self, log: JsonLog) -> None:
        super().__init__(logging.WARNING)
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        """Write the record's message; of an exception its class only: texts may quote a VMI."""
        raised = record.exc_info[0] if record.exc_info else None
        self._log.event(
            record.getMessage().partition("\n")[0],
            level="warning",
            logger=record.name,
            exception=raised.__name__ if raised else None,
        )
