"""What a gateway is started with."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

METRICS_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
"""The environment variable by which workers share their counts; prometheus-client reads it."""


@dataclass(frozen=True)
class Limits:
    """What a request may take: bytes of its body, levels of nesting, seconds to send its head and its body,
    queries in a batch."""

    body_bytes: int = 32 * 2**20
    depth: int = 64
    head_s: float = 10.0
    body_s: float = 30.0
    batch: int = 1000


@dataclass(frozen=True)
class Settings:
    """A gateway: the files of its policies, the first being `auto`, its address, and how it works.

    `log` is a file, `-` for standard output, None for none; `log_queries` puts messages and metadata into it.
    `keys` is a file of callers' keys, `redis` the address where replicas count together what each key used,
    None for in this process. `is_open` lets whoever comes in, though others than this machine can.
    `shared` is a folder of this gateway's own, by which its workers know of each other, None for one worker.
    `drain_s` is how long requests under way may still take once the gateway is told to end.
    """

    policies: tuple[Path, ...]
    host: str = "127.0.0.1"
    port: int = 8080
    workers: int = 1
    log: str | None = None
    log_queries: bool = False
    drain_s: float = 30.0
    limits: Limits = field(default_factory=Limits)
    keys: Path | None = None
    redis: str | None = field(default=None, repr=False)
    is_open: bool = False
    shared: Path | None = None
