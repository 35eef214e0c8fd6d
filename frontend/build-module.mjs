/**
 * Makes the npm package `lite-comms` in `../build/module`: the page's API as one ES module, that of host
 * pages as another, which `build-script.mjs` has made; their types, and a package.json of its own, for it
 * needs nothing of what the extension is built of.
 */
import {cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import path from 'node:path';
import {rspack} from '@rspack/core';

const here = import.meta.dirname;
const FILE = 'lite-comms.js';
const HOST = 'host.js';
const out = path.join(here, '../build/module');
const types = path.join(out, 'types');

rmSync(out, {force: true, recursive: true});
mkdirSync(types, {recursive: true});

const compiler = rspack({
  context: here,
  devtool: false,
  entry: './lib/src/api/index.js',
  experiments: {outputModule: true},
  mode: 'production',
  module: {rules: [{test: /\.js$/, type: 'javascript/auto', resolve: {fullySpecified: false}}]},
  optimization: {
    minimizer: [
      new rspack.SwcJsMinimizerRspackPlugin({
        minimizerOptions: {
          compress: {passes: 3},
          ecma: 2022,
          mangle: {keep_classnames: true, props: {regex: '^_[a-z]'}},
          module: true
        }
      })
    ]
  },
  output: {filename: FILE, library: {type: 'modern-module'}, path: out},
  target: ['web', 'es2022']
});

compiler.run((error, stats) => {
  if (error || stats.hasErrors()) {
    console.error(error ?? stats.toString({errors: true}));
    process.exitCode = 1;
    return;
  }
  // For modules among a site's files, which find it in the extension.
  cpSync(path.join(out, FILE), path.join(out, '../labextension/static', FILE));
  cpSync(path.join(out, '../labextension/static', HOST), path.join(out, HOST));
});

// Node.js finds an imported file only by its whole name, and TypeScript does as Node.js.
const declared = path.join(here, 'lib/types/src');
for (const file of readdirSync(declared, {recursive: true})) {
  // Of the others the modules' types need nothing.
  if (/^(api|host)\b.*\.ts$|^wire.(attachments|bridge)\.d\.ts$/.test(file)) {
    const text = readFileSync(path.join(declared, file), 'utf-8');
    const to = path.join(types, file);
    mkdirSync(path.dirname(to), {recursive: true});
    writeFileSync(to, text.replace(/(from '\.[^']*)'/g, "$1.js'"));
  }
}

const {name, version, description, keywords, license} = JSON.parse(
  readFileSync(path.join(here, 'package.json'), 'utf-8')
);
const manifest = {
  name,
  version,
  description,
  keywords,
  license,
  type: 'module',
  sideEffects: false,
  exports: {
    '.': {types: './types/api/index.d.ts', default: `./${FILE}`},
    './host': {types: './types/host/index.d.ts', default: `./${HOST}`}
  },
  types: './types/api/index.d.ts',
  files: [FILE, HOST, 'types']
};
writeFileSync(path.join(out, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);
cpSync(path.join(here, 'README.md'), path.join(out, 'README.md'));
cpSync(path.join(here, '../LICENSE'), path.join(out, 'LICENSE'));
