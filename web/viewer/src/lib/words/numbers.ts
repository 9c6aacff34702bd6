/** Numbers, sizes and times for people. */

const number = new Intl.NumberFormat('en');

/** 1234567 → 1,234,567 */
export const count = (value: number) => number.format(value);

/** `1 file`, `2 files` */
export const counted = (value: number, one: string, many = `${one}s`) => `${count(value)} ${value === 1 ? one : many}`;

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];

/** Bytes with three digits at most: 999 B, 1.46 KiB, 12.3 MiB. */
export function bytes(value: number): string {
  let unit = 0;
  let scaled = value;
  for (; scaled >= 999.5 && unit < UNITS.length - 1; unit++) scaled /= 1024;
  const digits = unit === 0 || scaled >= 99.95 ? 0 : scaled >= 9.995 ? 1 : 2;
  return `${scaled.toFixed(digits)} ${UNITS[unit]}`;
}

/** A part of a whole, for people: 42 %, 0.3 %, < 0.1 %. */
export function percent(part: number, whole: number): string {
  const value = whole > 0 ? (part / whole) * 100 : 0;
  if (value > 0 && value < 0.1) return '< 0.1 %';
  return `${value >= 9.95 || value === 0 ? Math.round(value) : value.toFixed(1)} %`;
}

const moment = new Intl.DateTimeFormat('sv-SE', { dateStyle: 'short', timeStyle: 'medium' });
const day = new Intl.DateTimeFormat('sv-SE', { dateStyle: 'short' });

/** 2024-05-01 13:37:00, in the time zone of the reader. */
export const dateTime = (ms: number) => (Number.isFinite(new Date(ms).getTime()) ? moment.format(ms) : 'unknown');

/** 2024-05-01 */
export const date = (ms: number) => (Number.isFinite(new Date(ms).getTime()) ? day.format(ms) : '');

/** 0o644 → rw-r--r-- (0644) */
export function mode(bits: number): string {
  const letters = [...'rwxrwxrwx'].map((letter, i) => (bits & (0o400 >> i) ? letter : '-')).join('');
  return `${letters} (${bits.toString(8).padStart(4, '0')})`;
}
