import { lookUpGroup } from '../../../host/src/platform/user-group';

const nobody = async () => undefined;

test('numbers are taken as they are', async () => {
  expect(await lookUpGroup(4242, nobody)).toBe(4242);
  expect(await lookUpGroup('4242', nobody)).toBe(4242);
});

test('the number that means "leave it" to chown is no group', async () => {
  expect(await lookUpGroup(4294967295, nobody)).toBeUndefined();
});

test('names are looked up in the table of groups', async () => {
  expect(await lookUpGroup('root', nobody)).toBe(0);
  expect(await lookUpGroup('no-such-group-here', nobody)).toBeUndefined();
});

test('names that the table lacks are asked of the directory service', async () => {
  const getent = async (file: string) => (file === 'getent' ? 'devs:*:1234:a,b\n' : undefined);
  expect(await lookUpGroup('devs', getent)).toBe(1234);
  const dscl = async (file: string) => (file === 'dscl' ? 'PrimaryGroupID: 20\n' : undefined);
  expect(await lookUpGroup('staff-of-mac', dscl)).toBe(20);
});

test.each(['', '-x', 'a b', 'a:b', '../x', 'a,b'])('%j is asked of nobody', async (name) => {
  const run = async (): Promise<undefined> => {
    throw new Error('a program was run');
  };
  expect(await lookUpGroup(name, run)).toBeUndefined();
});
