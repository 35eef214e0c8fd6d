/**
 * Bundles two scripts. What a kernel brings to a page without the page's half, `../build/page.js`, takes
 * from the page what it uses of JupyterLab and JupyterLite. The module for host pages,
 * `static/host.js` of the extension, stands alone.
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

/** Private names of ours begin with an underscore, and are made short. */
const shared = {
  context: here,
  devtool: false,
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
  target: ['web', 'es2022']
};

const compiler = rspack([
  {
    ...shared,
    entry: './lib/src/install/inject.js',
    externals: [
      ({request}, done) => (SHARED.test(request) ? done(null, `commonjs ${request}`) : done())
    ],
    output: {filename: 'page.js', path: path.join(here, '../build')},
    plugins: [
      new rspack.BannerPlugin({
        banner: 'const modules = new Map(), require = name => modules.get(name);',
        raw: true
      }),
      new rspack.optimize.LimitChunkCountPlugin({maxChunks: 1})
    ]
  },
  {
    ...shared,
    entry: './lib/src/host/index.js',
    experiments: {outputModule: true},
    output: {
      filename: 'host.js',
      library: {type: 'modern-module'},
      path: path.join(here, '../build/labextension/static')
    }
  }
]);

compiler.run((error, stats) => {
  if (error || stats.hasErrors()) {
    console.error(error ?? stats.toString({errors: true}));
    process.exitCode = 1;
  }
});
