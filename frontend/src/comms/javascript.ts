/** The renderer of JavaScript outputs, which gives a script the `Jupyter` of its own notebook. */
import {RenderedJavaScript, type IRenderMimeRegistry} from '@jupyterlab/rendermime';
import type {IRenderMime} from '@jupyterlab/rendermime-interfaces';
import {runFor} from '../outputs/script';
import type {Documents, GlobalJupyter, IJupyter} from './jupyter';
import {jupyterFor} from './own';

const MIME_TYPES = ['text/javascript', 'application/javascript'];

/**
 * Code that looks for the classic Notebook by `window.Jupyter` in order to use its requirejs
 * modules, as Bokeh does, would fail where only its comm API is.
 */
const CLASSIC_MODULES = /['"](base|notebook)\/js\//;

/**
 * Put the renderer in the place of JupyterLab's own.
 *
 * @returns Whether there was one; a site may have taken it away.
 */
export function renderJavaScript(
  rendermime: IRenderMimeRegistry,
  documents: Documents,
  scope: GlobalJupyter
): boolean {
  const mimeTypes = MIME_TYPES.filter(mimeType => rendermime.getFactory(mimeType));
  for (const mimeType of mimeTypes) {
    const createRenderer = (options: IRenderMime.IRendererOptions) =>
      new Rendered(options, documents, scope);
    const factory = {safe: false, mimeTypes: [mimeType], createRenderer};
    rendermime.addFactory(factory, rendermime.getRank(mimeType));
  }
  return mimeTypes.length > 0;
}

/** Whether scripts of outputs can run. */
export function runsScripts(rendermime: IRenderMimeRegistry): boolean {
  return MIME_TYPES.some(mimeType => rendermime.getFactory(mimeType) !== undefined);
}

class Rendered extends RenderedJavaScript {
  constructor(
    private readonly _options: IRenderMime.IRendererOptions,
    private readonly _documents: Documents,
    private readonly _scope: GlobalJupyter
  ) {
    super(_options);
  }

  override async render(model: IRenderMime.IMimeModel): Promise<void> {
    if (model.trusted) {
      this._run(model);
      return;
    }
    // In the words of JupyterLab's own renderer, for the sake of its translations.
    const trans = this.translator.load('jupyterlab');
    const question = document.createElement('pre');
    question.textContent = trans.__(
      'Are you sure that you want to run arbitrary Javascript within your JupyterLab session?'
    );
    const button = document.createElement('button');
    button.textContent = trans.__('Run');
    button.onclick = () => {
      this.node.textContent = '';
      this._run(model);
    };
    this.node.append(question, button);
  }

  private _run(model: IRenderMime.IMimeModel): void {
    const code = model.data[this.mimeType];
    if (typeof code === 'string' && code) {
      const {resolver} = this._options;
      const jupyter =
        this._documents.of({resolver, node: this.node}) ?? this._documents.current(null);
      const shown = CLASSIC_MODULES.test(code) ? null : jupyter;
      const own = jupyterFor(this.node, jupyter);
      const evaluated = () => evaluate(code, this.node, document, window, own, own);
      runFor(this.node, () => this._scope.during(shown, evaluated));
    }
  }
}

/**
 * Run code that sees these names; as in JupyterLab, it is strict, and may declare names of its own over
 * them. By `eval` it would see the names of this file as well, or of all files of a bundle.
 */
function evaluate(
  code: string,
  ...values: [Element, Document, Window, IJupyter, IJupyter]
): unknown {
  const names = ['element', 'document', 'window', 'Jupyter', 'IPython'];
  return new Function(...names, `return (() => {'use strict'; ${code}\n})()`)(...values);
}
