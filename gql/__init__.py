"""The way in: settings, schema, HTTP and the command line. Knows both floors below."""
