// Sets this process's clock off: its dates are CLOCK_OFFSET_MILLIS from the machine's.
const offset = Number(process.env.CLOCK_OFFSET_MILLIS)
const RealDate = Date

globalThis.Date = class extends RealDate {
  constructor(...args) {
    if (args.length === 0) super(RealDate.now() + offset)
    else super(...args)
  }

  static now() {
    return RealDate.now() + offset
  }
}
