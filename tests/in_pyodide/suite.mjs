// A Pyodide that runs test files of the project. A line of standard input names a file, as JSON;
// the line of standard output that answers it lists what became of each of its tests.

import {createInterface} from 'node:readline';

// Node.js would print the line of source as well, and Pyodide is one line of a megabyte.
process.on('uncaughtException', error => {
  console.error(error.stack);
  process.exit(1);
});

const {pyodide: url, lock, packages, root} = JSON.parse(process.argv[2]);
const {loadPyodide} = await import(url);
const pyodide = await loadPyodide({
  lockFileURL: lock,
  packages,
  env: {HOME: '/home/pyodide', PYTHONDONTWRITEBYTECODE: '1', PYTHONPATH: '/project'},
  fsInit: FS => {
    FS.mkdirTree('/project');
    FS.mount(FS.filesystems.NODEFS, {root}, '/project');
  },
  stdout: text => console.error(text),
  stderr: text => console.error(text)
});
const run = pyodide.pyimport('tests.in_pyodide.inner').run;

for await (const line of createInterface({input: process.stdin})) {
  console.log(run(JSON.parse(line)));
}
