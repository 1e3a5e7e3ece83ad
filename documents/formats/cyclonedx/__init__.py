"""CycloneDX (ECMA-424) as JSON: reads the models of a bill of materials, 1.5 to 1.7, with their `modelCard`; writes 1.7."""
