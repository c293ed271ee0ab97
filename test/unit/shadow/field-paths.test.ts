import { FieldPaths, isFieldPath } from '../../../host/src/shadow/field-paths';

test('a way to a field names that field alone', () => {
  const paths = new FieldPaths(['pid', 'items.*.id', 'labels.version']);
  expect(paths.includes(['pid'])).toBe(true);
  expect(paths.includes(['items', '7', 'id'])).toBe(true);
  expect(paths.includes(['labels', 'version'])).toBe(true);
  expect(paths.includes(['item', 'pid'])).toBe(false);
  expect(paths.includes(['items', 'id'])).toBe(false);
  expect(paths.includes(['items', '7'])).toBe(false);
});

test('a full name names the field wherever its message occurs', () => {
  const paths = new FieldPaths(['test.v1.Item.id']);
  expect(paths.includes(['items', '7', 'id'], 'test.v1.Item.id')).toBe(true);
  expect(paths.includes(['id'], 'test.v1.Answer.id')).toBe(false);
});

test('what has no name between two dots is no field', () => {
  expect(['pid', 'items.*.id', '*'].every(isFieldPath)).toBe(true);
  expect(['', '.', 'a..b', 'a.', 7].some(isFieldPath)).toBe(false);
});
