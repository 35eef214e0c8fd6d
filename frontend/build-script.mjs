/**
 * Bundles the page's half into the one script that a kernel brings to a page without it:
 * `../build/page.js`. What it uses of JupyterLab and JupyterLite it takes from the page.
 */
import path from 'node:path';
import {rspack} from '@rspack/core';

const here = import.meta.dirname;
const SHARED = /^@(jupyterlab|jupyterlite|lumino)\//;

/** Private names of JupyterLab, JupyterLite and Lumino, which stay as they are; ours become short. */
const THEIRS = [
  '_comms',
  '_futures',
  '_kernelConnections',
  '_kernelSession',
  '_luminoEvent',
  '_pendingMessages',
  '_sendMessage',
  '_worker',
  '_ws'
];

const compiler = rspack({
  context: here,
  devtool: false,
  entry: './lib/src/install/inject.js',
  externals: [
    ({request}, done) => (SHARED.test(request) ? done(null, `commonjs ${request}`) : done())
  ],
  mode: 'production',
  // As the builder of the extension reads them, which is less strict than Node.js.
  module: {rules: [{test: /\.js$/, type: 'javascript/auto', resolve: {fullySpecified: false}}]},
  optimization: {
    minimizer: [
      new rspack.SwcJsMinimizerRspackPlugin({
        minimizerOptions: {
          compress: {passes: 3},
          ecma: 2022,
          mangle: {props: {regex: '^_[a-z]', reserved: THEIRS}}
        }
      })
    ]
  },
  output: {filename: 'page.js', path: path.join(here, '../build')},
  plugins: [
    new rspack.BannerPlugin({
      banner: 'const modules = new Map(), require = name => modules.get(name);',
      raw: true
    }),
    new rspack.optimize.LimitChunkCountPlugin({maxChunks: 1})
  ],
  target: ['web', 'es2022']
});

compiler.run((error, stats) => {
  if (error || stats.hasErrors()) {
    console.error(error ?? stats.toString({errors: true}));
    process.exitCode = 1;
  }
});
