/** A client of the kernel: it records messages, and turns them into the lines of a check. */
{
  const {json, bytes, py, until} = globalThis.conformance;

  /** The older way, which a page can ask for: comms in the one shell of the kernel. */
  const SHELL = {commsOverSubshells: 'disabled'};

  /** All that has been said is heard, and nothing is left for the next check. */
  const CLEAR = py`
    sys.stdout.flush(); sys.stderr.flush()
    for known in list(manager.comms.values()): known.close()
    manager.targets.clear()
  `;

  /** Names for the ids of one check, in the order in which they appear. */
  class Names {
    add(id, name) {
      const n = (this._counts.get(name) ?? 0) + 1;
      this._counts.set(name, n);
      this._names.set(id, `${name} ${n}`);
    }

    of(id) {
      return id === undefined ? 'nobody' : (this._names.get(id) ?? 'a stranger');
    }

    has(id) {
      return this._names.has(id);
    }

    /** Write names in the place of ids. */
    in(text) {
      for (const [id, name] of this._names) {
        text = text.replaceAll(id, `<${name}>`);
      }
      return text;
    }

    _names = new Map();
    _counts = new Map();
  }

  const HIDDEN = 'what prepares';

  /** What a message says, in one line. */
  const summary = ({header, metadata, content, buffers}) => {
    const parts = [header.msg_type];
    switch (header.msg_type) {
      case 'status':
        return content.execution_state;
      case 'execute_input':
        break;
      case 'error':
        parts.push(`${content.ename}: ${content.evalue}`);
        break;
      case 'display_data':
      case 'execute_result':
      case 'update_display_data':
        parts.push(content.data['text/plain'], json(content.transient ?? {}));
        break;
      default:
        parts.push(json(content));
        if (Object.keys(metadata).length) {
          parts.push(`metadata ${json(metadata)}`);
        }
        if (buffers?.length) {
          parts.push(`buffers ${json(buffers.map(bytes))}`);
        }
    }
    return parts.join(' ');
  };

  /** A client of the kernel, and what it hears. */
  class Client {
    constructor(kernel, names) {
      this.kernel = kernel;
      this.names = names;
      this.heard = [];
      this._targets = [];
      this._hear = (_, {msg, direction}) => {
        const {msg_id, msg_type} = msg.header;
        if (direction === 'send') {
          const name = msg_type === 'execute_request' ? 'cell' : msg_type;
          names.add(msg_id, msg.metadata.hidden ? HIDDEN : name);
        } else if (msg.channel === 'iopub') {
          if (msg_type === 'comm_open' && !names.has(msg.content.comm_id)) {
            names.add(msg.content.comm_id, 'comm of the kernel');
          }
          this.heard.push(msg);
        }
      };
      kernel.anyMessage.connect(this._hear);
    }

    /** Leave the connection as it was. */
    end() {
      this.kernel.anyMessage.disconnect(this._hear);
      this._targets.forEach(([name, f]) => this.kernel.removeCommTarget(name, f));
    }

    /** Begin to run a cell. */
    begin(code, options) {
      return this.kernel.requestExecute({code, ...options});
    }

    /** Run a cell to its end; the reply. */
    async run(code, options) {
      return (await this.begin(code, options).done).content;
    }

    /** Run code that the lines do not show. */
    async prepare(code) {
      const request = {code, silent: true, store_history: false};
      const {content} = await this.kernel.requestExecute(request, true, {hidden: true}).done;
      if (content.status !== 'ok') {
        throw new Error(`${content.ename}: ${content.evalue}`);
      }
    }

    /** All that the kernel has said until now is heard. */
    async settle() {
      await this.prepare(CLEAR);
    }

    /** Wait until the kernel has said something. */
    async hear(type, found = () => true) {
      const fits = msg => msg.header.msg_type === type && found(msg.content);
      await until(() => this.heard.some(fits));
    }

    /** Wait for a text, in how many messages it may come. */
    async hearText(text) {
      await until(() =>
        this.heard
          .map(({content}) => content.text ?? '')
          .join('')
          .includes(text)
      );
    }

    comm(target) {
      const comm = this.kernel.createComm(target);
      this.names.add(comm.commId, 'comm of the page');
      return comm;
    }

    /** A comm that the page has opened. */
    async open(target, data, metadata, buffers) {
      const comm = this.comm(target);
      await comm.open(data, metadata, buffers).done;
      return comm;
    }

    /** The next comm that the kernel opens for a target. */
    opened(target) {
      return new Promise(resolve => {
        const f = (comm, msg) => resolve({comm, msg});
        this.kernel.registerCommTarget(target, f);
        this._targets.push([target, f]);
      });
    }

    /** What has been heard, but for what prepares. */
    lines({status = false} = {}) {
      const lines = [];
      let stream = {};
      for (const msg of this.heard) {
        const type = msg.header.msg_type;
        const parent = this.names.of(msg.parent_header?.msg_id);
        const isOfOthers = parent === 'a stranger';
        // By a status without a parent the page shows that a callback runs, after it has said something.
        const isOfPage = isOfOthers || parent === 'nobody';
        // How a text is cut into messages is open, so a piece may be empty.
        const isLeftOut =
          type === 'status'
            ? !status || isOfPage
            : (type === 'execute_input' && isOfOthers) || msg.content.text === '';
        // A second thread of a server kernel looks for a comm, too, and tells the same once more.
        const isSaidTwice = parent === 'nobody' && /^No such comm:/.test(msg.content.text ?? '');
        if (isLeftOut || isSaidTwice || parent.startsWith(HIDDEN)) {
          continue;
        }
        if (type === 'stream') {
          const {name, text} = msg.content;
          if (stream.name === name && stream.parent === parent) {
            lines.pop();
          } else {
            stream = {name, parent, text: ''};
          }
          stream.text += text;
          lines.push(`${parent}: ${name} ${json(stream.text)}`);
        } else {
          stream = {};
          lines.push(`${parent}: ${summary(msg)}`);
        }
      }
      return lines;
    }
  }

  /** One check: its clients, and the lines that it gives. */
  class Trial extends Client {
    constructor(kernel) {
      super(kernel, new Names());
      this.clients = [this];
      this.said = [];
    }

    /** Another client. */
    client({handleComms = true} = {}) {
      const {kernels} = globalThis.jupyterapp.serviceManager;
      const connection = kernels.connectTo({model: this.kernel.model, handleComms, ...SHELL});
      const client = new Client(connection, this.names);
      this.clients.push(client);
      return client;
    }

    say(...values) {
      this.said.push(
        values.map(value => (typeof value === 'string' ? value : `${json(value)}`)).join(' ')
      );
    }

    result(options) {
      // Each kernel has its way to name what a cell was compiled from, and its folders.
      const cell = /<ipython-input-[\w-]+>|[\w/.]*\b\d+\.py\b/g;
      const file = /[^\s"]*\/site-packages\/\S+:\d+: /g;
      return [...this.lines(options), ...this.said].map(line =>
        this.names.in(line).replace(cell, '<a cell>').replace(file, '<a file>: ')
      );
    }
  }

  Object.assign(globalThis.conformance, {
    Trial,
    SHELL
  });
}
