"""From the values of a configuration to targets: functions, models, providers, budgets."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import orjson

from proxy.config.schema import (
    EMBEDDING_SHORTHAND_TYPES,
    SHORTHAND_TYPES,
    ChatCompletionVariant,
    ChatFunction,
    Config,
    CredentialLocation,
    EmbeddingModelConfig,
    EmbeddingProviderConfig,
    EnvLocation,
    ExtraBodyRule,
    ExtraHeaderRule,
    ModelConfig,
    PathFromEnvLocation,
    PathLocation,
    ProviderConfig,
    Timeouts,
    shorthand_provider,
)
from proxy.config.schema.credentials import leaves
from proxy.config.schema.shorthands import RESPONSES_REFUSAL, RESPONSES_SHORTHAND
from proxy.errors import NotSupported
from proxy.inference.function import Function
from proxy.inference.sampling import Pool, by_name
from proxy.inference.templates import SystemTemplate
from proxy.inference.variant import Variant
from proxy.models.budget import RetryBudget
from proxy.models.credentials import load_credential, no_credential
from proxy.models.model import NO_LIMITS, Model, Route, TimeLimits
from proxy.models.policy import Candidate, Schedule
from proxy.models.rewrite import NO_REWRITES, HeaderRewrite, Rewrite, Rewrites
from proxy.providers import build_default_provider, build_provider
from proxy.providers.base import Provider
from proxy.providers.dummy import FlakyCounters
from proxy.services.targets import Targets

BudgetOf = Callable[[str], RetryBudget]
"""The budget of an origin."""
BuildModel = Callable[[str], Model]
"""Makes a model of the name that follows a prefix."""


class LiveBuilder:
    """Builds everything that can be called, once for each configuration."""

    def __init__(
        self,
        config: Config,
        environ: Mapping[str, str],
        budget_of: BudgetOf,
        flaky: FlakyCounters | None = None,
    ) -> None:
        self._config = config
        self._environ = environ
        self._budget_of = budget_of
        self._flaky = flaky or FlakyCounters()
        self._models = {name: self._model(name, entry) for name, entry in config.models.items()}
        self._shorthands = {kind: self._shorthand(kind) for kind in SHORTHAND_TYPES}
        self.embedding_models: dict[str, Model] = {
            name: self._embedding_model(name, entry)
            for name, entry in config.embedding_models.items()
        }
        self.embedding_shorthands: dict[str, BuildModel] = {
            kind: self._shorthands[kind] for kind in EMBEDDING_SHORTHAND_TYPES
        }

    def targets(self) -> Targets:
        functions = {
            name: self._function(name, entry) for name, entry in self._config.functions.items()
        }
        return Targets(
            functions,
            self._models,
            self._shorthands,
            self._default(),
            _plain_variant,
            self.embedding_models,
            self.embedding_shorthands,
        )

    def _shorthand(self, kind: str) -> BuildModel:
        """`provider::model`, for a provider type that needs no more than a model's name."""

        def build(rest: str) -> Model:
            name = f"{kind}::{rest}"
            if name.startswith(RESPONSES_SHORTHAND):
                raise NotSupported(RESPONSES_REFUSAL, param="model")
            return Model(name, (self._route(kind, shorthand_provider(kind, rest)),))

        return build

    def _default(self) -> BuildModel | None:
        default = self._config.zeroproxy.default_provider
        if default is None:
            return None

        def build(name: str) -> Model:
            provider = build_default_provider(default, name)
            return Model(name, (self._placed("default", provider, default.api_key_location),))

        return build

    def _model(self, name: str, entry: ModelConfig) -> Model:
        routes = tuple(self._route(each, entry.providers[each]) for each in entry.routing)
        return Model(name, routes, _limits(entry.timeouts))

    def _embedding_model(self, name: str, entry: EmbeddingModelConfig) -> Model:
        routes = tuple(self._embedding_route(each, entry.providers[each]) for each in entry.routing)
        return Model(name, routes, TimeLimits(_seconds(entry.timeout_ms)))

    def _route(self, name: str, entry: ProviderConfig) -> Route:
        return self._placed(
            name,
            build_provider(entry, self._flaky),
            entry.api_key_location,
            _limits(entry.timeouts),
            _rewrites(entry.extra_body, entry.extra_headers),
        )

    def _embedding_route(self, name: str, entry: EmbeddingProviderConfig) -> Route:
        return self._placed(
            name,
            build_provider(entry, self._flaky),
            entry.api_key_location,
            TimeLimits(_seconds(entry.timeout_ms)),
            _rewrites(entry.extra_body, entry.extra_headers),
        )

    def _placed(
        self,
        name: str,
        provider: Provider,
        location: CredentialLocation,
        limits: TimeLimits = NO_LIMITS,
        rewrites: Rewrites = NO_REWRITES,
    ) -> Route:
        """The provider with its credential and the budget of its origin."""
        takes = provider.takes_secret
        return Route(
            name=name,
            provider=provider,
            credential=load_credential(location, self._environ) if takes else no_credential,
            limits=limits,
            budget=self._budget_of(provider.origin),
            rewrites=rewrites,
            operators_key=(takes and _is_operators(location, self._environ))
            or any(rule.value is not None for rule in rewrites.headers),
        )

    def _function(self, name: str, entry: ChatFunction) -> Function:
        variants = {key: self._variant(key, each) for key, each in entry.variants.items()}
        return Function(name, variants, _pool(entry))

    def _variant(self, name: str, entry: ChatCompletionVariant) -> Variant:
        schedule = Schedule(entry.retries.num_retries, entry.retries.max_delay_s)
        template = entry.system_template
        return Variant(
            name=name,
            candidate=Candidate(name, self._named(entry.model), schedule, _limits(entry.timeouts)),
            defaults=_defaults(entry),
            system=None if template is None else SystemTemplate(template.label, template.text),
            rewrites=_rewrites(entry.extra_body, entry.extra_headers),
        )

    def _named(self, name: str) -> Model:
        """A configured model, or a shorthand (the schema has checked that it is one)."""
        if name in self._models:
            return self._models[name]
        prefix, _, rest = name.partition("::")
        return self._shorthands[prefix](rest)


def _is_operators(location: CredentialLocation, environ: Mapping[str, str]) -> bool:
    """Whether calls could be made with a key of the operator's, and not only the caller's."""
    return any(
        isinstance(leaf, PathLocation)
        or (isinstance(leaf, EnvLocation | PathFromEnvLocation) and leaf.variable in environ)
        for leaf in leaves(location)
    )


def _plain_variant(model: Model) -> Variant:
    """The one variant of a plain model: no more is changed than the model's name."""
    return Variant(model.name, Candidate(model.name, model, Schedule(0, 10.0), TimeLimits()))


def _pool(entry: ChatFunction) -> Pool:
    split = entry.experimentation
    if split is not None:
        weights = dict(split.candidate_variants)
        return Pool(by_name(list(weights)), weights, tuple(split.fallback_variants))
    weighted = {
        name: variant.weight
        for name, variant in entry.variants.items()
        if variant.weight is not None
    }
    names = by_name(list(entry.variants))
    if not weighted:
        return Pool(names)
    return Pool(by_name(list(weighted)), weighted, [name for name in names if name not in weighted])


def _defaults(entry: ChatCompletionVariant) -> dict[str, bytes]:
    """The variant's parameters, under OpenAI's names."""
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


def _limits(timeouts: Timeouts) -> TimeLimits:
    return TimeLimits(
        _seconds(timeouts.non_streaming.total_ms),
        _seconds(timeouts.streaming.ttft_ms),
        _seconds(timeouts.streaming.total_ms),
    )


def _seconds(millis: int | None) -> float | None:
    return None if millis is None else millis / 1000


def _rewrites(body: Sequence[ExtraBodyRule], headers: Sequence[ExtraHeaderRule]) -> Rewrites:
    return Rewrites(
        tuple(Rewrite(_tokens(rule.pointer), rule.value, rule.deletes) for rule in body),
        tuple(HeaderRewrite(rule.name, None if rule.deletes else rule.value) for rule in headers),
    )


def _tokens(pointer: str) -> tuple[str, ...]:
    """The reference tokens of a JSON pointer (RFC 6901, 4)."""
    return tuple(token.replace("~1", "/").replace("~0", "~") for token in pointer.split("/")[1:])
