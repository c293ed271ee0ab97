import type { Fault } from './fault';
import { garbageFaults } from './garbage';
import { leavingFaults } from './leaving';
import { outputFaults } from './output';
import { startFaults } from './start';
import { surroundingFaults } from './surroundings';
import { workFaults } from './work';

/** All that is made to happen to a plugin, in the order of its life. */
export const table: readonly Fault[] = [
  ...startFaults,
  ...workFaults,
  ...outputFaults,
  ...garbageFaults,
  ...surroundingFaults,
  ...leavingFaults,
];
