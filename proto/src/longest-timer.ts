/** In milliseconds: a timer of Node with more than that fires at once. */
export const LONGEST_TIMER_MS = 2 ** 31 - 1;
