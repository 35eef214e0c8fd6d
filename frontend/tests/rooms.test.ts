/** The folders of the page's half are rooms, and imports between them run one way. */
import {existsSync, readdirSync, readFileSync} from 'node:fs';
import path from 'node:path';
import {expect, it} from 'vitest';

const SOURCE = path.join(import.meta.dirname, '../src');

/** Each imports only those before it; in the order of a message's way from the port to the user. */
const ROOMS = [
  'wire',
  'host',
  'outputs',
  'live',
  'transports',
  'api',
  'comms',
  'bridge',
  'inspector',
  'install',
  'index.ts'
];

/** What a file of this room imports that is in the page when it runs; types are free. */
const PACKAGES: {[room: string]: string[]} = {
  wire: [],
  host: [],
  outputs: ['@jupyterlab/apputils'],
  live: [],
  transports: ['@jupyterlab/services'],
  api: [],
  bridge: ['@lumino/coreutils']
};

const MOST_FILES = 8;
const MOST_LINES = 300;

interface IImport {
  readonly from: string;
  readonly to: string;
  readonly isType: boolean;
  /** Whether it is imported when it is needed. */
  readonly isDynamic: boolean;
}

const files = readdirSync(SOURCE, {recursive: true, encoding: 'utf-8'})
  .filter(file => /\.tsx?$/.test(file))
  .map(file => file.replaceAll(path.sep, '/'));

const textOf = (file: string) => readFileSync(path.join(SOURCE, file), 'utf-8');

function fileOf(from: string, name: string): string {
  const to = path.posix.join(path.posix.dirname(from), name);
  return files.find(file => [`${to}.ts`, `${to}.tsx`].includes(file)) ?? to;
}

/** All imports and re-exports, those at run time included. */
const imports = files.flatMap(from =>
  [
    ...textOf(from).matchAll(
      /^(?:import|export)( type)? [^;]*?from '([^']+)'|\bimport\((?:\s*\/\*.*?\*\/)?\s*'([^']+)'/gm
    )
  ].map(([, type, still, dynamic]): IImport => {
    const name = (still ?? dynamic)!;
    return {
      from,
      to: name.startsWith('.') ? fileOf(from, name) : name,
      isType: type !== undefined,
      isDynamic: still === undefined
    };
  })
);

const inside = imports.filter(({to}) => files.includes(to));
const roomOf = (file: string) => file.split('/')[0]!;
const named = ({from, to}: IImport) => `${from} imports ${to}`;

it('are these, and every file is in one', () => {
  expect([...new Set(files.map(roomOf))].sort()).toEqual([...ROOMS].sort());
});

it('import those before them only', () => {
  const level = (file: string) => ROOMS.indexOf(roomOf(file));
  expect(inside.filter(({from, to}) => level(to) > level(from)).map(named)).toEqual([]);
});

it('have no files that import each other in a circle, also for types', () => {
  const circles: string[] = [];
  const done = new Set<string>();
  const visit = (file: string, way: string[]): void => {
    if (way.includes(file)) {
      circles.push([...way.slice(way.indexOf(file)), file].join(' > '));
    } else if (!done.has(file)) {
      inside.filter(({from}) => from === file).forEach(({to}) => visit(to, [...way, file]));
      done.add(file);
    }
  };
  files.forEach(file => visit(file, []));
  expect(circles).toEqual([]);
});

it('know of JupyterLab what they may', () => {
  const outside = imports.filter(({to, isType}) => !files.includes(to) && !isType);
  const strange = outside.filter(({from, to}) => !(PACKAGES[roomOf(from)] ?? [to]).includes(to));
  expect(strange.map(named)).toEqual([]);
});

it('have few files, none of them long, and say what may enter and leave', () => {
  const sizes = new Map<string, number>();
  files.forEach(file => sizes.set(path.dirname(file), (sizes.get(path.dirname(file)) ?? 0) + 1));
  expect([...sizes].filter(([, size]) => size > MOST_FILES)).toEqual([]);
  const lines = files.map(file => [file, textOf(file).split('\n').length - 1] as const);
  expect(lines.filter(([, length]) => length > MOST_LINES)).toEqual([]);
  const rooms = [...sizes.keys()].filter(room => room !== '.');
  expect(rooms.filter(room => !existsSync(path.join(SOURCE, room, 'README.md')))).toEqual([]);
});

it('keep the bridge to host pages and the inspector out of the script that a notebook brings', () => {
  const reached = new Set<string>();
  const visit = (file: string): void => {
    if (!reached.has(file)) {
      reached.add(file);
      inside.filter(({from}) => from === file).forEach(({to}) => visit(to));
    }
  };
  visit('install/inject.ts');
  expect([...reached].filter(file => /bridge|^host|^inspector/.test(file))).toEqual([]);
});

it('leave the inspector to be loaded when it is opened', () => {
  const still = inside.filter(
    ({from, to, isType, isDynamic}) =>
      roomOf(to) === 'inspector' && roomOf(from) !== 'inspector' && !isType && !isDynamic
  );
  expect(still.map(named)).toEqual([]);
});

it('are found by their imports: each file but the entries is imported', () => {
  const imported = new Set(inside.map(({to}) => to));
  expect(files.filter(file => !imported.has(file)).sort()).toEqual([
    'api/index.ts',
    'host/index.ts',
    'index.ts',
    'install/inject.ts'
  ]);
});
