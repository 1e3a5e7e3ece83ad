"""The ground that the modules of the nouns stand on: types, fields, filters, lists, loaders and mutations."""
