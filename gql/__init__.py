"""The way in: settings, schema, HTTP and the command line. It imports `documents` and `resolvers`."""
