/** How long a dial waits for the other side, and how long an announcement waits for its dial. The wire's own limit. */
export const WAIT_MS = 5000;

/** How long a knock waits for its server. Shorter than the limit, so that the other side hears why. */
export const KNOCK_PATIENCE_MS = 4500;

/** How many announcements and knocks of the other side may wait at a time: many more than it can need. */
export const MAX_WAITING = 4096;

/** How many connections the other side may have to one server: a dial needs one, a second while it reconnects. */
export const MAX_CONNECTIONS = 64;

/** How many calls the other side may have open on one connection; its library keeps the rest until one ends. */
export const MAX_STREAMS = 1000;
