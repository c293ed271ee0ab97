const { writeFileSync } = require('node:fs');

/** A jest reporter that writes the counts of a run to the file that PLUGD_COUNTS names. */
module.exports = class CountReporter {
  onRunComplete(_contexts, results) {
    const counts = {
      passed: results.numPassedTests,
      // A file that cannot be loaded has no tests to count: it is one failure.
      failed: results.numFailedTests + results.numRuntimeErrorTestSuites,
      skipped: results.numPendingTests + results.numTodoTests,
    };
    writeFileSync(process.env.PLUGD_COUNTS, JSON.stringify(counts));
  }
};
