"""What a model string means: a function, a model, a shorthand, or the default provider."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from proxy.errors import ConfigError, InvalidRequest, NotFound
from proxy.inference.function import DEFAULT_FUNCTION, Function, check_namespace
from proxy.inference.prepare import PLAIN, Call, CheckedCall, FunctionSpec, check_call
from proxy.inference.schemas import SchemaCache
from proxy.inference.tools import Tool, decode_tools
from proxy.inference.variant import Variant
from proxy.models.model import Model, Route
from proxy.types.ids import Identifier

FUNCTION = "tensorzero::function_name::"
MODEL = "tensorzero::model_name::"
EMBEDDING = "tensorzero::embedding_model_name::"
RESERVED = "tensorzero::"

BuildModel = Callable[[str], Model]
BuildVariant = Callable[[Model], Variant]
BuildDynamic = Callable[[Function, bytes], Awaitable[Function]]
"""The function with the one variant that a request's configuration (raw JSON) describes."""

SHORTHANDS_KEPT = 1024


@dataclass(frozen=True, slots=True)
class Target:
    """Where a call is going. `function_name` is empty for the default provider."""

    function_name: str
    function: Function | None
    variant: Variant | None
    spec: FunctionSpec = PLAIN

    @property
    def plain(self) -> bool:
        """Whether a client's chat is its call as it stands; see `Function.plain`."""
        return self.function is None or self.function.plain

    def choose(
        self, episode_id: Identifier, pinned: str | None, namespace: str | None = None
    ) -> Iterator[Variant]:
        """The variants to try, in order.

        Raises:
            NotFound: the pinned variant does not exist.
            InvalidRequest: a variant was pinned, but the target is no function; or a model belongs
                to another namespace.
        """
        if self.function is not None:
            if not self.function.guarded:
                return self.function.choose(episode_id, pinned, namespace)
            return self._drawn(self.function, episode_id, pinned, namespace)
        assert self.variant is not None
        if pinned is not None:
            raise InvalidRequest(
                "a variant can be pinned only with a function", param="variant_name"
            )
        check_namespace(self.variant.candidate.model, namespace, "The request asks for model")
        return iter((self.variant,))

    def _drawn(
        self, function: Function, episode_id: Identifier, pinned: str | None, namespace: str | None
    ) -> Iterator[Variant]:
        for variant in function.choose(episode_id, pinned, namespace):
            who = f"Variant `{variant.name}` uses model"
            check_namespace(variant.candidate.model, namespace, who)
            yield variant

    def routes(self) -> Iterable[Route]:
        """Every provider that a call could reach."""
        variants = [self.variant] if self.function is None else self.function.variants.values()
        return (route for each in variants if each for route in each.candidate.model.routes)

    def check_variant(self, name: str) -> None:
        """Raises NotFound when there is no variant of that name; a model's only one has its own."""
        known = {self.named(name).name} if self.function is None else self.function.variants.keys()
        if name not in known:
            raise NotFound(f"Unknown variant: {name}", param="variant_name")

    def named(self, variant_name: str) -> Variant:
        if self.function is not None:
            return self.function.variants[variant_name]
        assert self.variant is not None
        return self.variant


class Targets:
    """All that can be called by name, built from one configuration."""

    def __init__(
        self,
        functions: Mapping[str, Function],
        models: Mapping[str, Model],
        shorthands: Mapping[str, BuildModel],
        default: BuildModel | None,
        build_variant: BuildVariant,
        embedding_models: Mapping[str, Model] | None = None,
        embedding_shorthands: Mapping[str, BuildModel] | None = None,
        *,
        plain: FunctionSpec = PLAIN,
        build_dynamic: BuildDynamic | None = None,
    ) -> None:
        """`plain` holds for calls of models."""
        self._schemas = SchemaCache()
        self._plain = plain
        self._build_dynamic = build_dynamic
        self._functions = {
            name: Target(name, function, None, function.spec)
            for name, function in functions.items()
        }
        self._models = {
            name: Target(DEFAULT_FUNCTION, None, build_variant(model), plain)
            for name, model in models.items()
        }
        self._embedding_models = {
            name: Target(DEFAULT_FUNCTION, None, build_variant(model))
            for name, model in (embedding_models or {}).items()
        }
        self._shorthands = shorthands
        self._embedding_shorthands = embedding_shorthands or {}
        self._default = default
        self._build_variant = build_variant
        self._made: OrderedDict[str, Target] = OrderedDict()

    def names(self) -> list[str]:
        """Everything that `GET /v1/models` lists, as strings to put into `model`."""
        functions = [FUNCTION + name for name in self._functions]
        return [*sorted(functions), *sorted({*self._models, *self._embedding_models})]

    def check(self, target: Target, call: Call) -> CheckedCall:
        """The call as its target accepts it; raises InvalidRequest with the place of a fault."""
        return check_call(target.spec, call, self._schemas)

    def tools(self, raw: bytes) -> tuple[Tool, ...]:
        """A caller's list of tools, its shape checked before."""
        return decode_tools(raw, self._schemas)

    async def dynamic(self, target: Target, raw: bytes) -> Target:
        """The function with the variant that a request brings along, and that one only.

        Raises:
            InvalidRequest: it is no variant, or the target no function.
        """
        if target.function is None or self._build_dynamic is None:
            raise InvalidRequest(
                "`internal_dynamic_variant_config` needs a function",
                param="internal_dynamic_variant_config",
            )
        try:
            function = await self._build_dynamic(target.function, raw)
        except ConfigError as error:
            raise InvalidRequest(str(error), param="internal_dynamic_variant_config") from error
        return Target(target.function_name, function, None, target.spec)

    def resolve(self, name: str) -> Target:
        """The target of a model string; the default provider's when it is empty.

        Raises:
            NotFound: the name is of a known form, but nothing here is called so.
        """
        target = self._models.get(name)
        if target is not None:
            return target
        if name.startswith(FUNCTION):
            return self.function_target(name.removeprefix(FUNCTION))
        if name.startswith(MODEL):
            return self.model_target(name.removeprefix(MODEL))
        if name.startswith(RESERVED):
            raise NotFound(
                f"Unknown model: {name}. Names that begin with `tensorzero::` are "
                f"`{FUNCTION}F`, `{MODEL}M` and, for embeddings, `{EMBEDDING}E`.",
                param="model",
                code="model_not_found",
            )
        return self._shorthand(name, self._shorthands) or self._passed_on(name)

    def embedding_target(self, name: str) -> Target:
        """A configured embedding model or a shorthand of one; raises NotFound."""
        wanted = name.removeprefix(EMBEDDING)
        target = self._embedding_models.get(wanted)
        target = target or self._shorthand(wanted, self._embedding_shorthands)
        if target is None:
            raise NotFound(f"Model not found: {wanted}", param="model", code="model_not_found")
        return target

    def resolve_embedding(self, name: str) -> Target:
        """The target of a model string on an embeddings endpoint; raises as `resolve`."""
        if name.startswith(EMBEDDING):
            return self.embedding_target(name)
        return self._embedding_models.get(name) or self.resolve(name)

    def function_target(self, name: str) -> Target:
        """The function of that name; raises NotFound."""
        if name not in self._functions:
            raise NotFound(f"Unknown function: {name}", param="model", code="model_not_found")
        return self._functions[name]

    def model_target(self, name: str) -> Target:
        """A configured model or a shorthand; raises NotFound."""
        target = self._models.get(name) or self._shorthand(name, self._shorthands)
        if target is None:
            raise NotFound(
                f"Model name '{name}' not found in model table",
                param="model",
                code="model_not_found",
            )
        return target

    def check_filter(self, model_name: str, provider_name: str | None) -> None:
        """Whether a rule of a request can apply to this model, and to this provider of it.

        Raises:
            InvalidRequest: there is no such model, or it has no such provider.
        """
        try:
            routes = self.model_target(model_name).routes()
        except NotFound as error:
            raise _no_filter(f"model `{model_name}` does not exist.") from error
        if provider_name is not None and all(each.name != provider_name for each in routes):
            raise _no_filter(f"provider `{provider_name}` not found in model `{model_name}`.")

    def _shorthand(self, name: str, known: Mapping[str, BuildModel]) -> Target | None:
        prefix, separator, rest = name.partition("::")
        build = known.get(prefix)
        if not separator or not rest or build is None:
            return None
        return self._kept(name, lambda: build(rest), DEFAULT_FUNCTION)

    def _passed_on(self, name: str) -> Target:
        default = self._default
        if default is None:
            raise NotFound(_no_default(name), param="model", code="model_not_found")
        return self._kept(name, lambda: default(name), "")

    def _kept(self, name: str, build: Callable[[], Model], function_name: str) -> Target:
        """Targets that callers name are built when first asked for, and the latest are kept."""
        target = self._made.get(name)
        if target is None:
            target = Target(function_name, None, self._build_variant(build()), self._plain)
            self._made[name] = target
            if len(self._made) > SHORTHANDS_KEPT:
                self._made.popitem(last=False)
        return target


def _no_filter(reason: str) -> InvalidRequest:
    return InvalidRequest(f"Invalid inference target: Invalid model provider filter: {reason}")


def _no_default(name: str) -> str:
    if not name:
        return (
            "The call names no `model`, and there is no default provider to pass it on to "
            "(`zeroproxy.default_provider`)."
        )
    return (
        f"The model '{name}' does not exist here, and there is no default provider to pass it "
        "on to."
    )
