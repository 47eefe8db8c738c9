"""All sections, in the order of the page."""

from __future__ import annotations

from tests.compat.blocks import blocks, faults
from tests.compat.case import Case, Section
from tests.compat.errors import errors
from tests.compat.extensions import extensions
from tests.compat.fields import endpoints, fields
from tests.compat.messages import messages
from tests.compat.models import models
from tests.compat.native_feedback import feedback
from tests.compat.native_inference import inference, native_errors
from tests.compat.parameters import parameters
from tests.compat.response import response
from tests.compat.streaming import streaming
from tests.compat.vectors import embeddings

SECTIONS: tuple[Section, ...] = (
    endpoints,
    fields,
    extensions,
    models,
    messages,
    blocks,
    faults,
    parameters,
    response,
    streaming,
    errors,
    embeddings,
    inference,
    native_errors,
    feedback,
)


def all_cases() -> list[Case]:
    return [case for section in SECTIONS for case in section.cases]
