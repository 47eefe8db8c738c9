"""Vendors with protocols of their own, and clouds with credentials of their own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from proxy.config.schema.addresses import ApiBase, Place
from proxy.config.schema.base import Many, NoEffect, Section, problem
from proxy.config.schema.credentials import (
    CredentialLocation,
    EnvLocation,
    LiteralOrLocation,
    Location,
    PathFromEnvLocation,
    SdkLocation,
    ServiceAccounts,
    SimpleLocation,
)
from proxy.config.schema.form import Field, model_validator
from proxy.config.schema.provider_base import CommonProvider

CLOUD_LOCATIONS: dict[str, CredentialLocation] = {
    "anthropic": EnvLocation("ANTHROPIC_API_KEY"),
    "gcp_vertex_anthropic": PathFromEnvLocation("GCP_VERTEX_CREDENTIALS_PATH"),
    "gcp_vertex_gemini": PathFromEnvLocation("GCP_VERTEX_CREDENTIALS_PATH"),
    "google_ai_studio_gemini": EnvLocation("GOOGLE_AI_STUDIO_API_KEY"),
}
AWS_KEYS = (
    "region",
    "endpoint_url",
    "api_key",
    "access_key_id",
    "secret_access_key",
    "session_token",
)
"""Keys of the AWS types that can name a location."""


REGION_VARIABLES = ("AWS_REGION", "AWS_DEFAULT_REGION")
"""Those that name the region which `sdk` stands for."""
BEARER_VARIABLE = "AWS_BEARER_TOKEN_BEDROCK"
GOOGLE_SCOPE = "https://www.googleapis.com/auth/cloud-platform"

_PROVIDER_TOOLS = "Tools that the provider runs itself, in its own form."
_OF_GOOGLE = (
    "Another base URL than Google's, for private endpoints and tests; it ends in the version, such "
    "as `{version}/`. This key is ours: TensorZero's gateway has none."
)


class AnthropicProvider(CommonProvider):
    type: Literal["anthropic"] = Field(description="Anthropic.")
    model_name: str = Field(min_length=1, description="The model's name at the provider.")
    api_base: ApiBase | None = Field(
        None,
        description="Another address than Anthropic's: of the endpoint itself, such as "
        "`https://example.com/v1/messages`.",
    )
    api_key_location: Location = Field(
        CLOUD_LOCATIONS["anthropic"], description="Where its key is found."
    )
    beta_structured_outputs: Annotated[
        bool | None, NoEffect("structured outputs need no beta any more")
    ] = Field(None, description="Deprecated.")
    provider_tools: Many[Any] = Field((), description=_PROVIDER_TOOLS)


class AwsKeys(Section):
    """What the AWS types share."""

    region: LiteralOrLocation | None = Field(
        None, description="The region: its name, a location, or `sdk`."
    )
    allow_auto_detect_region: bool = Field(False, description="Older spelling of `region: sdk`.")
    endpoint_url: LiteralOrLocation | None = Field(None, description="Another address.")
    access_key_id: SimpleLocation | None = Field(None, description="Where the key's id is found.")
    secret_access_key: SimpleLocation | None = Field(None, description="Where the key is found.")
    session_token: SimpleLocation | None = Field(None, description="Where the token is found.")

    bearer_variable: ClassVar[str] = ""
    """The variable whose bearer key serves where no key is configured."""

    @property
    def region_location(self) -> CredentialLocation | str:
        """Where the region is, or its name."""
        return SdkLocation() if self.region is None else self.region

    def bearer_location(self, environ: Mapping[str, str]) -> CredentialLocation | None:
        """Where a bearer key is, which takes the place of a signature."""
        configured: CredentialLocation | None = getattr(self, "api_key", None)
        signs = self.access_key_id or self.secret_access_key or self.session_token
        if configured is None and signs is None and environ.get(self.bearer_variable):
            return EnvLocation(self.bearer_variable)
        return configured

    @property
    def api_key_location(self) -> CredentialLocation:
        """Where the secret is that lets calls in."""
        return getattr(self, "api_key", None) or self.secret_access_key or SdkLocation()

    @property
    def locations(self) -> tuple[CredentialLocation, ...]:
        """All that the entry names."""
        found = (getattr(self, key, None) for key in AWS_KEYS)
        return tuple(each for each in found if each is not None and not isinstance(each, str))


class BedrockProvider(AwsKeys, CommonProvider):
    bearer_variable: ClassVar[str] = BEARER_VARIABLE

    type: Literal["aws_bedrock"] = Field(description="AWS Bedrock.")
    model_id: str = Field(min_length=1, description="The model's id there.")
    api_key: SimpleLocation | None = Field(
        None, description="Where a Bedrock key is found, in place of the others."
    )


class SagemakerProvider(AwsKeys, CommonProvider):
    type: Literal["aws_sagemaker"] = Field(description="AWS SageMaker.")
    endpoint_name: str = Field(min_length=1, description="The endpoint's name there.")
    model_name: str = Field(min_length=1, description="The model's name in requests.")
    hosted_provider: Literal["openai", "tgi"] = Field(description="The protocol it speaks.")


class GoogleKeys(Section):
    """What the types of Google's cloud share."""

    model_id: str | None = Field(None, min_length=1, description="The model's id there, or:")
    endpoint_id: str | None = Field(None, min_length=1, description="The endpoint of one's own.")
    location: Place = Field(description="The location, such as `us-central1` or `global`.")
    project_id: str = Field(min_length=1, description="The project.")
    api_base: ApiBase | None = Field(None, description=_OF_GOOGLE.format(version="v1"))

    tokens: ClassVar[ServiceAccounts] = ServiceAccounts(GOOGLE_SCOPE)

    @model_validator(mode="before")
    @classmethod
    def _check_one_id(cls, data: Any) -> Any:
        if isinstance(data, dict):
            given = [data.get(key) is not None for key in ("model_id", "endpoint_id")]
            if sum(given) != 1:
                raise problem(
                    "exactly one of `model_id` and `endpoint_id` is needed",
                    "name the model, or the endpoint of a tuned one",
                )
        return data


class VertexAnthropicProvider(GoogleKeys, CommonProvider):
    type: Literal["gcp_vertex_anthropic"] = Field(description="Anthropic's models on GCP Vertex.")
    api_key_location: Location = Field(
        CLOUD_LOCATIONS["gcp_vertex_anthropic"],
        validation_alias="credential_location",
        description="Where its service account is found, or `sdk`.",
    )
    provider_tools: Many[Any] = Field((), description=_PROVIDER_TOOLS)


class VertexGeminiProvider(GoogleKeys, CommonProvider):
    type: Literal["gcp_vertex_gemini"] = Field(description="Gemini on GCP Vertex.")
    api_key_location: Location = Field(
        CLOUD_LOCATIONS["gcp_vertex_gemini"],
        validation_alias="credential_location",
        description="Where its service account is found, or `sdk`.",
    )


class GeminiProvider(CommonProvider):
    type: Literal["google_ai_studio_gemini"] = Field(description="Gemini with a key.")
    model_name: str = Field(min_length=1, description="The model's name at the provider.")
    api_base: ApiBase | None = Field(None, description=_OF_GOOGLE.format(version="v1beta"))
    api_key_location: Location = Field(
        CLOUD_LOCATIONS["google_ai_studio_gemini"], description="Where its key is found."
    )
