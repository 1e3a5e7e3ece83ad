"""May it be deployed? A case file a version, loaded in bulk, judged by pure checks; standing is the same judgement, stored."""
