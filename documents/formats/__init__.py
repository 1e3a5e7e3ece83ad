"""Readers and writers of foreign formats, one format a module or package."""
