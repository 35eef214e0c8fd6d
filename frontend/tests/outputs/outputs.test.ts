// @vitest-environment jsdom
/** How much callbacks may put into the outputs of a cell. */
import '../parts/jsdom';
import {OutputAreaModel} from '@jupyterlab/outputarea';
import {beforeEach, expect, it} from 'vitest';
import {Shown} from '../../src/outputs/outputs';

let outputs: OutputAreaModel;

beforeEach(() => {
  outputs = new OutputAreaModel({trusted: true});
});

function add(msg_type: string, content: object) {
  return Shown.in(outputs).add({header: {msg_type}, content} as never);
}

const print = (text: string, name = 'stdout') => add('stream', {name, text});
const display = (text: string) =>
  add('display_data', {data: {'text/plain': text}, metadata: {}, transient: {}});
const raise = () => add('error', {ename: 'E', evalue: 'v', traceback: ['x'.repeat(200_000)]});

/** The outputs, in short. */
function kinds(): string[] {
  return outputs.toJSON().map(output => {
    const {output_type, name, text} = output as {[key: string]: unknown};
    const isTold = String(text).includes('is left out');
    return isTold ? 'told' : [output_type, name, String(text ?? '').length || ''].join(' ').trim();
  });
}

it('text is counted as it is written, not as it is sent', () => {
  print('"\n'.repeat(50_000));
  expect(kinds()).toEqual(['stream stdout 100000']);
  print('x');
  expect(kinds()).toEqual(['stream stdout 100000', 'told']);
});

it('text is shown up to the limit, which is told once, and no text after it', () => {
  print('x'.repeat(60_000));
  print('y'.repeat(60_000));
  print('\n');
  print('z'.repeat(60_000));
  print('\n');
  expect(kinds()).toEqual(['stream stdout 100000', 'told']);
});

it('a large display leaves room for text, and one that is too large for smaller ones', () => {
  display('x'.repeat(5_000_000));
  display('x'.repeat(6_000_000));
  display('x'.repeat(4_000_000));
  print('x'.repeat(100_000));
  expect(kinds()).toEqual(['display_data', 'told', 'display_data', 'stream stdout 100000']);
});

it('the data of a display is counted', () => {
  const data = {'application/json': {a: 'x'.repeat(6_000_000)}, 'text/plain': 'x'};
  add('display_data', {data, metadata: {}});
  add('display_data', {data, metadata: {}});
  expect(kinds()).toEqual(['display_data', 'told']);
});

it('errors are shown however much else there is', () => {
  for (let i = 0; i < 300; i++) {
    display('');
  }
  print('x'.repeat(100_001));
  for (let i = 0; i < 60; i++) {
    raise();
  }
  const shown = kinds();
  expect(shown.filter(kind => kind === 'display_data').length).toBe(200);
  expect(shown.filter(kind => kind === 'told').length).toBe(1);
  expect(shown.filter(kind => kind === 'error').length).toBe(50);
});

it('text that goes to the same stream is one output', () => {
  for (let i = 0; i < 300; i++) {
    print('x');
  }
  expect(kinds()).toEqual(['stream stdout 300']);
  for (let i = 0; i < 300; i++) {
    print('x', i % 2 ? 'stdout' : 'stderr');
  }
  expect(outputs.length).toBe(200);
  expect(kinds().at(-1)).toBe('told');
});

it('all of it is allowed again when the outputs have been cleared', () => {
  for (let i = 0; i < 2; i++) {
    print('x'.repeat(100_000));
    print('x');
    expect(kinds()).toEqual(['stream stdout 100000', 'told']);
    outputs.clear();
  }
  print('x'.repeat(100_000));
  // As by clear_output(wait=True) in the cell.
  outputs.clear(true);
  display('');
  print('x'.repeat(100_000));
  expect(kinds()).toEqual(['display_data', 'stream stdout 100000']);
});

it('what is to be cleared by the next output takes no room from it', () => {
  print('x'.repeat(100_000));
  print('x');
  outputs.clear(true);
  print('y'.repeat(10));
  expect(kinds()).toEqual(['stream stdout 10']);
  outputs.clear(true);
  display('x'.repeat(10_000_001));
  display('x'.repeat(10_000_001));
  expect(kinds()).toEqual(['told']);
});

it('what the cell says itself is not counted', () => {
  outputs.add({output_type: 'stream', name: 'stdout', text: 'x'.repeat(200_000)});
  print('y');
  expect(kinds()).toEqual(['stream stdout 200001']);
});

it('a display is updated as long as it is there', () => {
  const update = display('1')!;
  const shown = () => outputs.toJSON().map(({data}) => data);
  expect(update({data: {'text/plain': '2'}, metadata: {}})).toBe(true);
  expect(shown()).toEqual([{'text/plain': '2'}]);
  expect(update({data: {'text/plain': 'x'.repeat(10_000_001)}, metadata: {}})).toBe(true);
  expect(shown()[0]).toEqual({'text/plain': '2'});
  expect(kinds()).toEqual(['display_data', 'told']);
  outputs.clear();
  display('3');
  expect(update({data: {'text/plain': '4'}, metadata: {}})).toBe(false);
  expect(shown()).toEqual([{'text/plain': '3'}]);
  const other = display('5')!;
  outputs.dispose();
  expect(other({data: {}, metadata: {}})).toBe(false);
});
