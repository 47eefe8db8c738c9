"""Vendors with protocols of their own: their entries are valid, their calls are not built yet."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field, model_validator

from proxy.config.schema.addresses import ApiBase
from proxy.config.schema.base import Many, Section, problem
from proxy.config.schema.credentials import (
    CredentialLocation,
    EnvLocation,
    LiteralOrLocation,
    Location,
    PathFromEnvLocation,
    SdkLocation,
    SimpleLocation,
)
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


class CloudProvider(CommonProvider):
    not_built: ClassVar[str] = "provider type `{type}`"


class AnthropicProvider(CloudProvider):
    type: Literal["anthropic"] = Field(description="Anthropic.")
    model_name: str = Field(min_length=1, description="The model's name at the provider.")
    api_base: ApiBase | None = Field(None, description="Its base URL, if not Anthropic's.")
    api_key_location: Location = Field(
        CLOUD_LOCATIONS["anthropic"], description="Where its key is found."
    )
    beta_structured_outputs: bool | None = Field(None, description="Asks for this beta.")
    provider_tools: Many[Any] = Field((), description="Tools that the provider runs itself.")


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

    @property
    def api_key_location(self) -> CredentialLocation:
        return self.access_key_id or SdkLocation()


class BedrockProvider(AwsKeys, CloudProvider):
    type: Literal["aws_bedrock"] = Field(description="AWS Bedrock.")
    model_id: str = Field(min_length=1, description="The model's id there.")
    api_key: SimpleLocation | None = Field(
        None, description="Where a Bedrock key is found, in place of the others."
    )


class SagemakerProvider(AwsKeys, CloudProvider):
    type: Literal["aws_sagemaker"] = Field(description="AWS SageMaker.")
    endpoint_name: str = Field(min_length=1, description="The endpoint's name there.")
    model_name: str = Field(min_length=1, description="The model's name in requests.")
    hosted_provider: Literal["openai", "tgi"] = Field(description="The protocol it speaks.")


class VertexAnthropicProvider(CloudProvider):
    type: Literal["gcp_vertex_anthropic"] = Field(description="Anthropic's models on GCP Vertex.")
    model_id: str = Field(min_length=1, description="The model's id there.")
    location: str = Field(min_length=1, description="The region.")
    project_id: str = Field(min_length=1, description="The project.")
    api_key_location: Location = Field(
        CLOUD_LOCATIONS["gcp_vertex_anthropic"],
        validation_alias="credential_location",
        description="Where its service account is found.",
    )
    provider_tools: Many[Any] = Field((), description="Tools that the provider runs itself.")


class VertexGeminiProvider(CloudProvider):
    type: Literal["gcp_vertex_gemini"] = Field(description="Gemini on GCP Vertex.")
    model_id: str | None = Field(None, min_length=1, description="The model's id there, or:")
    endpoint_id: str | None = Field(None, min_length=1, description="A tuned model's endpoint.")
    location: str = Field(min_length=1, description="The region.")
    project_id: str = Field(min_length=1, description="The project.")
    api_key_location: Location = Field(
        CLOUD_LOCATIONS["gcp_vertex_gemini"],
        validation_alias="credential_location",
        description="Where its service account is found.",
    )

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


class GeminiProvider(CloudProvider):
    type: Literal["google_ai_studio_gemini"] = Field(description="Gemini with a key.")
    model_name: str = Field(min_length=1, description="The model's name at the provider.")
    api_key_location: Location = Field(
        CLOUD_LOCATIONS["google_ai_studio_gemini"], description="Where its key is found."
    )
