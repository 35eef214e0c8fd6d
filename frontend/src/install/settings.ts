/** A site's settings for its plugins, `litePluginSettings` of jupyter-lite.json. */
import {PageConfig} from '@jupyterlab/coreutils';
import type {JSONObject} from '@lumino/coreutils';

const OPTION = 'litePluginSettings';

/** The settings of one plugin, by their names. */
export function settingsOf(plugin: string): JSONObject {
  return all()[plugin] ?? {};
}

/** Change the settings of one plugin; those that read them later find the change. */
export function changeSettings(plugin: string, change: (settings: JSONObject) => void): void {
  const settings = all();
  change((settings[plugin] ??= {}));
  PageConfig.setOption(OPTION, JSON.stringify(settings));
}

function all(): {[plugin: string]: JSONObject} {
  return JSON.parse(PageConfig.getOption(OPTION) || '{}');
}
