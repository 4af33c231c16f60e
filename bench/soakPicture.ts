import { STYLE } from "./picture.ts"
import type { Memory } from "./slope.ts"

const WIDTH = 760
const HEIGHT = 240
const LEFT = 60
const RIGHT = 180
const TOP = 34
const BOTTOM = 28
/** From one label to the next, at least. */
const APART = 16

export interface Line {
  readonly name: string
  readonly samples: ReadonlyArray<Memory>
  readonly flat: boolean
}

/** A round number of megabytes over which every line fits. */
const ceiling = (megabytes: number) => Math.ceil(megabytes / 50) * 50

/** The memory of processes over time. */
export const soakPicture = (lines: ReadonlyArray<Line>, title: string): string => {
  const all = lines.flatMap(({ samples }) => samples)
  const top = ceiling(Math.max(...all.map(({ megabytes }) => megabytes)))
  const end = Math.max(...all.map(({ seconds }) => seconds))
  const x = (seconds: number) => LEFT + (seconds / end) * (WIDTH - LEFT - RIGHT)
  const y = (megabytes: number) => HEIGHT - BOTTOM - (megabytes / top) * (HEIGHT - TOP - BOTTOM)
  const grid = [0, top / 2, top].map(
    (
      megabytes
    ) => `  <line class="rail" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${y(megabytes)}" y2="${y(megabytes)}"/>
  <text class="quiet" x="${LEFT - 8}" y="${y(megabytes) + 4}" text-anchor="end">${megabytes} MB</text>`
  )
  let free = HEIGHT
  const drawn = lines
    .toSorted((a, b) => a.samples.at(-1)!.megabytes - b.samples.at(-1)!.megabytes)
    .map(({ name, samples, flat }) => {
      const points = samples.map(
        ({ seconds, megabytes }) => `${x(seconds).toFixed(1)},${y(megabytes).toFixed(1)}`
      )
      const last = samples.at(-1)!.megabytes
      const label = Math.min(y(last) + 4, free)
      free = label - APART
      return `  <polyline class="${flat ? "met" : "missed"} line" points="${points.join(" ")}"/>
  <text x="${WIDTH - RIGHT + 8}" y="${label}">${name}, ${Math.round(last)} MB</text>`
    })
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img">
  <title>${title}</title>
  <style>${STYLE}
  .line { fill: none; stroke-width: 2 }
  .line.met { stroke: #2da44e }
  .line.missed { stroke: #bf8700 }
  line.rail { stroke: #8c959f }
  </style>
  <text class="quiet" x="${LEFT}" y="16">${title}</text>
${grid.join("\n")}
${drawn.join("\n")}
</svg>
`
}
