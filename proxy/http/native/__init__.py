"""TensorZero's own API, one file per resource."""

from __future__ import annotations
