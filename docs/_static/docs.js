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
}
