"""What works with which provider: every line of docs/providers.md, proved.

`vendors` has the providers as people configure them, `features` what can be asked of one,
`lacks` what a vendor does not offer, and why. A case is one feature of one provider; its proof is
an exchange of `tests/exchanges` in that provider's protocol: the same OpenAI-format request to all,
encoded by the provider that the configuration makes, and the vendor's answer read and put into
OpenAI's format again. `page` writes the page.
"""

from __future__ import annotations
