// Values from events made safe to show, and numbers and times made short. What events hold is anybody's.

export function isObject(value) {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}

// A string as it is, a number or truth value as text, anything else as ''.
export function text(value) {
  if (typeof value === 'string') return value;
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : '';
}

// A finite number; numerals in strings count (64-bit integers come so). null: none.
export function number(value) {
  if (typeof value === 'string' && value.trim() === '') return null;
  const result = typeof value === 'number' || typeof value === 'string' ? Number(value) : NaN;
  return Number.isFinite(result) ? result : null;
}

export function clip(string, chars) {
  return string.length > chars ? `${string.slice(0, chars - 1)}…` : string;
}

// An RFC 3339 time in UTC as a key that sorts, to the nanosecond.
export function instant(time) {
  const match = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d+))?/.exec(time);
  return match ? match[1] + (match[2] || '').padEnd(9, '0') : '';
}

const whole = new Intl.NumberFormat('en');
const decimal = new Intl.NumberFormat('en', { maximumFractionDigits: 1 });
const fine = new Intl.NumberFormat('en', { maximumSignificantDigits: 3 });
const compact = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 });

export function count(n) {
  return whole.format(Math.round(n));
}

export function short(n) {
  return Math.abs(n) < 10_000 ? whole.format(Math.round(n)) : compact.format(n);
}

export function rate(n) {
  return n < 10 ? decimal.format(n) : whole.format(Math.round(n));
}

export function measure(n) {
  if (n === 0) return '0';
  return Math.abs(n) >= 10_000 ? compact.format(n) : Math.abs(n) >= 100 ? decimal.format(n) : fine.format(n);
}

export function age(ms) {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 2) return 'now';
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86_400)} d`;
}

export function duration(ms) {
  if (ms === null) return '';
  if (ms < 1000) return `${decimal.format(ms)} ms`;
  return ms < 60_000 ? `${decimal.format(ms / 1000)} s` : `${decimal.format(ms / 60_000)} min`;
}

export function clock(ms, millis) {
  const date = new Date(ms);
  const two = (n) => String(n).padStart(2, '0');
  const base = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  return millis ? `${base}.${String(date.getMilliseconds()).padStart(3, '0')}` : base;
}

// The newest things, newest first. Replay brings each channel's past in one piece, so arrival says little about time.
export function newest(items) {
  return [...items].sort((a, b) => b.at - a.at || b.n - a.n);
}

// An address that may become a link; else ''.
export function safeUrl(value) {
  try {
    const url = new URL(value);
    return url.protocol === 'https:' || url.protocol === 'http:' ? url.href : '';
  } catch {
    return '';
  }
}
