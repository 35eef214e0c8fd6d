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
  turn.port1.onmessage = () => {
    post('ack', ...handled);
    handled = [];
  };
  const ack = id => {
    if (handled.push(id) === 1) {
      turn.port2.postMessage(null);
    }
  };
  const listener = ({data}) => {
    const frame = data?.lite_comms;
    if (frame !== undefined && receive(...frame)) {
      ack(frame[1]);
    }
  };
  self.addEventListener('message', listener);
  return {
    post,
    ack,
    close() {
      self.removeEventListener('message', listener);
    }
  };
}
