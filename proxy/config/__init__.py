"""From files to validated values: nothing here is live, nothing here opens a connection.

In comes a path or a glob and the environment. `files` finds, `yaml_source` and `toml_source` read a
file into a plain tree and remember the line of every key, `merge` joins the trees, `named_files`
puts the text of named files in their place. `shape` holds the tree against `schema` (one pydantic
model for both formats) and `rules` looks at what no single key can tell: names, routing, weights,
templates, credentials. Out comes a `LoadedConfig`: frozen values, a `Snapshot` whose hash goes into
every recorded exchange, and what is valid but not built yet. Who only uses values loads `plain`
before `schema`, which then does without pydantic.

Every step adds to one list of problems and goes on as far as it can, because a reader who fixes one
mistake wants to know of the other four as well. A problem has a file with its line, a dotted key,
what is wrong, and what to do.

Secrets do not pass through here: a credential is a `CredentialLocation`. That it has a value is
checked; the value itself is fetched by `models/credentials`. No message quotes what could be a key.

A later section of the schema comes as a file beside the others in `schema/`, with a file of rules
beside the others in `rules/`. The vendors' names may stand in this room; in the rooms above, no.
"""

from __future__ import annotations
