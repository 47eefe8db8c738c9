"""A reverse proxy for LLM APIs: route, split, retry, record and measure every call.

One sentence is the design: a request enters in `http/`, becomes one neutral value, goes down
service → inference → model → provider → wire, comes back up as blocks and neutral chunks, and is
recorded through `store/`. `docs/architecture.md` says the rest.
"""

from __future__ import annotations

__version__ = "0.1.0"
