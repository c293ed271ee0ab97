// What imported modules do before anybody can stop them.
const fs = require('node:fs');

console.log('a banner by console.log');
process.stdout.write('a banner by process.stdout\n');
fs.writeSync(1, 'a banner by fs.writeSync\n');
fs.write(1, Buffer.from('--a banner by fs.write\n'), 2, 21, null, () => {});
