"""`optimizers`: how functions are made better. The keys are those of the trainers."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from proxy.config.schema.base import U32, Many, Section
from proxy.config.schema.form import Field
from proxy.config.schema.timeouts import Retries

_MODEL = Field(min_length=1, description="The model to train.")
_GIVEN = Field(None, description="As the trainer has it.")
Word = str | None
Number = U32 | None
Ratio = float | None
Switch = bool | None


class DiclOptimizer(Section):
    type: Literal["dicl"] = Field(description="Examples for dynamic in-context learning.")
    embedding_model: str = Field(min_length=1, description="A name from `embedding_models`.")
    variant_name: str = Field(min_length=1, description="The variant that sees them.")
    function_name: str = Field(min_length=1, description="Its function.")
    dimensions: Number = Field(None, description="Of the vectors.")
    batch_size: U32 = Field(128, description="Texts in one call.")
    max_concurrency: U32 = Field(10, description="Calls at once.")
    k: U32 = Field(10, description="How many examples the variant sees.")
    model: Word = Field(None, description="The variant's model.")
    append_to_existing_variants: bool = Field(False, description="Keeps the examples there are.")


class OpenAISft(Section):
    type: Literal["openai_sft"] = Field(description="Supervised fine-tuning at OpenAI.")
    model: str = _MODEL
    batch_size: Number = _GIVEN
    learning_rate_multiplier: Ratio = _GIVEN
    n_epochs: Number = _GIVEN
    seed: Number = _GIVEN
    suffix: Word = _GIVEN


class OpenAIRft(Section):
    type: Literal["openai_rft"] = Field(description="Reinforcement fine-tuning at OpenAI.")
    model: str = _MODEL
    grader: Any = Field(description="Who grades, in the trainer's form.")
    response_format: Any = _GIVEN
    batch_size: Number = _GIVEN
    compute_multiplier: Ratio = _GIVEN
    eval_interval: Number = _GIVEN
    eval_samples: Number = _GIVEN
    learning_rate_multiplier: Ratio = _GIVEN
    n_epochs: Number = _GIVEN
    reasoning_effort: Word = _GIVEN
    seed: Number = _GIVEN
    suffix: Word = _GIVEN


class FireworksOptimizer(Section):
    type: Literal["fireworks_sft"] = Field(description="Supervised fine-tuning at Fireworks.")
    model: str = _MODEL
    early_stop: Switch = _GIVEN
    epochs: Number = _GIVEN
    learning_rate: Ratio = _GIVEN
    max_context_length: Number = _GIVEN
    lora_rank: Number = _GIVEN
    batch_size: Number = _GIVEN
    display_name: Word = _GIVEN
    output_model: Word = _GIVEN
    warm_start_from: Word = _GIVEN
    is_turbo: Switch = _GIVEN
    eval_auto_carveout: Switch = _GIVEN
    nodes: Number = _GIVEN
    mtp_enabled: Switch = _GIVEN
    mtp_num_draft_tokens: Number = _GIVEN
    mtp_freeze_base_model: Switch = _GIVEN
    deploy_after_training: Switch = _GIVEN


class VertexOptimizer(Section):
    type: Literal["gcp_vertex_gemini_sft"] = Field(
        description="Supervised fine-tuning of Gemini on GCP Vertex."
    )
    model: str = _MODEL
    learning_rate_multiplier: Ratio = _GIVEN
    adapter_size: Number = _GIVEN
    n_epochs: Number = _GIVEN
    export_last_checkpoint_only: Switch = _GIVEN
    seed: Number = _GIVEN
    tuned_model_display_name: Word = _GIVEN


class TogetherOptimizer(Section):
    type: Literal["together_sft"] = Field(description="Supervised fine-tuning at Together.")
    model: str = _MODEL
    n_epochs: U32 = Field(1, description="As the trainer has it.")
    n_checkpoints: U32 = Field(1, description="As the trainer has it.")
    n_evals: Number = _GIVEN
    batch_size: U32 | Literal["max"] = Field("max", description="As the trainer has it.")
    learning_rate: float = Field(0.00001, description="As the trainer has it.")
    warmup_ratio: float = Field(0.0, description="As the trainer has it.")
    max_grad_norm: float = Field(1.0, description="As the trainer has it.")
    weight_decay: float = Field(0.0, description="As the trainer has it.")
    suffix: Word = _GIVEN
    lr_scheduler: dict[str, Any] | None = _GIVEN
    wandb_name: Word = _GIVEN
    training_method: dict[str, Any] | None = _GIVEN
    training_type: dict[str, Any] | None = _GIVEN
    from_checkpoint: Word = _GIVEN
    from_hf_model: Word = _GIVEN
    hf_model_revision: Word = _GIVEN
    hf_output_repo_name: Word = _GIVEN


class GepaOptimizer(Section):
    type: Literal["gepa"] = Field(description="Better prompts, by reflection and selection.")
    function_name: str = Field(min_length=1, description="The function to make better.")
    evaluation_name: Word = Field(None, description="Deprecated: a name from `evaluations`.")
    evaluator_names: Many[str] | None = Field(None, description="The function's evaluators.")
    initial_variants: Many[str] | None = Field(None, description="Where to begin; by default all.")
    variant_prefix: Word = Field(None, description="Of the names of new variants.")
    batch_size: U32 = Field(5, description="Examples in one look.")
    max_iterations: U32 = Field(1, description="Rounds.")
    max_concurrency: U32 = Field(10, description="Calls at once.")
    analysis_model: str = Field(min_length=1, description="Who reflects.")
    mutation_model: str = Field(min_length=1, description="Who writes.")
    seed: Number = Field(None, description="Of the draw of examples.")
    timeout: U32 = Field(300, description="Seconds of one evaluation.")
    include_inference_for_mutation: bool = Field(True, description="Shows answers to the writer.")
    retries: Retries = Field(Retries.by_default(), description="Repeats of its calls.")
    max_tokens: Number = Field(None, description="Of its calls.")


OptimizerConfig: TypeAlias = Annotated[
    DiclOptimizer
    | OpenAISft
    | OpenAIRft
    | FireworksOptimizer
    | VertexOptimizer
    | TogetherOptimizer
    | GepaOptimizer,
    Field(discriminator="type"),
]
