"""A client's body as one provider gets it: ours taken out, the variant's part put in.

It is still in the client's protocol: for a provider of another one it is then translated.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import orjson

from proxy.errors import InvalidRequest
from proxy.inference.variant import Variant
from proxy.models.model import Route
from proxy.providers.base import Provider
from proxy.services.endpoints import CHAT_COMPLETIONS
from proxy.services.relay_call import RelayCall, Upload
from proxy.types.edits import Edit, apply_edits
from proxy.types.ports import Body
from proxy.wire.members import locate_members
from proxy.wire.splice import model_edits, splice_edits

ASK_USAGE = b'{"include_usage":true}'


def outgoing_body(
    call: RelayCall,
    variant: Variant,
    route: Route,
    changed: Mapping[str, bytes] | None = None,
    *,
    ask_usage: bool,
) -> tuple[bytes | Body, Sequence[Edit]]:
    """The body to send on `route`, and what was changed for it in the client's, where that is not
    an upload. `changed` are members that a function has written anew; without them the variant's
    system text is put in.

    Raises:
        InvalidRequest: what the variant has to say cannot be said on this endpoint.
    """
    if isinstance(call.body, bytes):
        edits = _edits(call, call.body, variant, route, changed, ask_usage)
        return (apply_edits(call.body, edits) if edits else call.body), edits
    return _uploaded(call, call.body, variant, route.provider), ()


def _edits(
    call: RelayCall,
    body: bytes,
    variant: Variant,
    route: Route,
    changed: Mapping[str, bytes] | None,
    ask_usage: bool,
) -> Sequence[Edit]:
    peek, provider, defaults = call.peek, route.provider, route.body_defaults
    if changed is None and variant.unchanging and not (ask_usage or defaults or peek.extensions):
        asked = peek.model
        renamed = asked and provider.model_name != asked
        return model_edits(body, peek.members, provider.model_name) if renamed else ()
    replaced = variant.replaced(body, call.endpoint.wire) if changed is None else dict(changed)
    missing = variant.missing(peek.members, call.endpoint.wire, route.renames)
    if changed:
        missing.update(changed)
    if "instructions" in replaced:
        missing["instructions"] = replaced["instructions"]
    if defaults and call.endpoint is CHAT_COMPLETIONS:
        missing = {**defaults, **missing}
    if peek.model and provider.model_name != peek.model:
        replaced["model"] = orjson.dumps(provider.model_name)
    if ask_usage:
        replaced["stream_options"] = missing["stream_options"] = ASK_USAGE
    if not (replaced or missing or peek.extensions):
        return ()
    return splice_edits(
        body,
        replace=replaced,
        remove=peek.extensions,
        append_missing=missing,
        members=locate_members(body, peek.members),
    )


def _uploaded(call: RelayCall, body: Upload, variant: Variant, provider: Provider) -> Body:
    if variant.rewrites.body:
        raise InvalidRequest("`extra_body` cannot be applied to an upload", param="extra_body")
    if not call.peek.model or provider.model_name == call.peek.model:
        return body.with_model(call.peek.model)
    return body.with_model(provider.model_name)
