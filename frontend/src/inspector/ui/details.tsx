/** One message in full: what is known of it, its data as a tree, its buffers, its error. */
import {Clipboard} from '@jupyterlab/apputils';
import type {IRenderMime, IRenderMimeRegistry} from '@jupyterlab/rendermime';
import {Button, copyIcon, ReactWidget} from '@jupyterlab/ui-components';
import type {JSONValue} from '@lumino/coreutils';
import {Panel, Widget} from '@lumino/widgets';
import {toObject, valueOf} from '../lines';
import type {IRecord, IText} from '../log/record';
import type {View} from '../view';
import {bytes, clock, cutWord, sentence, span} from '../words';
import {Buffers} from './buffers';

const JSON_TYPE = 'application/json';
/** A text with colors, as tracebacks have them. */
const ERROR_TYPE = 'application/vnd.jupyter.stderr';
const TEXT_TYPE = 'text/plain';

/** A tree of so many characters of JSON is shown with all of its branches. */
const MOST_EXPANDED = 2_000;

export class Details extends Panel {
  constructor(
    private readonly _view: View,
    private readonly _rendermime: IRenderMimeRegistry
  ) {
    super();
    this.addClass('lite-comms-Details');
    this.node.tabIndex = 0;
    this.node.setAttribute('role', 'region');
    this.node.setAttribute('aria-label', _view.trans.__('Message'));
    _view.chosen.connect(this._draw, this);
    // What is learned later: how long it took, and its error.
    _view.ticked.connect(this._redraw, this);
    this._draw();
  }

  private _redraw(): void {
    if (this._stateNow() !== this._state) {
      this._draw();
    }
  }

  /** Changes when there is something new about the message. */
  private _stateNow(): string {
    const {selected, error} = this._view;
    return JSON.stringify([selected?.handled_ms, selected?.round_trip_ms, selected?.marks, error]);
  }

  private _draw(): void {
    const {trans, selected, error} = this._view;
    this._state = this._stateNow();
    [...this.widgets].forEach(widget => widget.dispose());
    if (selected) {
      this.addWidget(new Summary(this._view, selected));
    }
    // A traceback may be long, and what was sent explains it.
    if (selected) {
      this._addText(trans.__('Data'), selected.data);
    }
    if (error) {
      const {ename, evalue, traceback} = error;
      const text = traceback.length > 0 ? traceback.join('\n') : `${ename}: ${evalue}`;
      this._add(trans.__('Error'), ERROR_TYPE, text);
    } else if (!selected) {
      const hint = new Widget();
      hint.addClass('lite-comms-Inspector-empty');
      hint.node.textContent = trans.__('Select a message to see all of it.');
      this.addWidget(hint);
    }
    if (selected) {
      if (selected.buffers.length > 0) {
        this.addWidget(new Buffers(selected.buffers, trans));
      }
      if (selected.metadata.text !== '{}') {
        this._addText(trans.__('Metadata'), selected.metadata);
      }
      this.addWidget(new Facts(this._view, selected));
    }
  }

  /** Show JSON as a tree; what is cut, or no object, as text. */
  private _addText(title: string, text: IText): void {
    if (text.missing > 0) {
      const cut = this._view.trans.__('(cut: %1 more characters of JSON)', text.missing);
      this._add(title, TEXT_TYPE, `${text.text}… ${cut}`);
      return;
    }
    const value = valueOf(text);
    if (typeof value === 'object' && value !== null) {
      this._add(title, JSON_TYPE, value as JSONValue);
    } else {
      this._add(title, TEXT_TYPE, text.text);
    }
  }

  private _add(title: string, type: string, value: JSONValue): void {
    const head = new Widget({node: document.createElement('h3')});
    head.node.textContent = title;
    this.addWidget(head);
    const data = {[type]: value};
    // The tree is an extension of JupyterLab, which a site may have turned off.
    const isKnown = this._rendermime.mimeTypes.includes(type);
    const shown = isKnown ? data : {[TEXT_TYPE]: JSON.stringify(value, null, 2)};
    const expanded = JSON.stringify(value).length < MOST_EXPANDED;
    const metadata = {[JSON_TYPE]: {expanded}};
    const model = this._rendermime.createModel({data: shown, metadata, trusted: false});
    const renderer: IRenderMime.IRenderer = this._rendermime.createRenderer(
      isKnown ? type : TEXT_TYPE
    );
    renderer.addClass('lite-comms-Details-value');
    this.addWidget(renderer);
    void renderer.renderModel(model);
  }

  private _state = '';
}

/** The type of a message, what looks wrong about it, and a button to copy it. */
class Summary extends ReactWidget {
  constructor(
    private readonly _view: View,
    private readonly _record: IRecord
  ) {
    super();
    this.addClass('lite-comms-Summary');
  }

  protected override render(): JSX.Element {
    const {trans} = this._view;
    const record = this._record;
    const {msg_type, direction, nbytes} = record;
    const way =
      direction === 'page_to_kernel' ? trans.__('page → kernel') : trans.__('kernel → page');
    const copy = () => Clipboard.copyToSystem(JSON.stringify(toObject(record), null, 2));
    return (
      <>
        <div>
          <b>{msg_type}</b>
          <span>
            {way}, {bytes(nbytes)}
          </span>
          <Button minimal title={trans.__('Copy this message as JSON')} onClick={copy}>
            <copyIcon.react tag="span" />
          </Button>
        </div>
        {record.marks?.map(mark => (
          <p key={mark.kind} role="note">
            {sentence(mark, trans)}
          </p>
        ))}
        {record.isCut && <p role="note">{cutWord(trans)}</p>}
      </>
    );
  }
}

/** What else is known of a message. */
class Facts extends ReactWidget {
  constructor(
    private readonly _view: View,
    private readonly _record: IRecord
  ) {
    super();
    this.addClass('lite-comms-Facts');
  }

  protected override render(): JSX.Element {
    return (
      <dl>
        {this._facts()
          .filter(([, value]) => value !== '')
          .map(([name, value]) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{value}</dd>
            </div>
          ))}
      </dl>
    );
  }

  private _facts(): readonly (readonly [string, string])[] {
    const {trans, facts} = this._view;
    const {comm_id, parent_id, ...record} = this._record;
    return [
      [trans.__('Time'), clock(record.time)],
      [trans.__('Target'), record.target_name ?? ''],
      [trans.__('Module'), record.target_module ?? ''],
      [trans.__('Comm'), comm_id],
      [trans.__('Opened in'), facts.cellOf(comm_id)?.label ?? ''],
      [trans.__('Round trip'), span(record.round_trip_ms)],
      [trans.__('Callback'), span(record.callback_ms)],
      [trans.__('Handled after'), span(record.handled_ms)],
      [trans.__('Message'), record.msg_id],
      [trans.__('Parent'), parent_id ?? '']
    ];
  }
}
