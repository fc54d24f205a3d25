/** What `use` returns, or null if it throws: storage may be forbidden or full, and the page works without. */
export function attempt<T>(use: () => T): T | null {
  try {
    return use();
  } catch {
    return null;
  }
}
