"""Neutral values: what every room may speak of, and nothing that lives.

Content blocks, requests, answers, usage, ids and the finished exchange stand here, with the
protocols (`ports.py`) through which upper rooms see the network, the journal and the database.
Nothing here opens a file, a socket or a clock; nothing here knows a vendor or a status code.
"""

from __future__ import annotations
