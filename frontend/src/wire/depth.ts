/**
 * How deep the data of a message may be nested. The kernel's JSON reader is recursive, and the stack of
 * WebAssembly is small: where it ends, Python dies with all variables. Its twin in the kernel is in
 * `lite_comms/_transports/port/port.js`; what Python sends is held to the limit in `lite_comms/_wire/strict.py`.
 */

/** How many levels of objects and arrays the content of a message may have. */
export const MAX_DEPTH = 500;

/** A message as a whole has one more. */
const MESSAGE_DEPTH = MAX_DEPTH + 1;

const [QUOTE, BACKSLASH] = ['"', '\\'];

/**
 * Refuse a comm message that is nested too deeply.
 *
 * @param text - Header, metadata and content, as JSON.
 * @throws RangeError that names the message.
 */
export function checkDepth(text: string, msg_type: string, comm_id: unknown): void {
  if (isTooDeep(text)) {
    throw new RangeError(
      `a ${msg_type} of comm ${comm_id} cannot be sent: it is nested more than ${MAX_DEPTH} levels deep`
    );
  }
}

function isTooDeep(text: string): boolean {
  // To find brackets is much faster than to tell which of them are in strings.
  if (!hasManyBrackets(text)) {
    return false;
  }
  let depth = 0;
  for (let i = 0; i < text.length; i++) {
    switch (text[i]) {
      case QUOTE:
        i = endOfString(text, i);
        break;
      case '{':
      case '[':
        if (++depth > MESSAGE_DEPTH) {
          return true;
        }
        break;
      case '}':
      case ']':
        depth--;
    }
  }
  return false;
}

/** Whether it has more opening brackets, also in strings, than a message may have levels. */
function hasManyBrackets(text: string): boolean {
  let count = 0;
  for (const bracket of ['{', '[']) {
    for (let i = text.indexOf(bracket); i >= 0; i = text.indexOf(bracket, i + 1)) {
      if (++count > MESSAGE_DEPTH) {
        return true;
      }
    }
  }
  return false;
}

/** Where the string that begins here has its last quote. */
function endOfString(text: string, start: number): number {
  let end = start;
  let slashes;
  do {
    end = text.indexOf(QUOTE, end + 1);
    for (slashes = 0; text[end - 1 - slashes] === BACKSLASH;) {
      slashes++;
    }
  } while (slashes % 2 === 1);
  return end < 0 ? text.length : end;
}
