"""Chat completions out of a container that a cloud hosts: whole answers as they are, streams cut
into `PayloadPart` frames.

A frame's payload is a piece of what the container wrote, cut anywhere: server-sent events, or one
JSON object a line. `stream` puts the pieces together and has them read by the codec of chat
completions; `decode` does the same for the record.
"""

from __future__ import annotations

WIRE = "payload_parts"
