// What starts a notebook is a <div>: let the keyboard reach it, too.
for (const container of document.querySelectorAll('.jupyterlite_sphinx_iframe_container')) {
  const button = container.querySelector('.jupyterlite_sphinx_try_it_button');
  button?.setAttribute('role', 'button');
  button?.setAttribute('tabindex', '0');
  button?.addEventListener('keydown', event => {
    if (event.key === 'Enter' || event.key === ' ') {
      event.preventDefault();
      container.click();
    }
  });
  // What runs in a page is there to be tried: whoever goes on to the next page is not asked about
  // unsaved changes. The frame is made by the handler that its HTML names, which is called first.
  container.addEventListener('click', () => {
    const frame = container.querySelector('iframe');
    frame?.addEventListener('load', () => {
      const stay = event => event.stopImmediatePropagation();
      frame.contentWindow.addEventListener('beforeunload', stay, {capture: true});
    });
  });
}
