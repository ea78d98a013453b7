"""What a person or a program reads: the one place that writes to the terminal."""
