// The Node client on `/v1`, with nothing changed but `baseURL`. BASE names the proxy.
import assert from "node:assert/strict";
import OpenAI, { toFile } from "openai";

const api = new OpenAI({ baseURL: process.env.BASE + "/v1", apiKey: "the-callers-own", maxRetries: 0 });
const messages = [{ role: "user", content: "hola" }];

const { data, response } = await api.chat.completions.create({ model: "m", messages }).withResponse();
assert.equal(data.choices[0].message.content, "hello");
assert.equal(data._request_id, response.headers.get("x-tensorzero-inference-id"));

let text = "";
for await (const chunk of await api.chat.completions.create({ model: "m", messages, stream: true })) {
  text += chunk.choices[0]?.delta?.content ?? "";
}
assert.equal(text, "hello");
const final = await api.chat.completions.stream({ model: "m", messages }).finalChatCompletion();
assert.equal(final.choices[0].message.content, "hello");

assert.equal((await api.responses.create({ model: "m", input: "hi" })).output_text, "hello");
const kinds = [];
for await (const event of await api.responses.create({ model: "m", input: "hi", stream: true })) {
  kinds.push(event.type);
}
assert.equal(kinds.at(-1), "response.completed");

assert.equal((await api.completions.create({ model: "m", prompt: "Say" })).choices[0].text, "hello");
assert.deepEqual(
  (await api.embeddings.create({ model: "m", input: ["a"], encoding_format: "float" })).data[0].embedding,
  [0.25, -1],
);
assert.equal((await api.images.generate({ model: "m", prompt: "a cat" })).data[0].b64_json, "aGk=");
assert.equal((await api.moderations.create({ input: "words" })).results[0].flagged, false);
const audio = await toFile(Buffer.alloc(100_000, 1), "a.mp3", { type: "audio/mpeg" });
assert.equal((await api.audio.transcriptions.create({ model: "m", file: audio })).text, "hello");
const speech = await api.audio.speech.create({ model: "m", voice: "alloy", input: "hello" });
assert.equal((await speech.arrayBuffer()).byteLength, 16384);
const file = await api.files.create({ file: await toFile(Buffer.from("{}\n"), "a.jsonl"), purpose: "batch" });
assert.equal(file.id, "file-1");
const batch = await api.batches.create({
  input_file_id: file.id,
  endpoint: "/v1/chat/completions",
  completion_window: "24h",
});
assert.equal(batch.id, "batch_1");
const names = [];
for await (const model of api.models.list()) names.push(model.id);
assert.ok(names.includes("m"));
await assert.rejects(
  api.chat.completions.create({ model: "tensorzero::function_name::nope", messages }),
  (error) => error.status === 404 && error.code === "model_not_found",
);
console.log("ok");
