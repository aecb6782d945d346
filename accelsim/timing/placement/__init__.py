"""Where the tensors of a step live, and what is applied while results drain."""
