"""From the values of a configuration to targets: functions, models, providers, budgets."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from proxy.app.functions import FunctionBuilder
from proxy.app.limits import known_limits, rewrites_of, seconds, time_limits
from proxy.config.schema import (
    EMBEDDING_SHORTHAND_TYPES,
    SHORTHAND_TYPES,
    Config,
    EmbeddingModelConfig,
    EmbeddingProviderConfig,
    ModelConfig,
    ProviderConfig,
    shorthand_provider,
)
from proxy.inference.prepare import FunctionSpec, VariantSpec
from proxy.inference.templates import TemplateSet
from proxy.inference.tools import FunctionTools
from proxy.inference.variant import Variant
from proxy.models.budget import RetryBudget, Unlimited
from proxy.models.cost import Prices, build_prices
from proxy.models.credentials import Credential, is_operators, no_credential
from proxy.models.model import NO_LIMITS, Model, Route, TimeLimits
from proxy.models.policy import Candidate, Schedule
from proxy.models.provider_credentials import AnyEntry, build_credential
from proxy.models.rewrite import NO_REWRITES, Rewrites
from proxy.net.tokens import Tokens
from proxy.providers import build_default_provider, build_provider
from proxy.providers.base import Provider, answers_neutrally
from proxy.providers.dummy import FlakyCounters
from proxy.providers.unbuilt import UnbuiltProvider
from proxy.services.targets import Targets
from proxy.types.ports import InferenceStore

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
        store: InferenceStore | None = None,
        tokens: Tokens | None = None,
    ) -> None:
        self._config = config
        self._environ = environ
        self._budget_of = budget_of
        self._flaky = flaky or FlakyCounters()
        self._tokens = tokens or Tokens()
        relay = config.gateway.relay
        self._relays = relay is not None and relay.gateway_url is not None
        self._models = {name: self._model(name, entry) for name, entry in config.models.items()}
        self._shorthands = {kind: self._shorthand(kind) for kind in SHORTHAND_TYPES}
        self.embedding_models: dict[str, Model] = {
            name: self._embedding_model(name, entry)
            for name, entry in config.embedding_models.items()
        }
        self.embedding_shorthands: dict[str, BuildModel] = {
            kind: self._shorthands[kind] for kind in EMBEDDING_SHORTHAND_TYPES
        }
        self._no_templates = TemplateSet({})
        self._functions = FunctionBuilder(config, self._named, self._named_embedding, store)

    def targets(self) -> Targets:
        return Targets(
            self._functions.functions(),
            self._models,
            self._shorthands,
            self._default(),
            self._plain_variant,
            self.embedding_models,
            self.embedding_shorthands,
            plain=FunctionSpec(tools=FunctionTools(configured=self._functions.tools)),
            build_dynamic=self._functions.dynamic,
        )

    def _shorthand(self, kind: str) -> BuildModel:
        """`provider::model`, for a provider type that needs no more than a model's name."""

        def build(rest: str) -> Model:
            name = f"{kind}::{rest}"
            if self._relays:
                return self._relayed(name, (kind,))
            entry = shorthand_provider(kind, rest, self._config.provider_types)
            return Model(name, (self._route(kind, entry),))

        return build

    def _default(self) -> BuildModel | None:
        default = self._config.zeroproxy.default_provider
        if default is None:
            return None

        def build(name: str) -> Model:
            provider = build_default_provider(default, name)
            return Model(name, (self._placed("default", provider, default),))

        return build

    def _model(self, name: str, entry: ModelConfig) -> Model:
        if self._relays and not entry.skip_relay:
            return self._relayed(name, entry.routing)
        routes = tuple(self._route(each, entry.providers[each]) for each in entry.routing)
        return Model(name, routes, time_limits(entry.timeouts), entry.namespace)

    def _relayed(self, name: str, routing: Sequence[str]) -> Model:
        """A model that another gateway is to be asked for."""
        refusing = UnbuiltProvider("relay", name, "`gateway.relay`")
        return Model(name, tuple(self._placed(each, refusing, None) for each in routing))

    def _embedding_model(self, name: str, entry: EmbeddingModelConfig) -> Model:
        if self._relays:
            return self._relayed(name, entry.routing)
        routes = tuple(self._embedding_route(each, entry.providers[each]) for each in entry.routing)
        return Model(name, routes, known_limits(TimeLimits(seconds(entry.timeout_ms))))

    def _route(self, name: str, entry: ProviderConfig) -> Route:
        return self._placed(
            name,
            build_provider(entry, self._flaky),
            entry,
            time_limits(entry.timeouts),
            rewrites_of(entry.extra_body, entry.extra_headers),
            build_prices(entry),
            discards_unknown=entry.discard_unknown_chunks,
        )

    def _embedding_route(self, name: str, entry: EmbeddingProviderConfig) -> Route:
        return self._placed(
            name,
            build_provider(entry, self._flaky),
            entry,
            known_limits(TimeLimits(seconds(entry.timeout_ms))),
            rewrites_of(entry.extra_body, entry.extra_headers),
            build_prices(entry),
        )

    def _placed(
        self,
        name: str,
        provider: Provider,
        entry: AnyEntry | None,
        limits: TimeLimits = NO_LIMITS,
        rewrites: Rewrites = NO_REWRITES,
        prices: Prices | None = None,
        *,
        discards_unknown: bool = False,
    ) -> Route:
        """The provider with its credential and the budget of its origin."""
        credential: Credential = no_credential
        operators = False
        if entry is not None and provider.takes_secret:
            credential = build_credential(entry, self._environ, self._tokens)
            operators = is_operators(entry.api_key_location, self._environ)
        return Route(
            name=name,
            provider=provider,
            credential=credential,
            limits=limits,
            budget=Unlimited() if answers_neutrally(provider) else self._budget_of(provider.origin),
            rewrites=rewrites,
            prices=prices,
            operators_key=operators or any(rule.value is not None for rule in rewrites.headers),
            discards_unknown=discards_unknown,
        )

    def _named(self, name: str) -> Model:
        """A configured model, or a shorthand (the schema has checked that it is one)."""
        return self._models.get(name) or _made(self._shorthands, name)

    def _named_embedding(self, name: str) -> Model:
        return self.embedding_models.get(name) or _made(self.embedding_shorthands, name)

    def _plain_variant(self, model: Model) -> Variant:
        """The one variant of a plain model: no more is changed than the model's name."""
        candidate = Candidate(model.name, model, Schedule(0, 10.0), NO_LIMITS)
        return Variant(model.name, candidate, VariantSpec(self._no_templates))


def _made(shorthands: Mapping[str, BuildModel], name: str) -> Model:
    prefix, _, rest = name.partition("::")
    return shorthands[prefix](rest)
