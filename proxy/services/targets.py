"""What a model string means: a function, a model, a shorthand, or the default provider."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from uuid import UUID

from proxy.errors import InvalidRequest, NotFound
from proxy.inference.function import DEFAULT_FUNCTION, Function
from proxy.inference.variant import Variant
from proxy.models.model import Model

FUNCTION = "tensorzero::function_name::"
MODEL = "tensorzero::model_name::"
RESERVED = "tensorzero::"

BuildModel = Callable[[str], Model]
BuildVariant = Callable[[Model], Variant]

SHORTHANDS_KEPT = 1024


@dataclass(frozen=True, slots=True)
class Target:
    """Where a call is going. `function_name` is empty for the default provider."""

    function_name: str
    function: Function | None
    variant: Variant | None

    def choose(self, episode_id: UUID, pinned: str | None) -> Iterator[Variant]:
        """The variants to try, in order.

        Raises:
            NotFound: the pinned variant does not exist.
            InvalidRequest: a variant was pinned, but the target is no function.
        """
        if self.function is not None:
            return self.function.choose(episode_id, pinned)
        assert self.variant is not None
        if pinned is not None:
            raise InvalidRequest(
                "a variant can be pinned only with a function", param="variant_name"
            )
        return iter((self.variant,))

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
    ) -> None:
        self._functions = {
            name: Target(name, function, None) for name, function in functions.items()
        }
        self._models = {
            name: Target(DEFAULT_FUNCTION, None, build_variant(model))
            for name, model in models.items()
        }
        self._shorthands = shorthands
        self._default = default
        self._build_variant = build_variant
        self._made: OrderedDict[str, Target] = OrderedDict()

    def names(self) -> list[str]:
        """Everything that `GET /v1/models` lists, as strings to put into `model`."""
        functions = [FUNCTION + name for name in self._functions]
        return [*sorted(functions), *sorted(self._models)]

    def resolve(self, name: str) -> Target:
        """The target of a model string.

        Raises:
            NotFound: the name is of a known form, but nothing here is called so.
        """
        target = self._models.get(name)
        if target is not None:
            return target
        if name.startswith(FUNCTION):
            return self._function(name.removeprefix(FUNCTION))
        if name.startswith(MODEL):
            return self._model(name.removeprefix(MODEL))
        if name.startswith(RESERVED):
            raise NotFound(
                f"Unknown model: {name}. Names that begin with `tensorzero::` are "
                f"`{FUNCTION}F` and `{MODEL}M`.",
                param="model",
                code="model_not_found",
            )
        return self._shorthand(name) or self._passed_on(name)

    def function(self, name: str) -> Function:
        """The function of that name; raises NotFound."""
        function = self._function(name).function
        assert function is not None
        return function

    def _function(self, name: str) -> Target:
        if name not in self._functions:
            raise NotFound(f"Unknown function: {name}", param="model", code="model_not_found")
        return self._functions[name]

    def _model(self, name: str) -> Target:
        target = self._models.get(name) or self._shorthand(name)
        if target is None:
            raise NotFound(
                f"Model name '{name}' not found in model table",
                param="model",
                code="model_not_found",
            )
        return target

    def _shorthand(self, name: str) -> Target | None:
        prefix, separator, rest = name.partition("::")
        build = self._shorthands.get(prefix)
        if not separator or not rest or build is None:
            return None
        return self._kept(name, lambda: build(rest), DEFAULT_FUNCTION)

    def _passed_on(self, name: str) -> Target:
        default = self._default
        if default is None:
            raise NotFound(
                f"The model '{name}' does not exist here, and there is no default provider "
                "to pass it on to.",
                param="model",
                code="model_not_found",
            )
        return self._kept(name, lambda: default(name), "")

    def _kept(self, name: str, build: Callable[[], Model], function_name: str) -> Target:
        """Targets that callers name are built when first asked for, and the latest are kept."""
        target = self._made.get(name)
        if target is None:
            target = Target(function_name, None, self._build_variant(build()))
            self._made[name] = target
            if len(self._made) > SHORTHANDS_KEPT:
                self._made.popitem(last=False)
        return target
