// The official npm client against a gateway: npm install openai && node examples/clients/openai.mjs http://localhost:8080/v1
import OpenAI from "openai";

const client = new OpenAI({ baseURL: process.argv[2] ?? "http://localhost:8080/v1", apiKey: "any" });
const messages = [{ role: "user", content: "What is the capital of France?" }];

const { data, response } = await client.chat.completions.create({ model: "auto", messages }).withResponse();
console.log(data.choices[0].message.content.trim());
console.log("answered by", data.model, "for $" + response.headers.get("x-bestroute-cost"));

const stream = await client.chat.completions.create({ model: "auto", messages, stream: true });
let chunks = 0;
for await (const chunk of stream) if (chunk.choices[0]?.delta.content) chunks += 1;
console.log("a stream of", chunks, "chunks");

const models = [];
for await (const model of client.models.list()) models.push(model.id);
console.log("models:", models.join(", "));

try {
  await client.chat.completions.create({ model: "gpt-9", messages });
} catch (error) {
  console.log(error.constructor.name, error.status, error.code);
}
