"""From the values of a configuration to live functions: schemas, tools, templates, variants."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from copy import copy

import orjson

from proxy.app.brought import VariantReader
from proxy.app.limits import rewrites_of, time_limits
from proxy.config.schema import (
    AdaptiveShares,
    BestOfNVariant,
    ChainOfThoughtVariant,
    ChatCompletionVariant,
    ChatFunction,
    Config,
    DiclVariant,
    FunctionConfig,
    JsonFunction,
    Judged,
    MixtureOfNVariant,
    Retries,
    SchemaFile,
    SpecificTool,
    StaticShares,
    Template,
    VariantConfig,
)
from proxy.config.schema.sampling import Sampling
from proxy.config.schema.variants import Prompted
from proxy.config.surroundings import Surroundings
from proxy.inference.function import DYNAMIC_VARIANT, Draw, Function, UnbuiltDraw
from proxy.inference.prepare import FunctionSpec, VariantSpec
from proxy.inference.sampling import Pool, by_name
from proxy.inference.schemas import Schema, load_schema
from proxy.inference.templates import SYSTEM, SystemTemplate, TemplateSet, TemplateSource
from proxy.inference.tools import AUTO, FunctionTools, Tool, load_tool
from proxy.inference.variant import Variant
from proxy.inference.variants.base import Strategy
from proxy.inference.variants.best_of_n import BestOfN
from proxy.inference.variants.dicl import Dicl, Nearest
from proxy.inference.variants.mixture_of_n import MixtureOfN
from proxy.models.model import NO_LIMITS, Model, TimeLimits
from proxy.models.policy import Candidate, Schedule
from proxy.types.ports import InferenceStore
from proxy.types.request import Params
from proxy.wire.envelope.tools import ToolChoice

NamedModel = Callable[[str], Model]


def load_tools(config: Config) -> dict[str, Tool]:
    """All configured tools, by their keys.

    Raises:
        ConfigError: the parameters of one are no JSON Schema.
    """
    return {
        name: load_tool(
            name,
            name=entry.name,
            description=entry.description,
            label=entry.parameters.label,
            parameters=entry.parameters.text,
            strict=entry.strict,
        )
        for name, entry in config.tools.items()
    }


class FunctionBuilder:
    """Builds the functions of one configuration; later, variants that requests bring along."""

    def __init__(
        self,
        config: Config,
        model: NamedModel,
        embedding_model: NamedModel,
        store: InferenceStore | None,
    ) -> None:
        """`model` and `embedding_model` make a live model of a name in the configuration."""
        self._config = config
        self._model = model
        self._embedding_model = embedding_model
        self._store = store
        self._brought = False
        """Whether a caller, not the operator, wrote what is built."""
        self._reader = VariantReader()
        self._includes = config.gateway.template_filesystem_access.files
        self._tools = load_tools(config)

    @property
    def tools(self) -> Mapping[str, Tool]:
        """All configured tools, by their keys."""
        return self._tools

    def functions(self) -> dict[str, Function]:
        """All configured functions.

        Raises:
            ConfigError: a template or a schema cannot be used.
        """
        return {name: self._function(name, entry) for name, entry in self._config.functions.items()}

    async def dynamic(self, function: Function, raw: bytes) -> Function:
        """The function with one variant only, that of a request's own configuration.

        Raises:
            ConfigError: it is no variant of this function, or a template in it cannot be used.
        """
        around = Surroundings(
            function.spec.kind,
            tuple(function.variants),
            tuple(self._config.models),
            tuple(self._config.embedding_models),
        )
        entry = await asyncio.to_thread(self._reader.read, raw, around)
        builder = copy(self)
        builder._brought = True
        variant = builder._variant(function.name, DYNAMIC_VARIANT, entry, function.spec.schemas)
        variants = {**function.variants, DYNAMIC_VARIANT: variant}
        return Function(function.name, variants, Pool([DYNAMIC_VARIANT]), function.spec)

    def _function(self, name: str, entry: FunctionConfig) -> Function:
        schemas = {
            key: _schema(file, f"functions.{name}.schemas.{key}")
            for key, file in entry.input_schemas.items()
        }
        variants = {
            key: self._variant(name, key, each, schemas) for key, each in entry.variants.items()
        }
        named = (variant.spec.templates.explicit for variant in variants.values())
        spec = FunctionSpec(
            kind=entry.type,
            schemas=schemas,
            template_names=frozenset().union(*named),
            tools=self._function_tools(entry),
            output_schema=_output_schema(name, entry),
        )
        split = entry.experimentation
        others = {} if split is None else split.namespaces
        return Function(
            name,
            variants,
            _pool(entry),
            spec,
            {key: _shares(each) for key, each in others.items()},
        )

    def _function_tools(self, entry: FunctionConfig) -> FunctionTools:
        if not isinstance(entry, ChatFunction):
            return FunctionTools(configured=self._tools)
        choice = AUTO
        if isinstance(entry.tool_choice, SpecificTool):
            choice = ToolChoice("specific", self._tools[entry.tool_choice.specific].name)
        elif entry.tool_choice != "auto":
            choice = ToolChoice(entry.tool_choice)
        return FunctionTools(entry.tools, choice, entry.parallel_tool_calls, self._tools)

    # Variants.

    def _variant(
        self, function: str, name: str, entry: VariantConfig, schemas: Mapping[str, Schema]
    ) -> Variant:
        match entry:
            case ChatCompletionVariant() | ChainOfThoughtVariant():
                return self._prompted(name, entry, schemas)
            case BestOfNVariant(candidates=names, evaluator=evaluator):
                spec = self._judge_spec(evaluator, schemas)
                asked = self._candidate(name, evaluator, NO_LIMITS)
                rewrites = rewrites_of(evaluator.extra_body, evaluator.extra_headers)
                return self._strategy(name, entry, BestOfN(names, asked, spec, rewrites))
            case MixtureOfNVariant(candidates=names, fuser=fuser):
                spec = self._judge_spec(fuser, schemas)
                asked = self._candidate(name, fuser, NO_LIMITS)
                rewrites = rewrites_of(fuser.extra_body, fuser.extra_headers)
                return self._strategy(name, entry, MixtureOfN(names, asked, spec, rewrites))
            case DiclVariant():
                return self._strategy(name, entry, self._dicl(function, name, entry))

    def _prompted(
        self,
        name: str,
        entry: ChatCompletionVariant | ChainOfThoughtVariant,
        schemas: Mapping[str, Schema],
    ) -> Variant:
        # The relay, which alone takes it, serves no variants of callers.
        system = None if self._brought else entry.role_templates.get(SYSTEM)
        return Variant(
            name=name,
            candidate=self._candidate(name, entry, time_limits(entry.timeouts)),
            spec=VariantSpec(
                self._templates(entry, schemas),
                _params(entry),
                thinks=isinstance(entry, ChainOfThoughtVariant),
            ),
            defaults=_defaults(entry),
            system=None if system is None else self._system(system),
            rewrites=rewrites_of(entry.extra_body, entry.extra_headers),
        )

    def _system(self, template: Template) -> SystemTemplate:
        return SystemTemplate(template.label, template.text, self._includes)

    def _strategy(
        self, name: str, entry: BestOfNVariant | MixtureOfNVariant | DiclVariant, what: Strategy
    ) -> Variant:
        limits = time_limits(entry.timeouts)
        whole = Candidate(name, self._model(entry.model), Schedule(0, 0.0), limits)
        return Variant(name, whole, VariantSpec(TemplateSet({})), strategy=what)

    def _judge_spec(self, entry: Judged, schemas: Mapping[str, Schema]) -> VariantSpec:
        return VariantSpec(self._templates(entry, schemas), _params(entry))

    def _dicl(self, function: str, name: str, entry: DiclVariant) -> Dicl:
        instructions = entry.system_instructions
        embedding = self._embedding_model(entry.embedding_model)
        model = self._model(entry.model)
        return Dicl(
            Nearest(function, name, entry.k, entry.max_distance),
            Candidate(name, embedding, Schedule(0, 0.0), NO_LIMITS),
            Candidate(name, model, _schedule(entry.retries), NO_LIMITS),
            self._store,
            params=_params(entry),
            system_instructions=None if instructions is None else instructions.text,
            rewrites=rewrites_of(entry.extra_body, entry.extra_headers),
        )

    def _candidate(self, name: str, entry: Prompted, limits: TimeLimits) -> Candidate:
        return Candidate(name, self._model(entry.model), _schedule(entry.retries), limits)

    def _templates(self, entry: Prompted, schemas: Mapping[str, Schema]) -> TemplateSet:
        sources = {
            **{name: _source(each, True) for name, each in entry.role_templates.items()},
            **{name: _source(each, False) for name, each in entry.named_templates.items()},
        }
        return TemplateSet(
            sources, with_schema=schemas, includes=self._includes, brought=self._brought
        )


def _source(template: Template, of_role: bool) -> TemplateSource:
    return TemplateSource(template.label, template.text, of_role)


def _schema(file: SchemaFile, key: str) -> Schema:
    return load_schema(file.label, key, file.text)


def _output_schema(name: str, entry: FunctionConfig) -> Schema | None:
    if not isinstance(entry, JsonFunction) or entry.output_schema is None:
        return None
    return _schema(entry.output_schema, f"functions.{name}.output_schema")


def _schedule(retries: Retries) -> Schedule:
    return Schedule(retries.num_retries, retries.max_delay_s)


def _pool(entry: FunctionConfig) -> Draw:
    if entry.experimentation is not None:
        return _shares(entry.experimentation)
    weighted = {
        name: variant.weight
        for name, variant in entry.variants.items()
        if variant.weight is not None
    }
    names = by_name(list(entry.variants))
    if not weighted:
        return Pool(names)
    return Pool(by_name(list(weighted)), weighted, [name for name in names if name not in weighted])


def _shares(split: StaticShares | AdaptiveShares) -> Draw:
    if isinstance(split, AdaptiveShares):
        return UnbuiltDraw(split.not_built.format(type=split.type))
    weights = dict(split.candidate_variants)
    return Pool(by_name(list(weights)), weights, tuple(split.fallback_variants))


def _params(entry: Sampling) -> Params:
    """The variant's parameters, for what the caller leaves out."""
    mode = entry.json_mode
    return Params(
        temperature=entry.temperature,
        top_p=entry.top_p,
        max_tokens=entry.max_tokens,
        seed=entry.seed,
        presence_penalty=entry.presence_penalty,
        frequency_penalty=entry.frequency_penalty,
        stop_sequences=entry.stop_sequences,
        json_mode="tool" if mode == "implicit_tool" else mode,
        reasoning_effort=entry.reasoning_effort,
        service_tier=entry.service_tier,
        verbosity=entry.verbosity,
        thinking_budget_tokens=entry.thinking_budget_tokens,
    )


def _defaults(entry: Sampling) -> dict[str, bytes]:
    """The same under OpenAI's names, as members of a body."""
    values = {
        "temperature": entry.temperature,
        "top_p": entry.top_p,
        "max_completion_tokens": entry.max_tokens,
        "presence_penalty": entry.presence_penalty,
        "frequency_penalty": entry.frequency_penalty,
        "seed": entry.seed,
        "stop": entry.stop_sequences,
        "reasoning_effort": entry.reasoning_effort,
        "service_tier": entry.service_tier,
        "verbosity": entry.verbosity,
    }
    return {key: orjson.dumps(value) for key, value in values.items() if value is not None}
