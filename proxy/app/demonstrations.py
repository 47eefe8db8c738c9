"""What demonstrations are checked with: the tools and schemas of a configuration."""

from __future__ import annotations

from proxy.app.functions import load_tools
from proxy.config.schema import ChatFunction, Config, FunctionConfig, JsonFunction
from proxy.inference.prepare import FunctionSpec
from proxy.inference.schemas import Schema
from proxy.inference.tools import FunctionTools
from proxy.services.demonstration import FunctionDemonstrations
from proxy.types.feedback import DemonstrationReader, StoredInference


def build_demonstrations(config: Config) -> FunctionDemonstrations:
    """The reader of demonstrations for the functions of a configuration.

    Raises:
        ConfigError: the parameters of a tool are no JSON Schema.
    """
    tools = FunctionTools(configured=load_tools(config))
    functions = {name: _spec(entry, tools) for name, entry in config.functions.items()}
    return FunctionDemonstrations(functions, FunctionSpec(tools=tools))


def _spec(entry: FunctionConfig, tools: FunctionTools) -> FunctionSpec:
    if isinstance(entry, ChatFunction):
        own = FunctionTools(names=entry.tools, configured=tools.configured)
        return FunctionSpec(kind="chat", tools=own)
    return FunctionSpec(kind="json", output_schema=_output_schema(entry))


def _output_schema(entry: JsonFunction) -> Schema | None:
    return None if entry.output_schema is None else Schema(entry.output_schema.text.encode())


class CurrentDemonstrations:
    """The reader of the configuration in force, for the writer, which outlives configurations."""

    def __init__(self, reader: DemonstrationReader) -> None:
        self.reader = reader

    def read(self, value: bytes, inference: StoredInference) -> bytes:
        """See `types.feedback.DemonstrationReader`."""
        return self.reader.read(value, inference)
