"""What is measured: one file each, started as a user would start it.

A subject has a door for every scenario (port, path, model, how its answers are checked), and the
kernel's accounts. Those that are not here (a package, a program) say so by raising `Missing`.
"""

from __future__ import annotations
