"""Variants that are more than one call of one model: one file for each type.

A strategy is told what was asked (a `CheckedCall`) and is given somebody to ask (an `Asker`); it
answers with what is left to do (`Final`): an answer that is settled, or a last question whose
answer may be streamed. It knows no HTTP, no retries and no records: whoever asks for it has these.
"""

from __future__ import annotations
