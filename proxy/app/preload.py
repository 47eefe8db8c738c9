"""Loaded once by the fork server: everything a worker needs, and the signals it must not die of.

A signal to the whole process group (Ctrl-C, a container's stop) is for the main process, which then
asks the workers to drain; the fork server has to outlive that.
"""

from __future__ import annotations

import gc
import signal

import proxy.app.worker  # noqa: F401

signal.signal(signal.SIGTERM, signal.SIG_IGN)
signal.signal(signal.SIGINT, signal.SIG_IGN)
signal.signal(signal.SIGHUP, signal.SIG_IGN)
gc.collect()
gc.freeze()
