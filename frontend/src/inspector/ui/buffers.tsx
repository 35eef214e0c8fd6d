/** The buffers of a message: how long they are, and their first values as the type of choice. */
import type {TranslationBundle} from '@jupyterlab/translation';
import {HTMLSelect, ReactWidget} from '@jupyterlab/ui-components';
import {useState} from 'react';
import type {IBuffer} from '../log/record';
import {firstValues, type DType, DTYPES} from '../values';
import {bytes} from '../words';

export class Buffers extends ReactWidget {
  constructor(
    private readonly _buffers: readonly IBuffer[],
    private readonly _trans: TranslationBundle
  ) {
    super();
    this.addClass('lite-comms-Buffers');
  }

  protected override render(): JSX.Element {
    const trans = this._trans;
    return (
      <>
        <h3>{trans.__('Buffers (%1)', this._buffers.length)}</h3>
        {this._buffers.map((buffer, i) => (
          <Buffer key={i} index={i} buffer={buffer} trans={trans} />
        ))}
      </>
    );
  }
}

interface IProps {
  readonly index: number;
  readonly buffer: IBuffer;
  readonly trans: TranslationBundle;
}

function Buffer({index, buffer, trans}: IProps): JSX.Element {
  const [dtype, setDType] = useState<DType>('uint8');
  const {values, more, rest} = firstValues(buffer, dtype);
  return (
    <div className="lite-comms-Buffer">
      <label>
        {trans.__('%1: %2 as', index, bytes(buffer.nbytes))}{' '}
        <HTMLSelect
          value={dtype}
          aria-label={trans.__('Type of buffer %1', index)}
          onChange={event => setDType(event.target.value as DType)}
          options={[...DTYPES]}
        />
      </label>
      <code>
        {values}
        {more > 0 && trans.__(' … and %1 more', more.toLocaleString())}
        {rest > 0 && trans._n(' (%1 byte is left)', ' (%1 bytes are left)', rest)}
      </code>
    </div>
  );
}
