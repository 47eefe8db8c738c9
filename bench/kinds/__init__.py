"""How a scenario of each kind is measured: a subject and a scenario in, figures out.

Each file has one `measure(run, scenario, name)`. It gives one result, for the round that it is in;
what runs once, but long, gives one for each block of time, and blocks stand in the place of rounds.
"""

from __future__ import annotations
