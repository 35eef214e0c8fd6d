import {SITE} from './site.js';

const {connect} = await import(`${SITE}extensions/lite-comms/static/host.js`);

const PATH = '06-a-host-page.ipynb';
const form = document.querySelector('form');
const status = document.querySelector('p[role=status]');
const line = document.querySelector('polyline');
const iframe = document.querySelector('iframe');

/** Show what happens, for the reader of the page. */
function tell(text, failed = false) {
  status.textContent = text;
  status.classList.toggle('failed', failed);
}

function draw(sizes) {
  const points = sizes.map((size, i) => [40 + (350 * i) / (sizes.length - 1), 230 - 1.05 * size]);
  line.setAttribute('points', points.map(point => point.map(Math.round).join(',')).join(' '));
}

/** What is asked: the numbers of the form. */
function question() {
  return {rate: form.rate.valueAsNumber, capacity: form.capacity.valueAsNumber};
}

/** The kernel of the comm is gone; another one may come. */
const GONE = ['KernelRestarted', 'KernelDied', 'Disconnected'];

/** Open a comm to the notebook, once it has run. It is opened again when the kernel has gone. */
async function open(kernel) {
  tell('Run the cells of the notebook: the last one lets this page ask.');
  await kernel.whenTarget('growth');
  const comm = kernel.open('growth');
  comm.onClose(({metadata}) => {
    form.oninput = showValues;
    const {ename, evalue} = metadata.lite_comms ?? {};
    tell(evalue ?? 'The notebook has closed the comm.', true);
    if (GONE.includes(ename)) {
      void open(kernel).catch(error => tell(error.message, true));
    }
  });
  form.oninput = async () => {
    showValues();
    try {
      const {content} = await comm.request(question());
      draw(content.data.sizes);
      tell(`The notebook has answered with ${content.data.sizes.length} numbers.`);
    } catch (error) {
      // Why a comm is closed is told by its onClose.
      if (!comm.isClosed) {
        tell(error.message, true);
      }
    }
  };
  await form.oninput();
}

function showValues() {
  for (const output of form.querySelectorAll('output')) {
    output.value = form[output.htmlFor].value;
  }
}

iframe.src = `${SITE}notebooks/index.html?path=${PATH}`;
form.oninput = showValues;
try {
  await open(await connect(iframe, {path: PATH}));
} catch (error) {
  tell(error.message, true);
}
