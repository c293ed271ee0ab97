// node test/conformance/generate.mjs: makes test/conformance/gen anew.
import { regenerate } from '../../scripts/lib/generated.mjs';
import { suiteTree } from './lib/generated.mjs';

await regenerate(suiteTree);
