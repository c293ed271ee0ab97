#!/usr/bin/env node
// Committed, not compiled: npm links it, and makes it executable, before anything has been built.
require('../dist/cli/main.js');
