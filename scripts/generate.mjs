// Generated code, offline: TypeScript and descriptors under proto/src/gen, Go under plugins/go/gen,
// plugins/go-old/gen and sdk/go/gen, JSON schemas under host/schemas.
// --check: generates into a temporary place and compares, byte for byte.
import { CommandError, runNode, tools } from './lib/command.mjs';
import { drift, generatedTrees, regenerate } from './lib/generated.mjs';
import { findGo, inCi } from './lib/go.mjs';

const check = process.argv.includes('--check');

async function main() {
  await runNode(tools.buf, ['lint']);
  const go = findGo();
  let clean = true;
  for (const tree of generatedTrees) {
    if (tree.needsGo && go.problem) {
      console.error(`${tree.directory}: left out, ${go.problem}`);
      clean &&= !inCi();
    } else if (check) {
      const found = await drift(tree);
      for (const { file, state } of found) console.error(`${tree.directory}/${file}: ${state}`);
      console.log(
        `${tree.directory}: ${found.length === 0 ? 'as generated' : 'differs; run: npm run generate'}`,
      );
      clean &&= found.length === 0;
    } else {
      await regenerate(tree);
      console.log(`${tree.directory}: generated (${tree.name})`);
    }
  }
  return clean;
}

try {
  process.exitCode = (await main()) ? 0 : 1;
} catch (error) {
  if (!(error instanceof CommandError)) throw error;
  console.error(`${error.excerpt}\n${error.message}`);
  process.exitCode = 1;
}
