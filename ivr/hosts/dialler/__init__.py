"""The dialler: the process that calls people."""
