"""A project folder as values: what it declares, what of it differs from a server, and the plan that would end the difference.

Pure: reads files and botocore's models, talks to no server. The actor is in `cli/`."""
