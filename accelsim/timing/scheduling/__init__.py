"""When operations may start, and which one a free unit takes."""
