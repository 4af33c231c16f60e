/** A table, its first row the head; each column as wide as its widest cell, as the formatter has it. */
export const markdownTable = (rows: ReadonlyArray<ReadonlyArray<string>>): string => {
  const widths = rows[0]!.map((_, column) => Math.max(3, ...rows.map((row) => row[column]!.length)))
  const line = (row: ReadonlyArray<string>) =>
    `| ${row.map((cell, column) => cell.padEnd(widths[column]!)).join(" | ")} |`
  const rule = `| ${widths.map((width) => "-".repeat(width)).join(" | ")} |`
  return [line(rows[0]!), rule, ...rows.slice(1).map(line)].join("\n")
}

/** A text with something in the place that is marked for it. */
export const withMarked = (text: string, name: string, shown: string) =>
  text.replace(new RegExp(`(?<=<!-- ${name} -->\n)[^]*(?=<!-- /${name} -->)`), () => `\n${shown}\n\n`)
