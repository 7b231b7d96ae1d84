// How large the client is in a page, and others bundled the same way: node size.mjs NODE_FOLDER [--check]
// NODE_FOLDER is where the packages of tests/e2e/package.json are installed. --check: ours only, against the bounds.

import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync } from 'node:zlib';

const folder = resolve(process.argv[2]);
const require = createRequire(join(folder, 'x.js'));
const { build } = require('esbuild');
const here = dirname(fileURLToPath(import.meta.url));

const OURS = [
  ['@spanwire/client', `export { connect } from '${here}/src/index.js'`, 4000],
  ['@spanwire/client/react', `export * from '${here}/src/react.js'`, 800],
];
const OTHERS = [
  ['partysocket', "export { default } from 'partysocket'"],
  ['phoenix', "export { Socket } from 'phoenix'"],
  ['socket.io-client', "export { io } from 'socket.io-client'"],
  ['centrifuge', "export { Centrifuge } from 'centrifuge'"],
];

const measure = async (contents) => {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: folder }, bundle: true, minify: true, format: 'esm', platform: 'browser',
    target: 'es2022', external: ['react'], write: false, logLevel: 'error',
  });
  const { contents: bytes } = outputFiles[0];
  return [bytes.length, brotliCompressSync(bytes).length]; // quality 11 is the default
};

let failed = 0;
const check = process.argv.includes('--check');
console.log('| package | minified | brotli |\n|---|---:|---:|');
for (const [name, contents, bound] of check ? OURS : [...OURS, ...OTHERS]) {
  const [minified, brotli] = await measure(contents);
  const { version } = bound ? { version: '' } : require(`${folder}/node_modules/${name}/package.json`);
  console.log(`| ${`${name} ${version}`.trim()} | ${minified.toLocaleString('en')} | ${brotli.toLocaleString('en')} |`);
  if (bound && brotli > bound) {
    console.log(`${name} is larger than ${bound} bytes`);
    failed = 1;
  }
}
process.exit(failed);
