/** The comms of the kernel, one a row; a click shows the messages of one only. */
import type {TranslationBundle} from '@jupyterlab/translation';
import type {IComm, ICount} from '../../log/comms';
import type {View} from '../../view';
import {bytes, clock} from '../../words';
import {Grid, type IRow} from '../grid';

const ROW_PX = 42;

export function CommList({view}: {view: View}): JSX.Element {
  const {trans, traffic, filter} = view;
  const comms = traffic.comms.all;
  const open = comms.filter(({closed}) => !closed).length;
  const columns = [
    {name: trans.__('Target'), className: 'lite-comms-target'},
    {name: trans.__('Opened'), className: 'lite-comms-opened'},
    {name: trans.__('To page'), className: 'lite-comms-toPage'},
    {name: trans.__('To kernel'), className: 'lite-comms-toKernel'},
    {name: trans.__('Waiting'), className: 'lite-comms-waiting'}
  ];
  return (
    <section className="lite-comms-Comms" aria-label={trans.__('Comms')}>
      <h3>{trans.__('Comms (%1 open)', open)}</h3>
      <Grid
        label={trans.__('Comms')}
        height={ROW_PX}
        columns={columns}
        count={comms.length}
        row={index => rowOf(comms[index]!, view)}
        selected={comms.findIndex(({comm_id}) => comm_id === filter.comm_id)}
        onSelect={index => view.narrow({comm_id: comms[index]?.comm_id ?? null})}
        empty={trans.__('The kernel has no comms.')}
      />
    </section>
  );
}

function rowOf(comm: IComm, view: View): IRow {
  const {trans, facts} = view;
  const {comm_id, target_name, target_module, opened, closed, waiting, isGrowing} = comm;
  const cell = facts.cellOf(comm_id);
  const module = target_module === null ? '' : trans.__('\nmodule %1', target_module);
  const state = closed ? trans.__('closed') : since(opened, trans);
  return {
    key: comm_id,
    className: closed ? 'lite-comms-mod-closed' : isGrowing ? 'lite-comms-mod-warning' : undefined,
    title: `${target_name ?? '?'}\n${comm_id}${module}\n${state}`,
    cells: [
      <>
        <span>{target_name ?? comm_id}</span>
        {cell && (
          <a
            href="#"
            title={trans.__('Show the cell that has opened it')}
            onClick={event => {
              event.preventDefault();
              event.stopPropagation();
              cell.reveal();
            }}
          >
            {cell.label}
          </a>
        )}
      </>,
      state,
      counted(comm.kernel_to_page),
      counted(comm.page_to_kernel),
      waiting || ''
    ]
  };
}

function since(opened: IComm['opened'], trans: TranslationBundle): string {
  if (!opened) {
    return trans.__('open before the inspector');
  }
  const time = clock(opened.time).slice(0, -'.000'.length);
  return opened.by === 'page_to_kernel'
    ? trans.__('by the page, %1', time)
    : trans.__('by the kernel, %1', time);
}

function counted({messages, bytes: nbytes}: ICount): JSX.Element {
  return (
    <>
      {messages.toLocaleString()} {messages > 0 && <small>{bytes(nbytes)}</small>}
    </>
  );
}
