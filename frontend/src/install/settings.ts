/** A site's settings for its plugins, `litePluginSettings` of jupyter-lite.json. */
import {PageConfig} from '@jupyterlab/coreutils';
import type {JSONObject} from '@lumino/coreutils';
import {readOrigins} from '../wire/origins';
import type {CannotLoad} from '../comms/modules';

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

const isHttp = ({protocol}: URL) => /^https?:$/.test(protocol);

function all(): {[plugin: string]: JSONObject} {
  return JSON.parse(PageConfig.getOption(OPTION) || '{}');
}

/**
 * Read the setting `modules`: true for any URL, false for none, or a list of origins beside the page's own.
 *
 * @param runsScripts - Whether the site runs the scripts of outputs. Without the setting, one that does not
 * loads no modules either.
 * @returns What `watchModules` takes.
 */
export function modulePolicy(setting: unknown, runsScripts: () => boolean): CannotLoad {
  const where = "the site's setting 'modules' of lite-comms:classic";
  if (Array.isArray(setting)) {
    const {origins, problems} = readOrigins(setting);
    problems.forEach(problem => console.error(`lite_comms: ${where}: ${problem}`));
    origins.add(location.origin);
    const what = (url: URL | null) => {
      if (!url) {
        return 'requirejs';
      }
      // The origin of a blob is that of the page, whoever has made it: a cell can.
      return isHttp(url) ? `the origin ${url.origin}` : url.protocol;
    };
    return url =>
      url && isHttp(url) && origins.has(url.origin)
        ? ''
        : `${where} does not allow modules of ${what(url)}`;
  }
  if (setting !== undefined && typeof setting !== 'boolean') {
    console.error(`lite_comms: ${where} must be true, false or a list of origins`);
    setting = false;
  }
  return () => {
    if (setting ?? runsScripts()) {
      return '';
    }
    return setting === undefined
      ? `the site runs no scripts of outputs, and ${where} does not allow modules`
      : `${where} does not allow modules`;
  };
}
