/** Who comes in by the handshake, and who does not, whatever they say. */
import {beforeEach, describe, expect, it, vi} from 'vitest';
import {openDoor} from '../../src/bridge/door';
import {readOrigins} from '../../src/wire/origins';
import {type FakeWindow, settled, twoWindows} from '../parts/worlds';

const HOST = 'https://docs.example.org';
const SITE = 'https://site.example.org';

let host: FakeWindow;
let site: FakeWindow;
let admitted: unknown[][];
let answers: unknown[];
let ports: MessagePort[];
let warned: string[];

beforeEach(() => {
  [host, site] = twoWindows(HOST, SITE);
  admitted = [];
  answers = [];
  ports = [];
  warned = [];
  vi.spyOn(console, 'warn').mockImplementation((text: string) => void warned.push(text));
  host.addEventListener('message', event => {
    const {data, ports: brought} = event as MessageEvent;
    answers.push(data.lite_comms_bridge);
    ports.push(...brought);
  });
});

/** Open the door of the site; another origin than the one that a test speaks of is named, too. */
function open(...origins: string[]): void {
  openDoor(site, new Set(['https://other.example.org', ...origins]), (port, origin, path) => {
    admitted.push([origin, path]);
    port.onmessage = ({data}) => admitted.push([data]);
  });
}

const hello = (more: object = {}) => ({
  lite_comms_bridge: {type: 'connect', version: 1, nonce: 'n', path: 'a.ipynb', ...more}
});

const refused = (reason: string) => [{type: 'refuse', nonce: 'n', reason}];
const notNamed = (origin: string) =>
  `the site's setting "origins" of "lite-comms:bridge" does not name ${origin}`;
const notParent = (origin: string) => `${origin} is not the page that shows this one in an iframe`;

const NO_PATH = 'the path is no text of at most 1000 characters';

describe('the page around this one', () => {
  it('gets a port if the settings name its origin', async () => {
    open(HOST);
    host.other!.postMessage(hello(), SITE);
    await settled();
    expect([admitted, answers]).toEqual([[[HOST, 'a.ipynb']], [{type: 'accept', nonce: 'n'}]]);
    ports[0]!.postMessage('through the port');
    await settled();
    expect(admitted[1]).toEqual(['through the port']);
    ports[0]!.close();
  });

  it('is answered at its own origin only', async () => {
    open(HOST);
    host.other!.postMessage(hello(), SITE);
    await settled();
    expect(host.posted.map(([, origin]) => origin)).toEqual([HOST]);
  });

  it('gets one port, however often it asks', async () => {
    open(HOST);
    for (let i = 0; i < 3; i++) {
      host.other!.postMessage(hello(), SITE);
    }
    await settled();
    expect(answers).toEqual([{type: 'accept', nonce: 'n'}]);
  });

  it('is refused if the settings do not name its origin, and both sides are told', async () => {
    open();
    host.other!.postMessage(hello(), SITE);
    host.other!.postMessage(hello(), SITE);
    await settled();
    expect([admitted, answers]).toEqual([[], refused(notNamed(HOST))]);
    expect(warned).toEqual([`lite_comms: a host page is refused: ${notNamed(HOST)}`]);
  });

  it.each([
    'http://docs.example.org',
    'https://docs.example.org:8443',
    'https://docs.example.org.evil.example',
    'https://evil-docs.example.org',
    'https://sub.docs.example.org',
    'https://docs.example.or',
    'https://DOCS.example.org'
  ])('is refused if its origin only resembles one that is named: %s', async origin => {
    [host, site] = twoWindows(origin, SITE);
    host.addEventListener('message', event => answers.push((event as MessageEvent).data));
    open(HOST);
    host.other!.postMessage(hello(), SITE);
    await settled();
    expect([admitted, answers]).toEqual([[], [{lite_comms_bridge: refused(notNamed(origin))[0]}]]);
  });

  it('gets no answer if it is sandboxed, since everyone would hear it', async () => {
    open('null');
    site.receive({data: hello(), origin: 'null', source: {}});
    await settled();
    expect([admitted, answers]).toEqual([[], []]);
  });

  it.each([
    ['another version', {version: 2}, 'the host page speaks version 2 of the bridge, this page 1'],
    [
      'no version',
      {version: undefined},
      'the host page speaks version undefined of the bridge, this page 1'
    ],
    ['a BigInt', {version: 1n}, 'the host page speaks version bigint of the bridge, this page 1'],
    ['a path that is no text', {path: ['a.ipynb']}, NO_PATH],
    ['an endless path', {path: 'a'.repeat(1001)}, NO_PATH]
  ])('is refused with %s', async (_, more, reason) => {
    open(HOST);
    host.other!.postMessage(hello(more), SITE);
    await settled();
    expect([admitted, answers]).toEqual([[], refused(reason)]);
  });

  it.each([
    ['a text', 'lite_comms_bridge'],
    ['nothing', null],
    ['no handshake', {type: 'connect'}],
    ['an empty one', {lite_comms_bridge: null}],
    ['one of another type', {lite_comms_bridge: {type: 'constructor', nonce: 'n'}}],
    ['an answer', {lite_comms_bridge: {type: 'accept', nonce: 'n'}}],
    ['no nonce', hello({nonce: undefined})],
    ['a nonce that is an object', hello({nonce: {toString: 'n'}})],
    ['an endless nonce', hello({nonce: 'n'.repeat(1001)})]
  ])('is passed over when it posts %s', async (_, data) => {
    open(HOST);
    host.other!.postMessage(data, SITE);
    await settled();
    expect([admitted, answers, warned]).toEqual([[], [], []]);
  });

  it('brings no ports of its own', async () => {
    open(HOST);
    const {port1, port2} = new MessageChannel();
    const closed = new Promise(resolve => port2.addEventListener('close', resolve));
    site.receive({data: hello(), origin: HOST, source: host, ports: [port1]});
    await closed;
    ports.forEach(port => port.close());
  });
});

describe('another window', () => {
  it('is refused though its origin is named: an iframe in an output of the notebook', async () => {
    open(HOST);
    const heard: unknown[] = [];
    const iframe = {postMessage: (...args: unknown[]) => heard.push(args)};
    site.receive({data: hello(), origin: HOST, source: iframe});
    await settled();
    expect(admitted).toEqual([]);
    expect(heard).toEqual([
      [{lite_comms_bridge: refused(notParent(HOST))[0]}, {targetOrigin: HOST, transfer: []}]
    ]);
    expect(warned).toEqual([`lite_comms: a host page is refused: ${notParent(HOST)}`]);
  });

  it('is refused when a script of the page posts to itself, also where it is in no iframe', async () => {
    site.parent = site;
    site.other = site;
    open(SITE);
    site.postMessage(hello(), SITE);
    await settled();
    expect([admitted, warned]).toEqual([
      [],
      [`lite_comms: a host page is refused: ${notParent(SITE)}`]
    ]);
  });

  it('that is gone is not answered', async () => {
    open(HOST);
    site.receive({data: hello(), origin: HOST, source: null});
    await settled();
    expect([admitted, answers]).toEqual([[], []]);
  });
});

describe('the setting', () => {
  it('names nobody if it is not there', () => {
    expect(readOrigins(undefined)).toEqual({origins: new Set(), problems: []});
  });

  it('names exact origins', () => {
    const named = ['https://docs.example.org', 'http://localhost:8001', 'https://[::1]:8443'];
    expect(readOrigins(named)).toEqual({origins: new Set(named), problems: []});
  });

  it.each([
    '*',
    'https://*.example.org',
    'null',
    'https://docs.example.org/',
    'https://docs.example.org/page',
    'https://docs.example.org:443',
    'https://Docs.example.org',
    'docs.example.org',
    'file://',
    'data:text/html,x',
    'javascript:alert(1)',
    '',
    ['https://docs.example.org'],
    null
  ])('names nobody by %j', origin => {
    expect(readOrigins([origin])).toEqual({
      origins: new Set(),
      problems: [
        `origins: ${JSON.stringify(origin)} is no exact origin: a scheme, "://" and a host`
      ]
    });
  });

  it.each(['https://docs.example.org', {0: 'https://docs.example.org'}, true])(
    'must be a list, not %j',
    setting => {
      expect(readOrigins(setting)).toEqual({
        origins: new Set(),
        problems: ['origins must be a list']
      });
    }
  );
});
