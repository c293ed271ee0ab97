/** How long a dial waits for the other side, and how long an announcement waits for its dial. The wire's own limit. */
export const WAIT_MS = 5000;

/** How long a knock waits for its server. Shorter than the limit, so that the other side hears why. */
export const KNOCK_PATIENCE_MS = 4500;

/** How many announcements and knocks of the other side may wait at a time: many more than it can need. */
export const MAX_WAITING = 4096;
