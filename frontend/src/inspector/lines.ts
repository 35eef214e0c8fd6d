/** Messages as JSON lines, which `lite_comms.replay` reads. */
import type {IRecord, IText} from './log/record';

/** Counts up when a reader of the lines before would not understand them. */
const FORMAT = 1;

/** Write messages, after a line that names the format. */
export function toLines(records: Iterable<IRecord>, version: string): string {
  const head = {lite_comms: version, format: FORMAT};
  return [head, ...Array.from(records, toObject)].map(line => `${JSON.stringify(line)}\n`).join('');
}

/** One message; its fields are those of the format. */
export function toObject(record: IRecord): object {
  const {direction, msg_type, msg_id, parent_id, comm_id, target_name, target_module} = record;
  return {
    time: new Date(record.time).toISOString(),
    direction,
    msg_type,
    msg_id,
    parent_id,
    comm_id,
    target_name,
    target_module,
    data: valueOf(record.data),
    // An object in any case, as receivers expect it.
    metadata: record.metadata.missing > 0 ? {} : valueOf(record.metadata),
    buffers: record.buffers.map(({bytes}) => toBase64(bytes)),
    nbytes: record.nbytes,
    ...(record.isCut && {cut: true})
  };
}

/** The value of a JSON text; of one that is cut, its beginning with a word about the rest. */
export function valueOf({text, missing}: IText): unknown {
  return missing > 0
    ? `${text}… (cut: ${missing} more characters of JSON)`
    : (JSON.parse(text) as unknown);
}

/** Bytes are spread into the arguments of a call, of which there must not be too many. */
const CHUNK = 0x8000;

function toBase64(bytes: Uint8Array): string {
  let text = '';
  for (let i = 0; i < bytes.length; i += CHUNK) {
    text += String.fromCharCode(...bytes.subarray(i, i + CHUNK));
  }
  return btoa(text);
}
