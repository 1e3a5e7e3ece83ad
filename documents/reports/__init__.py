"""Reports on versions, on their risks and on the audit trail, each as data and as Markdown."""
