import {SITE} from './site.js';

const {connect} = await import(`${SITE}extensions/lite-comms/static/host.js`);

const CODE = `
import statistics
from comm import get_comm_manager

def describe(comm, msg):
    @comm.on_request
    def answer(msg):
        numbers = msg["content"]["data"]
        return {"mean": statistics.mean(numbers), "median": statistics.median(numbers)}

get_comm_manager().register_target("describe", describe, exposed=True)
`;

const form = document.querySelector('form');
const status = document.querySelector('p[role=status]');
const iframe = document.querySelector('iframe');

function tell(text, failed = false) {
  status.textContent = text;
  status.classList.toggle('failed', failed);
}

iframe.src = `${SITE}repl/index.html?${new URLSearchParams({kernel: 'python', code: CODE.trim()})}`;
try {
  // Without a path: the REPL is the only console of its page.
  const kernel = await connect(iframe);
  await kernel.whenTarget('describe');
  const comm = kernel.open('describe');
  comm.onClose(({metadata}) => tell(metadata.lite_comms?.evalue ?? 'The comm is closed.', true));
  form.onsubmit = async event => {
    event.preventDefault();
    try {
      const {content} = await comm.request(
        form.numbers.value.split(/\s+/).filter(Boolean).map(Number)
      );
      const {mean, median} = content.data;
      tell(`The mean is ${mean}, the median ${median}.`);
    } catch (error) {
      tell(error.message, true);
    }
  };
  form.querySelector('button').disabled = false;
  tell('Ready.');
} catch (error) {
  tell(error.message, true);
}
