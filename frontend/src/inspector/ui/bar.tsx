/** The tool bar of a panel: pause, clear, the filter, copy, export, and how much is kept. */
import {Clipboard} from '@jupyterlab/apputils';
import {
  Button,
  clearIcon,
  closeIcon,
  copyIcon,
  downloadIcon,
  HTMLSelect,
  InputGroup,
  pauseIcon,
  ReactWidget,
  runIcon,
  type Toolbar,
  ToolbarButtonComponent,
  UseSignal
} from '@jupyterlab/ui-components';
import {useEffect, useRef} from 'react';
import {version} from '../../../package.json';
import {toLines} from '../lines';
import {MOST_RECORDS} from '../log/log';
import type {Direction} from '../log/record';
import type {View} from '../view';

const FILE = 'comms.jsonl';

/** A text is searched for once the user stops typing: all messages are looked at. */
const SEARCH_MS = 150;

/** Fill a tool bar. */
export function fillBar(toolbar: Toolbar, view: View): void {
  toolbar.addClass('lite-comms-Bar');
  const add = (name: string, Part: (props: {view: View}) => JSX.Element | null) => {
    const part = ReactWidget.create(
      <UseSignal signal={view.ticked}>{() => <Part view={view} />}</UseSignal>
    );
    part.addClass('lite-comms-Bar-part');
    toolbar.addItem(name, part);
  };
  add('pause', Pause);
  add('clear', Clear);
  add('target', Target);
  add('comm', Comm);
  add('direction', Way);
  add('marked', Marked);
  add('search', Search);
  add('kept', Kept);
  add('copy', Copy);
  add('export', Export);
}

interface IProps {
  readonly view: View;
}

function Pause({view}: IProps): JSX.Element {
  const {trans, traffic} = view;
  const {isPaused} = traffic;
  const toggle = () => {
    traffic.isPaused = !isPaused;
    view.refresh();
  };
  return (
    <ToolbarButtonComponent
      icon={isPaused ? runIcon : pauseIcon}
      tooltip={isPaused ? trans.__('Go on keeping messages') : trans.__('Pause: keep no messages')}
      pressed={isPaused}
      onClick={toggle}
    />
  );
}

function Clear({view}: IProps): JSX.Element {
  return (
    <ToolbarButtonComponent
      icon={clearIcon}
      tooltip={view.trans.__('Clear the messages and problems')}
      onClick={() => view.clear()}
    />
  );
}

/** The value of an option that lets everything through. */
const ALL = '';

function Target({view}: IProps): JSX.Element {
  const {trans, traffic, filter} = view;
  const names = new Set(traffic.comms.all.map(({target_name}) => target_name ?? ''));
  filter.target && names.add(filter.target);
  names.delete(ALL);
  return (
    <HTMLSelect
      aria-label={trans.__('Target')}
      value={filter.target ?? ALL}
      onChange={({target}) => view.narrow({target: target.value || null})}
    >
      <option value={ALL}>{trans.__('All targets')}</option>
      {[...names].sort().map(name => (
        <option key={name} value={name}>
          {name}
        </option>
      ))}
    </HTMLSelect>
  );
}

/** The one comm whose messages are shown, if it is one. */
function Comm({view}: IProps): JSX.Element | null {
  const {trans, traffic} = view;
  const {comm_id} = view.filter;
  if (comm_id === null) {
    return null;
  }
  const name = traffic.comms.get(comm_id)?.target_name ?? comm_id;
  return (
    <Button
      minimal
      small
      title={trans.__('Show the messages of all comms, not only of %1', comm_id)}
      onClick={() => view.narrow({comm_id: null})}
    >
      {trans.__('Only one comm: %1', name)}
      <closeIcon.react tag="span" />
    </Button>
  );
}

function Way({view}: IProps): JSX.Element {
  const {trans, filter} = view;
  return (
    <HTMLSelect
      aria-label={trans.__('Direction')}
      value={filter.direction ?? ALL}
      onChange={({target}) => view.narrow({direction: (target.value || null) as Direction | null})}
    >
      <option value={ALL}>{trans.__('Both ways')}</option>
      <option value="kernel_to_page">{trans.__('To the page')}</option>
      <option value="page_to_kernel">{trans.__('To the kernel')}</option>
    </HTMLSelect>
  );
}

function Marked({view}: IProps): JSX.Element {
  return (
    <label>
      <input
        type="checkbox"
        className="jp-mod-styled"
        checked={view.filter.marked}
        onChange={({target}) => view.narrow({marked: target.checked})}
      />
      {view.trans.__('Problems only')}
    </label>
  );
}

function Search({view}: IProps): JSX.Element {
  const {trans} = view;
  const delay = useRef<ReturnType<typeof setTimeout>>();
  const search = (text: string) => {
    clearTimeout(delay.current);
    delay.current = setTimeout(() => view.narrow({search: text}), SEARCH_MS);
  };
  useEffect(() => () => clearTimeout(delay.current), []);
  return (
    <InputGroup
      type="search"
      rightIcon="ui-components:search"
      placeholder={trans.__('Search')}
      aria-label={trans.__('Search in messages')}
      defaultValue={view.filter.search}
      onChange={({target}) => search(target.value)}
    />
  );
}

function Kept({view}: IProps): JSX.Element {
  const {trans, traffic, shown} = view;
  const {length, count} = traffic.log;
  // What is listed, and of how many: of those that are kept, or of all that came.
  const all = shown < length ? length : count;
  const kept =
    shown < all
      ? trans.__('%1 of %2 messages', shown.toLocaleString(), all.toLocaleString())
      : trans._n('%1 message', '%1 messages', all);
  return (
    <span
      className="lite-comms-Kept"
      title={trans.__('The last %1 messages are kept', MOST_RECORDS.toLocaleString())}
    >
      {kept}
      {/* The numbers are not read aloud: they change all the time. */}
      <b role="status">{traffic.isPaused ? trans.__('paused') : ''}</b>
      {traffic.isPaused && trans.__('%1 not kept', traffic.skipped.toLocaleString())}
    </span>
  );
}

/** What the filter lets through, as JSON lines. */
const lines = (view: View) => toLines(view.records, version);

function Copy({view}: IProps): JSX.Element {
  return (
    <ToolbarButtonComponent
      icon={copyIcon}
      tooltip={view.trans.__('Copy the messages that are shown, as JSON lines')}
      onClick={() => Clipboard.copyToSystem(lines(view))}
    />
  );
}

function Export({view}: IProps): JSX.Element {
  const save = () => {
    const link = document.createElement('a');
    link.href = URL.createObjectURL(new Blob([lines(view)], {type: 'application/jsonl'}));
    link.download = FILE;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href));
  };
  return (
    <ToolbarButtonComponent
      icon={downloadIcon}
      tooltip={view.trans.__('Export the messages that are shown, as a file of JSON lines')}
      onClick={save}
    />
  );
}
