import {PageConfig} from '@jupyterlab/coreutils';
import {beforeEach, expect, it} from 'vitest';
import {settingsOf} from '../../src/install/settings';
import {loadWithKernel} from '../../src/install/start';

const KERNEL = '@jupyterlite/pyodide-kernel-extension:kernel';
const WHEEL = 'https://site.example/lite_comms.whl';

const read = () => JSON.parse(PageConfig.getOption('litePluginSettings'));

beforeEach(() => {
  PageConfig.setOption('litePluginSettings', '');
});

it('has the kernel load the wheel, on a site without settings', () => {
  loadWithKernel(WHEEL);
  expect(read()).toEqual({[KERNEL]: {loadPyodideOptions: {packages: [WHEEL]}}});
});

it("keeps the site's own settings", () => {
  const settings = {
    other: {a: 1},
    [KERNEL]: {pyodideUrl: './p.mjs', loadPyodideOptions: {packages: ['numpy'], env: {}}}
  };
  PageConfig.setOption('litePluginSettings', JSON.stringify(settings));
  loadWithKernel(WHEEL);
  expect(read()).toEqual({
    other: {a: 1},
    [KERNEL]: {pyodideUrl: './p.mjs', loadPyodideOptions: {packages: ['numpy', WHEEL], env: {}}}
  });
});

it('adds it once', () => {
  loadWithKernel(WHEEL);
  loadWithKernel(WHEEL);
  expect(read()[KERNEL].loadPyodideOptions.packages).toEqual([WHEEL]);
});

it('reads the settings of one plugin, and none where there are none', () => {
  expect(settingsOf('lite-comms:channel')).toEqual({});
  PageConfig.setOption('litePluginSettings', '{"lite-comms:channel": {"live": false}}');
  expect(settingsOf('lite-comms:channel')).toEqual({live: false});
});
