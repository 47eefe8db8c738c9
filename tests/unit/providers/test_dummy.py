"""The dummy provider answers word for word as TensorZero's own tests expect."""

from __future__ import annotations

import json
from uuid import UUID

import pytest

from proxy.errors import CredentialMissing, UpstreamClientError
from proxy.providers.base import NeutralProvider
from proxy.providers.dummy import DummyProvider, FlakyCounters
from proxy.types.content import Base64File, Block, Text, Thought, ToolCall, UrlFile
from proxy.types.request import Extras, Input, Message, ModelRequest
from proxy.types.response import Answer, Chunk, TextDelta, ThoughtDelta, ToolCallDelta
from proxy.types.usage import Usage
from proxy.wire.accumulate import ChunkAccumulator

TEXT = (
    "Megumin gleefully chanted her spell, unleashing a thunderous explosion that lit up the sky"
    " and left a massive crater in its wake."
)
RAW_DEFAULT = f"""{{
  "id": "id",
  "object": "text.completion",
  "created": 1618870400,
  "model": "text-davinci-002",
  "choices": [
    {{
      "text": "{TEXT}",
      "index": 0,
      "logprobs": null,
      "finish_reason": null
    }}
  ],
  "usage": {{
    "prompt_tokens": 10,
    "completion_tokens": 10,
    "total_tokens": 20
  }}
}}"""
STREAM_TEXT = (
    "Wally, the golden retriever, wagged his tail excitedly as he devoured a slice of cheese pizza."
)
WEATHER = '{"location":"Brooklyn","units":"celsius"}'


class Clock:
    """Notes how long it was asked to sleep, and does not."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


def provider(
    name: str, key: str | None = None, flaky: FlakyCounters | None = None
) -> DummyProvider:
    return DummyProvider(name, flaky or FlakyCounters(), key, sleep=Clock().sleep)


def request(*blocks: Block, system: str | None = None, **options: object) -> ModelRequest:
    spoken = Input((Message("user", blocks or (Text("hi"),)),), system)
    return ModelRequest("m", spoken, **options)  # type: ignore[arg-type]


async def infer(name: str, *blocks: Block, **options: object) -> Answer:
    return await provider(name).infer(request(*blocks, **options))  # type: ignore[arg-type]


async def chunks(name: str) -> list[Chunk]:
    return [chunk async for chunk in provider(name).stream(request())]


def test_it_is_a_neutral_provider() -> None:
    port: NeutralProvider = provider("good")
    assert (port.type, port.model_name) == ("dummy", "good")


@pytest.mark.parametrize("name", ["good", "anything", "test_key", "slow", "multiple_text"])
async def test_a_name_without_meaning_gives_the_text(name: str) -> None:
    answer = await infer(name)
    assert answer.blocks == (Text(TEXT),)
    assert (answer.usage, answer.finish_reason) == (Usage(10, 1), "stop")
    assert answer.raw_response == RAW_DEFAULT
    assert UUID(answer.id).version == 7
    assert answer.created > 0


@pytest.mark.parametrize(
    ("name", "blocks", "raw"),
    [
        ("null", (), RAW_DEFAULT),
        (
            "tool",
            (ToolCall("0", "get_temperature", WEATHER),),
            '{"location":"Brooklyn","units":"celsius","usage":{"prompt_tokens":10,"completion_tokens":10,"total_tokens":20}}',
        ),
        (
            "good_tool",
            (ToolCall("0", "output_schema_tool", '{"sentiment":"positive","confidence":0.95}'),),
            '{"sentiment":"positive","confidence":0.95}',
        ),
        (
            "invalid_tool_arguments",
            (ToolCall("0", "get_temperature", "Not valid 'JSON'"),),
            RAW_DEFAULT,
        ),
        (
            "bad_tool",
            (ToolCall("0", "get_temperature", '{"location":"Brooklyn","units":"Celsius"}'),),
            '{"location":"Brooklyn","units":"Celsius"}',
        ),
        ("reasoner", (Thought("hmmm"), Text(TEXT)), RAW_DEFAULT),
        ("reasoner_with_signature", (Thought("hmmm", "my_signature"), Text(TEXT)), RAW_DEFAULT),
        ("json_reasoner", (Thought("hmmm"), Text('{"answer":"Hello"}')), RAW_DEFAULT),
        (
            "json",
            (Text('{"answer":"Hello"}'),),
            '{"answer":"Hello","usage":{"prompt_tokens":10,"completion_tokens":10,"total_tokens":20}}',
        ),
        ("json_goodbye", (Text('{"answer":"Goodbye"}'),), '{"answer":"Goodbye"}'),
        ("json_diff_schema", (Text('{"response":"Hello"}'),), RAW_DEFAULT),
        ("json_beatles_1", (Text('{"names":["John", "George"]}'),), RAW_DEFAULT),
        (
            "best_of_n_big",
            (Text('{"thinking": "hmmm", "answer_choice": 100}'),),
            '{"thinking": "hmmm", "answer_choice": 100}',
        ),
        (
            "flaky_best_of_n_judge",
            (Text('{"thinking": "hmmm", "answer_choice": 0}'),),
            RAW_DEFAULT,
        ),
        ("empty", (Text(""),), RAW_DEFAULT),
        ("llm_judge::true", (Text('{"score": true}'),), RAW_DEFAULT),
        ("llm_judge::zero", (Text('{"score": 0}'),), RAW_DEFAULT),
    ],
)
async def test_each_name_has_its_answer(name: str, blocks: tuple[Block, ...], raw: str) -> None:
    answer = await infer(name)
    assert (answer.blocks, answer.raw_response) == (blocks, raw)
    assert answer.usage == Usage(10, len(blocks))
    assert answer.finish_reason == ("tool_call" if "tool" in name else "stop")


@pytest.mark.parametrize(
    ("name", "usage"),
    [
        ("input_tokens_zero", Usage(0, 1)),
        ("output_tokens_zero", Usage(10, 0)),
        ("input_tokens_output_tokens_zero", Usage(0, 0)),
        ("input_five_output_six", Usage(5, 6)),
    ],
)
async def test_names_of_counts_give_these_counts(name: str, usage: Usage) -> None:
    assert (await infer(name)).usage == usage
    assert (await chunks(name))[-1].usage in (usage, Usage(usage.input_tokens, 16))


def said(answer: Answer) -> str:
    (block,) = answer.blocks
    assert isinstance(block, Text)
    return block.text


async def test_echo_says_the_first_text_of_the_last_user_message() -> None:
    turns = (
        Message("user", (Text("first"),)),
        Message("user", (UrlFile("u"), Text("second"), Text("third"))),
        Message("assistant", (Text("no"),)),
    )
    asked = ModelRequest("m", Input(turns))
    assert said(await provider("echo").infer(asked)) == "second"
    assert said(await provider("echo").infer(ModelRequest("m", Input(())))) == ""


async def test_echo_request_messages_shows_system_and_messages() -> None:
    assert said(await infer("echo_request_messages", Text("hi"), system="be good")) == (
        '{"system":"be good","messages":[{"role":"user","content":[{"type":"text","text":"hi"}]}]}'
    )
    assert said(await infer("echo_request_messages")).startswith('{"system":null,')


async def test_extras_are_echoed() -> None:
    assert said(await infer("echo_extra_info")) == (
        '{"extra_body":{"extra_body":null,"inference_extra_body":[]},'
        '"extra_headers":{"variant_extra_headers":null,"inference_extra_headers":[]}}'
    )
    extras = Extras(body=b'{"a":1.0}', headers=(("X-Y", "z"),))
    assert said(await infer("echo_injected_data", extras=extras)) == (
        '{"injected_body":{"a":1.0},"injected_headers":[["x-y","z"]]}'
    )


async def test_files_are_listed_with_the_place_where_they_would_be_stored() -> None:
    said_of = said(
        await infer("extract_images", Base64File("", "image/png"), UrlFile("http://x/y"))
    )
    empty_blake3 = "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"
    assert said_of == (
        '[{"Base64":{"source_url":null,"mime_type":"image/png","data":"","storage_path":'
        '{"kind":{"type":"disabled"},"path":"observability/files/' + empty_blake3 + '.png"}}},'
        '{"Url":{"file_url":{"url":"http://x/y","mime_type":null,"filename":null}}}]'
    )


async def test_require_pdf_wants_one() -> None:
    assert "Base64" in said(await infer("require_pdf", Base64File("aGk=", "application/pdf")))
    with pytest.raises(UpstreamClientError, match="PDF must be provided for require_pdf model"):
        await infer("require_pdf", Base64File("aGk=", "image/png"))


async def test_random_answer_is_a_fresh_uuid() -> None:
    first, second = said(await infer("random_answer")), said(await infer("random_answer"))
    assert UUID(json.loads(first)["answer"]).version == 7
    assert first != second


@pytest.mark.parametrize(
    ("name", "message", "raws", "status"),
    [
        (
            "error",
            "Error sending request to Dummy provider for model 'error'.",
            ("raw request", None),
            None,
        ),
        (
            "error_x",
            "Error sending request to Dummy provider for model 'error_x'.",
            ("raw request", None),
            None,
        ),
        (
            "error_with_raw_response",
            "Error from Dummy provider with raw response",
            ("dummy error raw request", "dummy error raw response"),
            500,
        ),
    ],
)
async def test_errors_come_before_anything_else(
    name: str, message: str, raws: tuple[str | None, str | None], status: int | None
) -> None:
    for call in (infer, chunks):
        with pytest.raises(UpstreamClientError) as caught:
            await call(name)
        assert str(caught.value) == message
        assert (caught.value.raw_request, caught.value.raw_response) == raws
        assert caught.value.status == status


async def test_other_errors_are_of_whole_answers_only() -> None:
    with pytest.raises(UpstreamClientError, match="Dummy error in inference"):
        await infer("llm_judge::error")
    with pytest.raises(
        UpstreamClientError, match="First message must have exactly two text blocks"
    ):
        await infer("multiple-text-blocks")
    assert said(await infer("multiple-text-blocks", Text("a"), Text("b"))) == TEXT
    assert len(await chunks("multiple-text-blocks")) == len(await chunks("llm_judge::error")) == 17


async def test_every_even_call_of_a_flaky_model_fails_however_it_is_called() -> None:
    flaky = FlakyCounters()
    first = provider("flaky_model", flaky=flaky)
    await first.infer(request())
    with pytest.raises(UpstreamClientError) as caught:
        await anext(aiter(provider("flaky_model", flaky=flaky).stream(request())))
    assert str(caught.value) == "Flaky model 'flaky_model' failed on call number 2"
    assert (caught.value.raw_request, caught.value.raw_response) == (None, None)
    await first.infer(request())
    await provider("flaky_other", flaky=flaky).infer(request())
    with pytest.raises(UpstreamClientError, match="call number 4"):
        await first.infer(request())


async def test_flaky_models_show_raw_texts_or_rate_limits_by_name() -> None:
    raw = provider("flaky_raw_response")
    await raw.infer(request())
    with pytest.raises(UpstreamClientError) as caught:
        await raw.infer(request())
    assert caught.value.raw_response == "dummy flaky error raw response"
    limited = provider("flaky_rate_limit")
    await limited.infer(request())
    with pytest.raises(UpstreamClientError) as caught:
        await limited.infer(request())
    assert caught.value.status == 429


async def test_a_dynamic_key_must_be_there_and_for_test_key_must_be_good() -> None:
    with pytest.raises(CredentialMissing, match="Dynamic api key `K` is missing"):
        await provider("good", "K").infer(request())
    with pytest.raises(UpstreamClientError, match="Invalid API key for Dummy provider"):
        await provider("test_key", "K").infer(request(credentials={"K": "bad"}))
    await provider("test_key", "K").infer(request(credentials={"K": "good_key"}))
    await provider("good", "K").infer(request(credentials={"K": "bad"}))
    assert [chunk async for chunk in provider("test_key", "K").stream(request())]


async def test_slow_models_sleep() -> None:
    clock = Clock()
    await DummyProvider("slow", FlakyCounters(), sleep=clock.sleep).infer(request())
    assert clock.slept == [5.0, 0.001]
    clock = Clock()
    slow = DummyProvider("slow_second_chunk", FlakyCounters(), sleep=clock.sleep)
    assert len([chunk async for chunk in slow.stream(request())]) == 17
    assert clock.slept[:4] == [0.001, 0.01, 2.0, 0.01]


async def test_a_stream_gives_words_then_usage_and_finish_reason() -> None:
    stream = await chunks("good")
    deltas = [delta for chunk in stream for delta in chunk.deltas]
    assert "".join(delta.text for delta in deltas if isinstance(delta, TextDelta)) == STREAM_TEXT
    assert len(stream) == 17
    assert all(chunk.usage is None and chunk.finish_reason is None for chunk in stream[:-1])
    last = stream[-1]
    assert (last.deltas, last.usage, last.finish_reason) == ((), Usage(10, 16), "stop")
    assert last.raw == '{"usage":{"prompt_tokens":10,"completion_tokens":16,"total_tokens":26}}'
    assert stream[0].raw == "Wally,"
    assert len({chunk.response_id for chunk in stream}) == 1


@pytest.mark.parametrize(
    ("name", "blocks", "usage"),
    [
        (
            "tool",
            (ToolCall("0", "get_temperature", '{"location":"Brooklyn"","units":"celsius"}'),),
            Usage(10, 5),
        ),
        (
            "tool_split_name",
            (ToolCall("0", "get_temperature", '{"location":"Brooklyn"","units":"celsius"}'),),
            Usage(10, 5),
        ),
        (
            "good_tool",
            (ToolCall("0", "get_temperature", '{"sentiment":"positive","confidence":0.95}'),),
            Usage(10, 5),
        ),
        ("reasoner", (Thought("hmmmhmmm"), Text(STREAM_TEXT)), Usage(10, 18)),
        ("json_reasoner", (Thought("hmmmhmmm"), Text('{"name":"John","age":30}')), Usage(10, 7)),
        ("json", (Text('{"name":"John","age":30}'),), Usage(10, 5)),
        ("echo", (Text(STREAM_TEXT),), Usage(10, 16)),
    ],
)
async def test_each_streaming_name_has_its_chunks(
    name: str, blocks: tuple[Block, ...], usage: Usage
) -> None:
    accumulator = ChunkAccumulator()
    for chunk in await chunks(name):
        accumulator.add(chunk)
    answer = accumulator.answer()
    assert (answer.blocks, answer.usage) == (blocks, usage)
    assert answer.finish_reason == ("tool_call" if "tool" in name else "stop")


async def test_names_of_tools_come_in_the_first_chunks_only() -> None:
    deltas = [delta for chunk in await chunks("tool_split_name") for delta in chunk.deltas]
    names = [delta.name for delta in deltas if isinstance(delta, ToolCallDelta)]
    assert names == ["get_temp", "erature", None, None, None]


async def test_reasoning_and_json_chunks_have_an_empty_raw_text() -> None:
    stream = await chunks("json_reasoner")
    assert [chunk.raw for chunk in stream[:-1]] == [""] * 7
    assert isinstance(stream[0].deltas[0], ThoughtDelta)


@pytest.mark.parametrize(
    ("name", "message", "raw"),
    [
        ("err_in_stream", "Dummy error in stream", None),
        (
            "err_in_stream_with_raw_response",
            "Dummy error in stream with raw response",
            '{"error": "dummy client raw response"}',
        ),
    ],
)
async def test_an_error_in_the_stream_takes_one_chunks_place(
    name: str, message: str, raw: str | None
) -> None:
    stream = await chunks(name)
    assert len(stream) == 17
    (error,) = [chunk.error for chunk in stream if chunk.error is not None]
    assert stream[3].error is error
    assert isinstance(error, UpstreamClientError)
    assert (str(error), error.raw_request, error.raw_response) == (message, "raw request", raw)


async def test_a_fatal_error_ends_the_stream() -> None:
    came: list[Chunk] = []
    with pytest.raises(UpstreamClientError, match="Dummy fatal error with raw response") as caught:
        async for chunk in provider("fatal_stream_error_with_raw_response").stream(request()):
            came.append(chunk)
    assert len(came) == 2
    assert caught.value.raw_response == '{"error": "dummy fatal raw response"}'
