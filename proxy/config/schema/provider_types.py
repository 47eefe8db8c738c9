"""`provider_types`: what holds for all providers of a type."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from proxy.config.schema.base import NotBuilt, Section, problem
from proxy.config.schema.credentials import Location
from proxy.config.schema.form import Field, model_validator

_SFT = NotBuilt("fine-tuning")


class KeyDefaults(Section):
    api_key_location: Location = Field(description="Where the key is found unless they say so.")


class CloudDefaults(Section):
    api_key_location: Location = Field(
        validation_alias="credential_location",
        description="Where the service account is found, or `sdk`, unless they say so.",
    )


class KeyType(Section):
    defaults: KeyDefaults | None = Field(None, description="What providers leave out.")


class CloudType(Section):
    defaults: CloudDefaults | None = Field(None, description="What providers leave out.")


class FireworksSft(Section):
    account_id: str = Field(min_length=1, description="The account that trains.")


class FireworksType(KeyType):
    sft: Annotated[FireworksSft | None, _SFT] = Field(None, description="Fine-tuning.")


class TogetherSft(Section):
    wandb_api_key: str | None = Field(None, description="A key of Weights & Biases.")
    wandb_base_url: str | None = Field(None, description="Its address.")
    wandb_project_name: str | None = Field(None, description="The project there.")
    hf_api_token: str | None = Field(None, description="A token of Hugging Face.")


class TogetherType(KeyType):
    sft: Annotated[TogetherSft | None, _SFT] = Field(None, description="Fine-tuning.")


class VertexBatch(Section):
    storage_type: Literal["none", "cloud_storage"] = Field(description="Where batches lie.")
    input_uri_prefix: str | None = Field(None, description="Where inputs are put.")
    output_uri_prefix: str | None = Field(None, description="Where outputs are put.")

    @model_validator(mode="before")
    @classmethod
    def _check_places(cls, data: Any) -> Any:
        if isinstance(data, dict) and data.get("storage_type") == "cloud_storage":
            for key in ("input_uri_prefix", "output_uri_prefix"):
                if data.get(key) is None:
                    raise problem(f"missing field `{key}`", "write it like `gs://bucket/folder`")
        return data


class VertexSft(Section):
    project_id: str = Field(min_length=1, description="The project.")
    region: str = Field(min_length=1, description="The region.")
    bucket_name: str = Field(min_length=1, description="The bucket for examples.")
    bucket_path_prefix: str | None = Field(None, description="The folder in it.")
    service_account: str | None = Field(None, description="Who trains.")
    kms_key_name: str | None = Field(None, description="The key that encrypts.")


class VertexType(CloudType):
    batch: Annotated[VertexBatch | None, NotBuilt("batches")] = Field(
        None, description="Batch inference."
    )
    sft: Annotated[VertexSft | None, _SFT] = Field(None, description="Fine-tuning.")


_KEY = Field(KeyType.by_default(), description="Of providers of this type.")
_CLOUD = Field(CloudType.by_default(), description="Of providers of this type.")


class ProviderTypes(Section):
    anthropic: KeyType = _KEY
    azure: KeyType = _KEY
    deepseek: KeyType = _KEY
    fireworks: FireworksType = Field(
        FireworksType.by_default(), description="Of providers of this type."
    )
    gcp_vertex_anthropic: CloudType = _CLOUD
    gcp_vertex_gemini: VertexType = Field(
        VertexType.by_default(), description="Of providers of this type."
    )
    google_ai_studio_gemini: KeyType = _KEY
    groq: KeyType = _KEY
    hyperbolic: KeyType = _KEY
    mistral: KeyType = _KEY
    openai: KeyType = _KEY
    openrouter: KeyType = _KEY
    sglang: KeyType = _KEY
    tgi: KeyType = _KEY
    together: TogetherType = Field(
        TogetherType.by_default(), description="Of providers of this type."
    )
    vllm: KeyType = _KEY
    xai: KeyType = _KEY
