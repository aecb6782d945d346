"""What a Timeline says: critical path, slack, hidden work, roofline."""
