# In the kernel's wheel, at etc/ipython/startup/00-lite-comms.py: IPython runs it in the user's
# namespace before the first cell, so it binds no name. Its own name there must not be one that can
# be imported: IPython puts the folder first on the path while it runs.
__import__("lite_comms._install.start")._install.start.start()
