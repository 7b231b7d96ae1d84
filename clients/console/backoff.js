// Reconnecting with full jitter: a crowd of pages that lost one bridge does not come back as a crowd.

const BACKOFF_FIRST_MS = 250;
const BACKOFF_LAST_MS = 20_000;

// The moment of the next attempt: anywhere below a ceiling that doubles.
export function backoffMs(attempt, random) {
  return random() * Math.min(BACKOFF_LAST_MS, BACKOFF_FIRST_MS * 2 ** Math.min(attempt, 16));
}
