/**
 * Guest programs that do not yet behave as natively, and why. They are required to fail: a row
 * whose program passes is an error, so that the list never outlives its reasons.
 */

export const KNOWN_FAILURES: Readonly<Record<string, string>> = {};
