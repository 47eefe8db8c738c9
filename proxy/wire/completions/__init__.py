"""OpenAI's legacy text completions (platform.openai.com/docs/api-reference/completions), recorded.

In come a provider's bytes, out come neutral answers: `response` reads a whole answer, `stream` its
chunks, `request` a client's prompt, `decode` puts these together for the writer. Counts, finish
reasons, parameters and errors are those of chat completions, and are read by that protocol's code.

Of several choices (`n` > 1, or several prompts) the neutral answer is the first; the raw bytes have
them all. Nothing is encoded here: the relay passes these calls through as they are.
"""

from __future__ import annotations
