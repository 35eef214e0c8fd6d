/** The messages, one a row. */
import {ReactWidget, UseSignal} from '@jupyterlab/ui-components';
import {indexOf} from '../filter';
import type {IRecord} from '../log/record';
import type {View} from '../view';
import {bytes, clock, sentence, span} from '../words';
import {Grid, type IRow} from './grid';

const ROW_PX = 24;

/** How much of the data a row shows. */
const PREVIEW = 200;

export class Messages extends ReactWidget {
  /** Focus the list, as soon as it is drawn. */
  async focusList(): Promise<void> {
    await this.renderPromise;
    this.node.querySelector<HTMLElement>('[role=grid]')?.focus();
  }

  constructor(private readonly _view: View) {
    super();
    this.addClass('lite-comms-Messages');
    this.node.setAttribute('role', 'region');
    this.node.setAttribute('aria-label', _view.trans.__('Messages'));
  }

  protected override render(): JSX.Element {
    return <UseSignal signal={this._view.changed}>{() => <List view={this._view} />}</UseSignal>;
  }
}

function List({view}: {view: View}): JSX.Element {
  const {trans, traffic, selected} = view;
  const {records, removed} = view.update();
  const columns = [
    {name: trans.__('Time'), className: 'lite-comms-time'},
    {name: trans.__('To'), className: 'lite-comms-to'},
    {name: trans.__('Target'), className: 'lite-comms-target'},
    {name: trans.__('Type'), className: 'lite-comms-type'},
    {name: trans.__('Size'), className: 'lite-comms-size'},
    {name: trans.__('Took'), className: 'lite-comms-took'},
    {name: trans.__('Data'), className: 'lite-comms-data'}
  ];
  const empty =
    traffic.log.length > 0
      ? trans.__('No message matches the filter.')
      : trans.__('No message yet. What goes over the comms of this kernel appears here.');
  return (
    <Grid
      label={trans.__('Messages')}
      height={ROW_PX}
      columns={columns}
      count={records.length}
      row={index => rowOf(records[index]!, view)}
      selected={selected ? indexOf(records, selected) : -1}
      onSelect={index => view.select(records[index] ?? null)}
      removed={removed}
      follows={true}
      empty={empty}
    />
  );
}

function rowOf(record: IRecord, view: View): IRow {
  const {trans} = view;
  const {direction, msg_type, target_name, comm_id, marks} = record;
  const isOut = direction === 'page_to_kernel';
  const title = marks?.map(mark => sentence(mark, trans)).join('\n');
  return {
    key: record.number,
    className: classOf(record),
    title,
    cells: [
      <>
        {marks && <span className="lite-comms-hidden">{trans.__('Problem')} </span>}
        {clock(record.time)}
      </>,
      isOut ? trans.__('kernel') : trans.__('page'),
      target_name ?? comm_id,
      msg_type.replace('comm_', ''),
      bytes(record.nbytes),
      span(record.round_trip_ms ?? record.callback_ms ?? record.handled_ms),
      record.data.text.slice(0, PREVIEW)
    ]
  };
}

function classOf({direction, marks}: IRecord): string {
  const isSevere = marks?.some(({kind}) => kind !== 'slow' && kind !== 'closed');
  const mark = isSevere ? ' lite-comms-mod-error' : marks ? ' lite-comms-mod-warning' : '';
  return `lite-comms-mod-${direction}${mark}`;
}
