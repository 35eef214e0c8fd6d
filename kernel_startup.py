# In the kernel's wheel, at etc/ipython/startup/: IPython runs it in the user's namespace before the
# first cell. So it binds no name; an exception is shown, and the kernel goes on with its own comms.
__import__("lite_comms").install()
