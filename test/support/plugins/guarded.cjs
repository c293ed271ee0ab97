// Prints while it is loaded, but has the guard first.
require('@plugd/sdk/guard');
require('./noisy-module.cjs');
require('./tailored.cjs');
