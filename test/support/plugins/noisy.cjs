// Prints while it is loaded, before its own code comes to the SDK: `node --import @plugd/sdk/guard noisy.cjs`.
require('./noisy-module.cjs');
require('./tailored.cjs');
