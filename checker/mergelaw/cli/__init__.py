"""The `mergelaw` command: `main` has the options, the other modules one command each."""
