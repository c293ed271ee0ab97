// Prints when it is imported, as many a module does.
console.log('a banner');

export const greeting = 'hello';
