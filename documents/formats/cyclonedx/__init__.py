"""CycloneDX 1.7 (ECMA-424): the models of a bill of materials with their `modelCard`, read and written as JSON."""
