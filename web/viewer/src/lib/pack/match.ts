/** Which names a person means. */

/** Names that hold the text, in small or capital letters; with `*` and `?`, names that are like it as a whole. */
export function matcher(query: string): (name: string) => boolean {
  const wanted = query.trim().toLowerCase();
  if (!/[*?]/.test(wanted)) return (name) => name.toLowerCase().includes(wanted);
  const parts = wanted.split(/([*?]+)/).map((part) => {
    // A run of stars is one star.
    if (/^[*?]+$/.test(part)) return part.includes('*') ? '.'.repeat(part.replaceAll('*', '').length) + '.*' : '.'.repeat(part.length);
    return part.replace(/[\\^$.|+()[\]{}/-]/g, '\\$&');
  });
  const pattern = new RegExp(`^${parts.join('')}$`, 'su');
  return (name) => pattern.test(name.toLowerCase());
}
