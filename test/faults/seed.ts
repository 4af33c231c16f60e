/** The run's seed. */
export const SEED = Number(process.env["SEED"])
