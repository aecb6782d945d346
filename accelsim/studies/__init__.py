"""Questions that take more than one simulation, or more than its figures: each study has a room of its own."""
