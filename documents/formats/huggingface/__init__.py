"""What the Hugging Face Hub keeps beside models and datasets: cards with front matter, and evaluation results."""
