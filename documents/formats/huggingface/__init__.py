"""Files of the Hugging Face Hub: model and dataset cards with front matter, and evaluation results."""
