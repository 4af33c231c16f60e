/** Whether a part of an address is percent-encoded UTF-8 (RFC 3986). */
export const isPercentEncoded = (text: string): boolean => {
  try {
    decodeURIComponent(text)
    return true
  } catch {
    return false
  }
}
