/** The setting that names who may connect. */

/**
 * Read the setting `origins`: a list of origins as `location.origin` has them.
 *
 * @returns The origins, and what is wrong with the others, which are left out.
 */
export function readOrigins(setting: unknown): {origins: Set<string>; problems: string[]} {
  const origins = new Set<string>();
  if (!Array.isArray(setting)) {
    return {origins, problems: setting === undefined ? [] : ['origins must be a list']};
  }
  const problems: string[] = [];
  for (const origin of setting) {
    if (isOrigin(origin)) {
      origins.add(origin);
    } else {
      problems.push(
        `origins: ${JSON.stringify(origin)} is no exact origin: a scheme, "://" and a host`
      );
    }
  }
  return {origins, problems};
}

/** Whether it is written as the browser writes it; `null`, `*` and patterns are not. */
function isOrigin(origin: unknown): origin is string {
  return (
    typeof origin === 'string' &&
    /^https?:[^*]+$/.test(origin) &&
    URL.canParse(origin) &&
    new URL(origin).origin === origin
  );
}
