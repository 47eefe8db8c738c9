"""The applications: plain protocols on uvloop that check every answer.

A generator is a process. Its arguments are a `Target`; then it takes one command in each line of
its input and answers with one line, both JSON. When it has answered, nothing of it is in flight,
so its parent's accounts hold exactly the calls that are counted.

- `closed`: so many applications, each asking again when it was answered.
- `open`: calls begin at times drawn beforehand, whatever becomes of the earlier ones.
- `held`: streams that are all open at once.
"""

from __future__ import annotations
