/** The keys of a list whose rows have no focus of their own: the tree and the list of a directory. */

export interface Rows {
  /** The row that is meant. */
  active: number;
  count: number;
  /** How many fit into sight. */
  fitting: number;
  go(index: number): void;
}

/** Moves, or does what `others` say for keys of their own. */
export function onListKey(event: KeyboardEvent, { active, count, fitting, go }: Rows, others: Record<string, () => void>): void {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  // A row of the page before stays in sight.
  const page = Math.max(1, fitting - 1);
  const moves: Record<string, number> = {
    ArrowDown: active + 1,
    ArrowUp: active - 1,
    PageDown: active + page,
    PageUp: active - page,
    Home: 0,
    End: count - 1,
  };
  const to = moves[event.key];
  const act = others[event.key] ?? (to === undefined ? undefined : () => go(Math.max(0, Math.min(to, count - 1))));
  if (act === undefined) return;
  event.preventDefault();
  act();
}
