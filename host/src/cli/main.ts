import { run } from './run';

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
