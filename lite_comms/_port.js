// The worker's end of the port, step 4 of a message's way: picks our frames out before Python is
// entered, so that the traffic of comlink and coincident on the same channel costs nothing, and
// says what has been handled.
receive => {
  const post = (...frame) => {
    // Made for this frame, by Python: nobody else holds them.
    const buffers = frame.filter(ArrayBuffer.isView).map(view => view.buffer);
    self.postMessage({lite_comms: frame}, buffers);
  };
  // Of a burst of messages all that wait are handled first, and acknowledged in one frame.
  let handled = [];
  const turn = new MessageChannel();
  const flush = () => {
    if (handled.length > 0) {
      post('ack', ...handled);
      handled = [];
    }
  };
  turn.port1.onmessage = flush;
  const ack = id => {
    if (handled.push(id) === 1) {
      turn.port2.postMessage(null);
    }
  };
  const listener = ({data}) => {
    const frame = data?.lite_comms;
    if (frame === undefined) {
      return;
    }
    try {
      if (receive(...frame)) {
        ack(frame[1]);
      }
    } catch (error) {
      // Of what cannot even be handed to Python.
      post('error', `${error}`, typeof frame[1] === 'number' ? frame[1] : 0);
    }
  };
  self.addEventListener('message', listener);
  return {
    post,
    ack,
    close() {
      self.removeEventListener('message', listener);
      flush();
      turn.port1.close();
    }
  };
}
