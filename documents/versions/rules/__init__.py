"""What may be done to a model version, one subject a module: functions that change the version and neither load nor store it."""
