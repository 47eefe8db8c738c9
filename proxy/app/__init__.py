"""The composition root: the only place where parts meet.

- `build` turns a configuration into the live objects of one worker.
- `worker` is one serving process: event loop, listening socket, journal, drain.
- `supervisor` is the main process: it starts Postgres where none is given, migrates, starts and
  watches the workers, runs the writer, and hands out drain.
- `reading` has a child read the configuration at the start; `image` is the process that has loaded
  the code and of which workers are forked, so that they start fast and share memory.

Not allowed here: doing any of the work oneself.
"""

from __future__ import annotations
