/** For one call of the plugin's life that moves no state. */
export const lifecycleTimeoutMs = 2_000;
/** For one that moves all of it. */
export const transferTimeoutMs = 10_000;
