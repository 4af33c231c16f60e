import { hash } from "node:crypto"

/** Lowercase hex SHA-256 of the text's UTF-8 bytes. */
export const sha256 = (text: string): string => hash("sha256", text, "hex")
