"""The command line, and the build pipeline that it runs."""
