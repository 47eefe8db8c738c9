"""What the writer needs to know of recorded bodies, wired from the codecs: by protocol's name."""

from __future__ import annotations
