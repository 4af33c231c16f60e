import type { Reached } from "./goals.ts"

const WIDTH = 760
const LABEL = 370
const BAR = WIDTH - LABEL - 60
const ROW = 26
const TOP = 34

/** The colours are readable on white and on black; text takes the reader's. */
export const STYLE = `
  text { font: 13px system-ui, sans-serif; fill: #24292f }
  .quiet { fill: #57606a; font-size: 12px }
  .rail { fill: #8c959f; opacity: .25 }
  .met { fill: #2da44e }
  .missed { fill: #bf8700 }
  .goal { stroke: #24292f; stroke-width: 2 }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 }
    .quiet { fill: #9198a1 }
    .goal { stroke: #e6edf3 }
  }`

const escaped = (text: string) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;")

/** Bars of what was reached of the limits, with a line at each goal. */
export const picture = (reached: ReadonlyArray<Reached>): string => {
  const shown = reached.filter(({ group }) => group === "limit")
  const height = TOP + shown.length * ROW + 10
  const bars = shown.map(({ name, reached: value, goal, met }, index) => {
    const y = TOP + index * ROW
    const at = (percent: number) => LABEL + (Math.min(percent, 100) / 100) * BAR
    return `  <text x="${LABEL - 10}" y="${y + 13}" text-anchor="end">${escaped(name)}</text>
  <rect class="rail" x="${LABEL}" y="${y}" width="${BAR}" height="16" rx="3"/>
  <rect class="${met ? "met" : "missed"}" x="${LABEL}" y="${y}" width="${(at(value) - LABEL).toFixed(1)}" height="16" rx="3"/>
  <line class="goal" x1="${at(goal)}" x2="${at(goal)}" y1="${y - 3}" y2="${y + 19}"/>
  <text x="${WIDTH - 50}" y="${y + 13}">${Math.round(value)} %</text>`
  })
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img">
  <title>What PromptLedger reaches of the limits measured in the same run</title>
  <style>${STYLE}
  </style>
  <text class="quiet" x="${LABEL}" y="16">of the limit measured in the same run; the line is the goal</text>
${bars.join("\n")}
</svg>
`
}
