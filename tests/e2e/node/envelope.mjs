// The Node client on `/openai/v1`, with TensorZero's extensions. BASE names the proxy.
import assert from "node:assert/strict";
import OpenAI from "openai";

const api = new OpenAI({ baseURL: process.env.BASE + "/openai/v1", apiKey: "none", maxRetries: 0 });
const model = "tensorzero::function_name::f";
const messages = [{ role: "user", content: "hola" }];

const whole = await api.chat.completions.create({
  model,
  messages,
  temperature: 0.5,
  "tensorzero::variant_name": "a",
  "tensorzero::tags": { from: "node" },
});
assert.equal(whole.model, "tensorzero::function_name::f::variant_name::a");
assert.match(whole.episode_id, /^[0-9a-f-]{36}$/);
assert.equal(typeof whole.choices[0].message.content, "string");

let text = "";
let usage = null;
const stream = await api.chat.completions.create({
  model,
  messages,
  stream: true,
  stream_options: { include_usage: true },
  "tensorzero::episode_id": whole.episode_id,
});
for await (const chunk of stream) {
  assert.equal(chunk.episode_id, whole.episode_id);
  text += chunk.choices[0]?.delta?.content ?? "";
  usage = chunk.usage ?? usage;
}
assert.ok(text.length > 0);
assert.ok(usage.total_tokens > 0);

const made = await api.embeddings.create({
  model: "tensorzero::embedding_model_name::e",
  input: ["a", "b"],
  encoding_format: "float",
});
assert.equal(made.data.length, 2);
await assert.rejects(
  api.chat.completions.create({ model: "gpt-4o", messages }),
  (error) => error.status === 400 && /must start with/.test(error.message),
);
console.log("ok");
