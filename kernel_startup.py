# In the kernel's wheel, at etc/ipython/startup/00-lite-comms.py: IPython runs it in the user's
# namespace before the first cell. So it binds no name; an exception is shown, and the kernel goes
# on with its own comms. Its name there must not be one that can be imported: IPython puts the
# folder first on the path while it runs.
__import__("lite_comms").install()
