import { run } from './run';

// Whoever reads no further, as `head` does, has had enough: nothing went wrong.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0);
    throw error;
  });
}

run(process.argv.slice(2), process).then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    // Whatever comes here is a mistake of ours: the stack is what a report needs.
    console.error(error);
    process.exitCode = 1;
  },
);
