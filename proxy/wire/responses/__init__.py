"""OpenAI's Responses API.

In: a provider's bytes. Out: the errors inside them, and where a stream ends.
"""

from __future__ import annotations
