"""What the service of every lane is built of, under one configuration."""

from __future__ import annotations

from dataclasses import dataclass

from proxy.models.policy import Policy
from proxy.net.watchdog import Watchdog
from proxy.services.targets import Targets
from proxy.telemetry.metrics import Metrics
from proxy.types.exchange import EndReason
from proxy.types.ports import Recorder, Transport


@dataclass(frozen=True, slots=True)
class LaneSettings:
    """What the configuration says of calls."""

    config_hash: bytes
    peek_limit: int
    record_limit: int
    request_usage: bool
    allowed_paths: tuple[str, ...] = ()
    """Beginnings of paths, below `/v1/`, that the operator's keys serve beside inference."""
    answer_limit: int = 100 * 2**20
    """Bytes of an answer that is held in memory, because it is understood before it is told."""


@dataclass(slots=True)
class Closing:
    """Whether calls that are still under way are about to be cut."""

    begun: bool = False

    @property
    def reason(self) -> EndReason:
        """Why a call ended that was cancelled."""
        return EndReason.SHUTDOWN if self.begun else EndReason.CLIENT_DISCONNECTED


@dataclass(frozen=True, slots=True)
class Lane:
    """Parts that a worker's services share."""

    targets: Targets
    policy: Policy
    transport: Transport
    watchdog: Watchdog
    recorder: Recorder
    metrics: Metrics
    settings: LaneSettings
    closing: Closing
