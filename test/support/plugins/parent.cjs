// Starts the program that is given to it, passes on its first line, and is gone when it is told so.
const { spawn } = require('node:child_process');

const [program] = process.argv.slice(2);
const child = spawn(program, [], { stdio: ['ignore', 'inherit', 'inherit'] });
process.stderr.write(`child ${child.pid}\n`);
