// Loaded before a plugin's file: tells on standard error what became of each code cache that was offered to V8.
const vm = require('node:vm');

vm.Script = class extends vm.Script {
  constructor(code, options) {
    super(code, options);
    const outcome =
      options?.cachedData === undefined ? 'none' : this.cachedDataRejected ? 'rejected' : 'used';
    process._rawDebug(`code cache: ${outcome}`);
  }
};
