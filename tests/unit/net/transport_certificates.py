"""Certificates for tests of TLS, made as they are needed."""

from __future__ import annotations

import ssl

from cryptography.hazmat.primitives.serialization import Encoding

from bench import certificates


class Authority(certificates.Authority):
    """The bench's, with contexts of both sides."""

    def trusting(self) -> ssl.SSLContext:
        """A client's context that trusts this authority and no other."""
        trusted = self.certificate.public_bytes(Encoding.PEM).decode()
        context = ssl.create_default_context(cadata=trusted)
        context.set_alpn_protocols(("http/1.1",))
        return context

    def serving(
        self,
        names: list[str],
        *,
        days: int = 30,
        version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3,
    ) -> ssl.SSLContext:
        """A server's context with a certificate as `certify` makes it."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certify(names, days=days))
        context.minimum_version = context.maximum_version = version
        return context
