/* The bare call: the official package against the same provider, with nothing around it. */
import OpenAI from "openai"
import { measure, tell } from "./loop.ts"

const client = new OpenAI({ apiKey: "none", baseURL: process.env["OPENAI_BASE_URL"]!, maxRetries: 0 })
const content = process.env["CONTENT"]!

tell({
  [process.env["NAME"]!]: await measure(() =>
    client.chat.completions.create({ model: "gpt-4o-mini", messages: [{ role: "user", content }] })
  )
})
