/** Looks again and again until what is seen is what is waited for, and returns it; fails after `limitMs`. */
export async function poll<T>(
  look: () => T | Promise<T>,
  holds: (seen: T) => boolean,
  limitMs = 15_000,
): Promise<T> {
  const end = performance.now() + limitMs;
  for (;;) {
    const seen = await look();
    if (holds(seen)) return seen;
    if (performance.now() > end) {
      throw new Error(`waited in vain for ${limitMs} ms; last seen: ${JSON.stringify(seen)?.slice(0, 2000)}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
