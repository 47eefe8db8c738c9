"""A client's body as one provider gets it: ours taken out, the variant's part put in."""

from __future__ import annotations

from collections.abc import Mapping

import orjson

from proxy.errors import InvalidRequest
from proxy.inference.variant import Variant
from proxy.models.model import Route
from proxy.models.rewrite import rewrite_body
from proxy.providers.base import Provider
from proxy.services.endpoints import CHAT_COMPLETIONS
from proxy.services.relay_call import RelayCall, Upload
from proxy.types.ports import Body
from proxy.wire.splice import splice

ASK_USAGE = b'{"include_usage":true}'


def outgoing_body(
    call: RelayCall,
    variant: Variant,
    route: Route,
    changed: Mapping[str, bytes] | None = None,
    *,
    ask_usage: bool,
) -> bytes | Body:
    """The body to send on `route`. `changed` are members that a function has written anew; without
    them the variant's system text is put in.

    Raises:
        InvalidRequest: what the variant has to say cannot be said on this endpoint.
    """
    if isinstance(call.body, bytes):
        return _spliced(call, call.body, variant, route, changed, ask_usage)
    return _uploaded(call, call.body, variant, route.provider)


def _spliced(
    call: RelayCall,
    body: bytes,
    variant: Variant,
    route: Route,
    changed: Mapping[str, bytes] | None,
    ask_usage: bool,
) -> bytes:
    peek, provider = call.peek, route.provider
    replaced = variant.replaced(body, call.endpoint.wire) if changed is None else dict(changed)
    missing = variant.missing(peek.keys, call.endpoint.wire, provider.renames)
    if changed:
        missing.update(changed)
    if "instructions" in replaced:
        missing["instructions"] = replaced["instructions"]
    if provider.body_defaults and call.endpoint is CHAT_COMPLETIONS:
        missing = {**provider.body_defaults, **missing}
    if peek.model and provider.model_name != peek.model:
        replaced["model"] = orjson.dumps(provider.model_name)
    if ask_usage:
        replaced["stream_options"] = missing["stream_options"] = ASK_USAGE
    if replaced or missing or peek.extensions:
        body = splice(
            body,
            replace=replaced,
            remove=peek.extensions,
            append_missing=missing,
            members=peek.members,
        )
    body = rewrite_body(body, variant.rewrites.body)
    return rewrite_body(body, route.rewrites.body)


def _uploaded(call: RelayCall, body: Upload, variant: Variant, provider: Provider) -> Body:
    if variant.rewrites.body:
        raise InvalidRequest("`extra_body` cannot be applied to an upload", param="extra_body")
    if not call.peek.model or provider.model_name == call.peek.model:
        return body.with_model(call.peek.model)
    return body.with_model(provider.model_name)
